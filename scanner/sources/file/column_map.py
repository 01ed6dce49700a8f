"""The column map beside a file, `<file>.columns.toml`: what its headers mean and what the file does not say itself.

`columns.toml` does the same for all files of the folder that are tables and have no map of their own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from scanner.errors import SymbolError
from scanner.sources.file.columns import COLUMNS
from scanner.sources.file.content import ENCODINGS
from scanner.sources.file.dates import DateOrder
from scanner.sources.file.delimited import SEPARATORS
from scanner.sources.file.numbers import MARKS
from scanner.sources.file.problems import FileProblemError
from scanner.symbols import normalise

SUFFIX: Final = ".columns.toml"
FOLDER_NAME: Final = "columns.toml"

KEYS: Final[Mapping[str, type]] = {
    "symbol": str,
    "source": str,
    "quote_time": datetime,
    "underlying_last": float,
    "time_zone": str,
    "date_order": str,
    "decimal": str,
    "encoding": str,
    "separator": str,
    "final_newline": bool,
    "footer_lines": int,
    "column_order": list,
    "columns": dict,
}
"""What a map may say, and the type of each value."""

CBOE_KEYS: Final = frozenset(("symbol", "source", "underlying_last", "encoding", "date_order"))
"""What a map may say about a file in Cboe's format, which says the rest itself."""

_ONE_FILE_ONLY: Final = ("symbol", "quote_time", "underlying_last")
_CHOICES: Final = {
    "date_order": tuple(DateOrder),
    "decimal": MARKS,
    "encoding": ENCODINGS,
    "separator": SEPARATORS,
}


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """What is stated about a file; None where nothing is. `keys` are those that were written."""

    keys: frozenset[str] = frozenset()
    symbol: str | None = None
    source: str | None = None
    quote_time: datetime | None = None
    underlying_last: float | None = None
    time_zone: tzinfo | None = None
    date_order: DateOrder | None = None
    decimal: str | None = None
    encoding: str | None = None
    separator: str | None = None
    final_newline: bool = True
    footer_lines: int = 0
    column_order: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


def read_column_map(path: Path) -> ColumnMap:
    """The map in a file. Raises FileProblemError for everything that is not as documented."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, f"it is no TOML ({error})") from error
    except OSError as error:
        raise _wrong(path, f"it cannot be read ({error.strerror})") from error
    for key, value in document.items():
        _check(path, key, value)
    facts: dict[str, Any] = {**document, "keys": frozenset(document)}
    if "time_zone" in facts:
        facts["time_zone"] = _zone(path, facts["time_zone"])
    if "symbol" in facts:
        facts["symbol"] = _symbol(path, facts["symbol"])
    if "quote_time" in facts:
        facts["quote_time"] = _instant(path, facts["quote_time"], facts.get("time_zone"))
    if "date_order" in facts:
        facts["date_order"] = DateOrder(facts["date_order"])
    facts["column_order"] = tuple(facts.get("column_order", ()))
    return ColumnMap(**facts)


def _check(path: Path, key: str, value: object) -> None:
    kind = KEYS.get(key)
    if kind is None:
        raise _wrong(path, f"it has the key {key!r}, known are {', '.join(KEYS)}")
    if path.name == FOLDER_NAME and key in _ONE_FILE_ONLY:
        raise _wrong(path, f"it states {key} for all files of the folder: state it in the map of one file")
    if kind is float and type(value) is int:
        kind = int
    if type(value) is not kind:
        raise _wrong(path, f"{key} is {value!r}, expected {kind.__name__}")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise _wrong(path, f"{key} is {value!r}, expected one of {', '.join(map(repr, map(str, _CHOICES[key])))}")
    if isinstance(value, int | float) and not isinstance(value, bool) and not 0 <= value < float("inf"):
        raise _wrong(path, f"{key} is {value!r}, expected a number from 0 on")
    if isinstance(value, dict | list):
        _check_names(path, key, list(value.values()) if isinstance(value, dict) else value)


def _check_names(path: Path, key: str, names: list[object]) -> None:
    """Every name is one of our columns, once; in `column_order` an empty one stands for a column left out."""
    allowed = {*COLUMNS, ""} if key == "column_order" else set(COLUMNS)
    unknown = [name for name in names if not isinstance(name, str) or name not in allowed]
    if unknown:
        raise _wrong(path, f"{key} names {unknown[0]!r}, our columns are {', '.join(COLUMNS)}")
    named = [name for name in names if name]
    if len(set(named)) != len(named):
        raise _wrong(path, f"{key} names a column twice")


def _zone(path: Path, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _wrong(path, f"time_zone {name!r} is not known, expected one such as America/New_York") from error


def _symbol(path: Path, text: str) -> str:
    try:
        return normalise(text)
    except SymbolError as error:
        raise _wrong(path, f"symbol {error}") from error


def _instant(path: Path, instant: datetime, zone: tzinfo | None) -> datetime:
    if instant.utcoffset() is not None:
        return instant.astimezone(UTC)
    if zone is None:
        raise _wrong(path, f"quote_time {instant} has no time zone: write its offset, or state time_zone")
    return instant.replace(tzinfo=zone).astimezone(UTC)


def _wrong(path: Path, why: str) -> FileProblemError:
    return FileProblemError(f"its column map {path.name} cannot be used: {why}")
