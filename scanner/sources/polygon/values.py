"""Single values of Polygon's JSON. A missing key is an unknown value: what a plan does not include is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from scanner.sources.payload import PayloadError, mapping

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_NANOSECONDS: Final = 10**18
"""September 2001: anything below is no time in nanoseconds."""

_NANOSECONDS_PER_MICROSECOND: Final = 1_000


def part(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A part of a row that may be missing. Raises PayloadError for what is no object."""
    value = row.get(key)
    return {} if value is None else mapping(value, key)


def day(value: object, what: str) -> date:
    """A calendar date such as 2026-12-18."""
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise PayloadError(f"{what} is not a date") from error


def number(value: object, what: str) -> float:
    """NaN where the value is missing or a sentinel (null, "NaN", negative, infinite).

    Raises PayloadError for what is no number at all.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan")):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PayloadError(f"{what} is not a number")
    try:
        read = float(value)
    except OverflowError:
        return math.nan
    return read if 0 <= read < math.inf else math.nan


def count(value: object, what: str) -> float:
    """A whole `number`."""
    read = number(value, what)
    if not math.isnan(read) and read != math.floor(read):
        raise PayloadError(f"{what} is not a whole number")
    return read


def positive(value: object) -> float | None:
    """A number above zero; anything else is unknown."""
    try:
        read = number(value, "")
    except PayloadError:
        return None
    return read if read > 0 else None


def instant(value: object, *, until: datetime) -> datetime | None:
    """A time in nanoseconds since 1970, cut to microseconds in whole numbers: as a float it would lose them.

    Unknown where it is missing, none, or after `until`, when the answer had arrived.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < _EARLIEST_NANOSECONDS:
        return None
    try:
        read = _EPOCH + timedelta(microseconds=value // _NANOSECONDS_PER_MICROSECOND)
    except OverflowError:
        return None
    return read if read <= until else None
