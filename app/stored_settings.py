"""Settings that are changed while the program runs: kept in the database, behind environment and file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import SecretStr

from app.settings import Settings, in_environment, load_settings, variable_of
from db import data_version, stored_settings
from db.engine import Database
from scanner.errors import InputError
from scanner.sources.resilience import RateLimit

STORABLE: Final = (
    "sources",
    "source_limits",
    "source_timeout_seconds",
    "source_timeouts",
    "chain_cache_seconds",
    "rate",
    "flow_scans",
    "flow_symbols",
    "alert_score",
    "alerts_per_hour",
    "alert_simulated",
    "keep_days",
)
"""Settings that a running program takes over. Addresses, folders and secrets are for environment and file alone."""

INSTALLATION: Final = (
    "mode",
    "data_dir",
    "database_url",
    "archive",
    "file_dir",
    "recorded_dir",
    "seed",
    "dashboard_host",
    "dashboard_port",
    "api",
    "api_host",
    "api_port",
    "api_workers",
    "worker_processes",
    "worker_threads",
    "pool_size",
    "statement_timeout_seconds",
    "log_level",
)
"""What is shown of the rest."""

_SET: Final = "set"
"""Stands for a value that may hold a secret."""


class Origin(StrEnum):
    """Where a value comes from, the first that has one."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DATABASE = "database"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingState:
    """`text` and `default` are written as in the environment, empty where nothing is set.

    `problem`: why a stored value is not used.
    """

    field: str
    variable: str
    text: str
    default: str
    origin: Origin
    description: str
    problem: str | None = None

    @property
    def fixed(self) -> bool:
        """Whether the environment or the file decides, whatever is stored."""
        return self.origin in (Origin.ENVIRONMENT, Origin.FILE)


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings of the moment with the state of each that can be stored."""

    settings: Settings
    states: tuple[SettingState, ...]


class StoredSettings:
    """`given` are the settings without what is stored."""

    def __init__(self, database: Database, given: Settings, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._given = given
        self._clock = clock

    def read(self) -> dict[str, str]:
        """What is stored, by variable."""
        with self._database.connection() as connection:
            return stored_settings.settings(connection)

    def effective(self) -> Effective:
        return effective(self._given, self.read())

    def installation(self) -> tuple[SettingState, ...]:
        """The settings that only environment and file can say."""
        states = (_state(self._given, field, None) for field in INSTALLATION)
        return tuple(_with_text(one, self._given) for one in states)

    def save(self, changes: Mapping[str, str | None]) -> None:
        """Store values by field, None for the default. All or none: raises InputError naming each that is wrong."""
        problems = [problem for field, text in changes.items() if (problem := self._problem(field, text))]
        if problems:
            raise InputError("; ".join(problems))
        by_variable = {variable_of(field): text for field, text in changes.items()}
        with self._database.connection() as connection:
            stored_settings.change_settings(connection, by_variable, now=self._clock())
            data_version.advance(connection)

    def _problem(self, field: str, text: str | None) -> str | None:
        if field not in STORABLE:
            return f"{variable_of(field)} is set in the environment or the file .env alone"
        return None if text is None else problem_of(self._given, field, text)


def effective(given: Settings, stored: Mapping[str, str]) -> Effective:
    """What holds: environment and file first, then what is stored, then the default.

    A stored value that cannot be read (an older version wrote it) is not used, and its state says so.
    """
    states = tuple(_state(given, field, stored.get(variable_of(field))) for field in STORABLE)
    used = {one.field: stored[one.variable] for one in states if one.origin is Origin.DATABASE and one.problem is None}
    settings = _with(given, used) if used else given
    return Effective(settings, tuple(_with_text(one, settings) for one in states))


def problem_of(given: Settings, field: str, text: str) -> str | None:
    """Why a text is no value of a setting."""
    if not text.strip():
        return f"{variable_of(field)} is empty. Choose the default instead"
    try:
        _with(given, {field: text})
    except InputError as error:
        return str(error).removeprefix("settings cannot be read. ")
    return None


def written(value: object) -> str:
    """A value as the environment would have it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case SecretStr():
            return _SET
        case RateLimit():
            return f"{value.calls:g}/{value.window_seconds:g}/{value.burst:g}"
        case Mapping():
            return ",".join(f"{name}={written(one)}" for name, one in value.items())
        case ((first, rate),) if first == 0:
            return written(rate)
        case tuple():
            return ",".join(":".join(map(written, one)) if isinstance(one, tuple) else written(one) for one in value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _state(given: Settings, field: str, stored: str | None) -> SettingState:
    variable, info = variable_of(field), Settings.model_fields[field]
    problem = None
    if field in given.model_fields_set:
        origin = Origin.ENVIRONMENT if in_environment(variable) else Origin.FILE
    elif stored is None:
        origin = Origin.DEFAULT
    else:
        origin, problem = Origin.DATABASE, problem_of(given, field, stored)
    return SettingState(field, variable, "", written(info.default), origin, info.description or "", problem)


def _with_text(state: SettingState, settings: Settings) -> SettingState:
    return replace(state, text=written(getattr(settings, state.field)))


def _with(given: Settings, texts: Mapping[str, str]) -> Settings:
    known: dict[str, Any] = {_input_name(field): getattr(given, field) for field in given.model_fields_set}
    return load_settings(**{**known, **texts})


def _input_name(field: str) -> str:
    return "DATABASE_URL" if field == "database_url" else field
