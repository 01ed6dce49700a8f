"""Every setting, read from the environment. Secrets never show in a text."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Self

from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from scanner.errors import InputError, SymbolError
from scanner.model import Mode
from scanner.sources.registry import checked_order
from scanner.sources.resilience import RateLimit
from scanner.symbols import normalise

PROJECT_FOLDER: Final = Path(__file__).resolve().parents[1]

ENV_FILE_VARIABLE: Final = "SCANNER_ENV_FILE"
"""Names another file than `.env`. The one setting that cannot stand in the file."""

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

KEY_BYTES: Final = 32
"""Of AES-256."""

RatePoints = tuple[tuple[float, float], ...]
"""(years, continuous rate as a decimal), in ascending years."""


def _rate_points(value: object) -> object:
    """Read "0.043" as a flat curve and "0.08:0.043,1:0.041" as a table of years and rates."""
    if not isinstance(value, str):
        return value
    points = []
    for part in value.split(","):
        years, separator, rate = part.partition(":")
        points.append((float(years), float(rate)) if separator else (0.0, float(years)))
    if [years for years, _ in points] != sorted({years for years, _ in points}):
        raise ValueError("years must ascend, each once")
    if not all(0 <= years <= 100 and -0.5 <= rate <= 1 for years, rate in points):
        raise ValueError("rates are decimals between -0.5 and 1 (0.043 is 4.3 %), years between 0 and 100")
    return tuple(points)


def _source_order(value: object) -> object:
    """Read "schwab, yahoo" as an order of live sources."""
    if not isinstance(value, str):
        return value
    return checked_order([name.strip().lower() for name in value.split(",") if name.strip()])


def _symbols(value: object) -> object:
    """Read "SPY, qqq" as canonical symbols."""
    if not isinstance(value, str):
        return value
    try:
        symbols = tuple(dict.fromkeys(normalise(text) for text in value.split(",") if text.strip()))
    except SymbolError as error:
        raise ValueError(str(error)) from error
    if not symbols:
        raise ValueError("it names no symbol; leave it out for the default ones")
    return symbols


def _by_source(text: str) -> Iterator[tuple[str, str]]:
    """Read "yahoo=5/1,schwab=120/60" as pairs of a source and what is set for it."""
    seen: set[str] = set()
    for part in text.split(","):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if not separator or not value:
            raise ValueError(f"{part.strip()!r} is not of the form source=value")
        (source,) = checked_order([name.lower()])
        if source in seen:
            raise ValueError(f"{source} is named twice")
        seen.add(source)
        yield source, value


def _timeouts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return {name: _timeout(seconds) for name, seconds in _by_source(value)}


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"time-outs are seconds above zero, not {text}")
    return seconds


def _limits(value: object) -> object:
    if not isinstance(value, str):
        return value
    return {name: _limit(limit) for name, limit in _by_source(value)}


def _limit(text: str) -> RateLimit:
    try:
        calls, seconds, burst = text.split("/") if text.count("/") == 2 else (*text.split("/"), "1")
        numbers = int(calls), float(seconds), int(burst)
    except ValueError:
        raise ValueError(
            f"{text!r} is not of the form calls/seconds or calls/seconds/burst, such as 120/60/20"
        ) from None
    return RateLimit(*numbers)


def _in_project(path: Path) -> Path:
    """A relative path is meant from the project's folder, wherever a process works."""
    return PROJECT_FOLDER / path.expanduser()


Folder = Annotated[Path, AfterValidator(_in_project)]


def key_bytes(text: str) -> bytes:
    """The 32 bytes of a key in base64. Raises ValueError, without the text, where they are none."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("it must be 32 bytes in base64; `openssl rand -base64 32` makes one") from None
    return key


def _is_key(value: SecretStr) -> SecretStr:
    key_bytes(value.get_secret_value())
    return value


KeyText = Annotated[SecretStr, AfterValidator(_is_key)]


class Settings(BaseSettings):
    """Read by `load_settings`, with the prefix `SCANNER_` except `DATABASE_URL`. An empty variable is not set."""

    model_config = SettingsConfigDict(env_prefix="SCANNER_", frozen=True, extra="ignore", env_ignore_empty=True)

    mode: Mode = Field(default=Mode.LIVE, description="live, simulated or recorded: where the numbers come from.")
    data_dir: Folder = Field(
        default=PROJECT_FOLDER / ".data", description="Folder of the embedded PostgreSQL, its logs and our state."
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="A PostgreSQL 14+ to use instead of the embedded one.",
    )
    secret_key: KeyText | None = Field(
        default=None, description="Key of the stored secrets, 32 bytes in base64, instead of the key file."
    )
    secret_key_new: KeyText | None = Field(
        default=None, description="The key that follows SCANNER_SECRET_KEY, while it is being replaced."
    )
    robinhood_username: SecretStr | None = Field(default=None, description="User name at Robinhood.")
    robinhood_password: SecretStr | None = Field(default=None, description="Password at Robinhood.")
    robinhood_mfa_secret: SecretStr | None = Field(
        default=None, description="Key behind Robinhood's authenticator codes (TOTP, base32)."
    )
    robinhood_mfa_code: SecretStr | None = Field(
        default=None, description="One code of Robinhood's, for the log-in under way, where there is no key."
    )
    polygon_api_key: SecretStr | None = Field(default=None, description="API key at Polygon (Massive).")
    schwab_app_key: SecretStr | None = Field(default=None, description="App key of your app at Schwab's developers.")
    schwab_app_secret: SecretStr | None = Field(default=None, description="Secret of that app.")
    schwab_callback_url: str | None = Field(default=None, description="Callback address of that app.")
    dashboard_host: str = Field(default="127.0.0.1", description="Address the dashboard listens on.")
    dashboard_port: int = Field(default=8501, ge=1, le=65_535, description="Port of the dashboard.")
    api: bool = Field(default=True, description="Whether the program starts the REST API beside the dashboard.")
    api_host: str = Field(default="127.0.0.1", description="Address the REST API listens on.")
    api_port: int = Field(default=8000, ge=1, le=65_535, description="Port of the REST API.")
    api_workers: int = Field(default=1, ge=1, le=32, description="Processes of the REST API.")
    api_keys: bool | None = Field(
        default=None, description="Whether the REST API needs keys. Default: not on an address of this machine alone."
    )
    rate: Annotated[RatePoints, NoDecode, BeforeValidator(_rate_points)] = Field(
        default=((0.0, 0.04),),
        min_length=1,
        description="Continuous interest rate as a decimal (0.043), or a table of years:rate (0.08:0.043,1:0.041).",
    )
    seed: int = Field(default=1, description="Seed of the simulated market.")
    recorded_dir: Folder | None = Field(default=None, description="Folder of recorded answers, for the mode recorded.")
    source_timeout_seconds: float = Field(
        default=20.0, gt=0, allow_inf_nan=False, description="How long one vendor call may take."
    )
    source_timeouts: Annotated[Mapping[str, float], NoDecode, BeforeValidator(_timeouts)] = Field(
        default={}, description="Other time-outs by source: schwab=30,yahoo=10."
    )
    source_limits: Annotated[Mapping[str, RateLimit], NoDecode, BeforeValidator(_limits)] = Field(
        default={}, description="Other rate limits by source, calls/seconds or calls/seconds/burst: polygon=100/1/20."
    )
    sources: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_source_order)] = Field(
        default=None, description="Live sources in the order they are asked: schwab,yahoo. Default: all configured."
    )
    file_dir: Folder | None = Field(default=None, description="Folder of saved chains, for the source file.")
    chain_cache_seconds: float = Field(
        default=60.0,
        ge=0,
        allow_inf_nan=False,
        description="For how long a live chain that was fetched serves everybody who asks.",
    )
    flow_scans: bool = Field(
        default=True, description="Whether workers scan for unusual flow and skew every 15 minutes of a session."
    )
    flow_symbols: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_symbols)] = Field(
        default=None, description="Symbols of the flow scan: SPY,QQQ,NVDA. Default: the 44 default stocks."
    )
    alert_urls: SecretStr | None = Field(
        default=None,
        description="Where alerts go: apprise addresses (discord://..., mailto://...), separated by spaces.",
    )
    alert_score: int = Field(default=80, ge=0, le=100, description="Composite score from which an alert is sent.")
    alerts_per_hour: int = Field(default=12, ge=1, le=1_000, description="Messages an hour at most.")
    alert_simulated: bool = Field(default=False, description="Whether simulated and recorded data are told of too.")
    archive: str | None = Field(
        default=None,
        min_length=1,
        description="Where old days go, a folder or s3://bucket/folder that all machines see. Default: a folder beside "
        "the embedded database; with DATABASE_URL nothing leaves the database.",
    )
    keep_days: int = Field(default=30, ge=1, le=3_650, description="Days that stay in the database.")
    worker_processes: int | None = Field(default=None, ge=1, le=32, description="Worker processes; default by mode.")
    worker_threads: int | None = Field(default=None, ge=1, le=64, description="Threads per worker; default by mode.")
    pool_size: int = Field(default=8, ge=1, le=100, description="Database connections per process at most.")
    statement_timeout_seconds: float = Field(default=60.0, gt=0, description="How long one SQL statement may run.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")
    supervisor_pid: int | None = Field(
        default=None, description="Set by the program itself: the process that already owns database and workers."
    )

    @model_validator(mode="after")
    def _has_a_recording(self) -> Self:
        if self.mode is Mode.RECORDED and self.recorded_dir is None:
            raise ValueError("the mode recorded needs SCANNER_RECORDED_DIR, a folder of saved answers")
        return self

    @property
    def api_needs_keys(self) -> bool:
        return self.api_host not in LOOPBACK if self.api_keys is None else self.api_keys

    @property
    def archive_place(self) -> str | None:
        """Where days of this mode go that are older than is kept; None: they stay."""
        if self.archive is None:
            return None if self.database_url else str(self.data_dir / "archive" / self.mode.value)
        return f"{self.archive.rstrip('/')}/{self.mode.value}"

    @property
    def threads_per_worker(self) -> int:
        """Live sources wait for the network; the others compute, and threads would only wait for one another."""
        return self.worker_threads or (8 if self.mode is Mode.LIVE else 1)

    @property
    def worker_count(self) -> int:
        return self.worker_processes or (1 if self.mode is Mode.LIVE else 2)


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and, where it says nothing, the file `.env` in the project's folder.

    Keyword arguments win. Raises `InputError` naming each wrong variable or line.
    """
    file = environment_file()
    if problems := list(_problems(file)):
        raise InputError(f"settings cannot be read. {file}: " + "; ".join(problems))
    try:
        return Settings(_env_file=file, **overrides)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        problems = [
            _variable(problem["loc"]) + problem["msg"].removeprefix("Value error, ")
            for problem in error.errors(include_input=False)
        ]
        raise InputError("settings cannot be read. " + "; ".join(problems)) from None


def environment_file() -> Path:
    """The file that settings come from where the environment says nothing. It need not exist."""
    return _in_project(Path(os.environ.get(ENV_FILE_VARIABLE) or ".env"))


def in_environment(variable: str) -> bool:
    """Whether the environment sets it; else its value, if it has one, is that of the file."""
    return any(name.upper() == variable and value for name, value in os.environ.items())


def secrets_of(settings: Settings) -> dict[str, str]:
    """Variable -> value of every secret that is set. Never to be shown."""
    values = ((variable_of(field), getattr(settings, field)) for field in Settings.model_fields)
    return {name: value.get_secret_value() for name, value in values if isinstance(value, SecretStr)}


def variables() -> tuple[str, ...]:
    """The name of every setting in the environment."""
    return tuple(variable_of(field) for field in Settings.model_fields)


def _problems(file: Path) -> Iterator[str]:
    """What is wrong with the file of settings. A misspelt setting would be passed over in silence otherwise."""
    if not file.is_file():
        return
    try:
        with file.open(encoding="utf-8") as lines:
            bindings = list(parse_stream(lines))
    except (OSError, UnicodeDecodeError) as error:
        yield f"it is no readable text in UTF-8 ({error})"
        return
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            yield f"line {binding.original.line} is not of the form NAME=value"
        elif binding.key and binding.key.startswith("SCANNER_") and binding.key not in variables():
            like = get_close_matches(binding.key, variables(), 1, cutoff=0.8)
            yield f"{binding.key} is no setting; {f'{like[0]} is' if like else 'docs/settings.md lists them'}"


def _variable(location: tuple[int | str, ...]) -> str:
    return f"{variable_of(str(location[0]))}: " if location else ""


def variable_of(field: str) -> str:
    """The name of a setting in the environment."""
    return "DATABASE_URL" if field.lower() == "database_url" else f"SCANNER_{field.upper()}"
