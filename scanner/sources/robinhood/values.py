"""Single values of Robinhood's JSON: numbers and times come as text."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

from scanner.sources.payload import PayloadError


def rows(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise PayloadError(f"{what} is not a list")
    return value


def text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise PayloadError(f"{what} is not a text")
    return value


def day(value: object, what: str) -> date:
    """A calendar date such as 2026-12-18."""
    try:
        return date.fromisoformat(text(value, what))
    except ValueError as error:
        raise PayloadError(f"{what} is not a date") from error


def number(value: object, what: str) -> float:
    """NaN where the value is missing or a sentinel (null, empty, "NaN", negative, infinite).

    Raises PayloadError for what is no number at all.
    """
    if value is None or value == "":
        return math.nan
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PayloadError(f"{what} is not a number")
    try:
        read = float(value)
    except (OverflowError, ValueError) as error:
        raise PayloadError(f"{what} is not a number") from error
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
    """A time of the vendor's (nanoseconds are cut). Unknown where it has no zone or lies after `until`."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC) if read.tzinfo is not None and read <= until else None
    except (OverflowError, ValueError):
        return None
