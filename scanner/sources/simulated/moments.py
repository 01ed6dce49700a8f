"""Instants as the simulated market sees them: microseconds since 1970 UTC, and the part of the session gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from scanner.calendar import MarketCalendar
from scanner.conventions import SECONDS_PER_YEAR
from scanner.sources.simulated.hashing import Floats, Integers

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECONDS_PER_YEAR: Final = SECONDS_PER_YEAR * 1_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """When the market is looked at. `at` is `now` in session, else the last close; `elapsed` 0 at the open, 1 at the
    close. `microseconds` and `opened` are `at` and the session's open."""

    now: datetime
    at: datetime
    session: date
    microseconds: int
    opened: int
    elapsed: float
    is_closed: bool


def moment(now: datetime, calendar: MarketCalendar) -> Moment:
    """Place an instant in its session. Raises InputError for a naive one, CalendarError outside the calendar."""
    clock = calendar.clock(now)
    now = now.astimezone(UTC)
    at = now if clock.is_open else clock.closes_at
    return Moment(
        now=now,
        at=at,
        session=clock.session,
        microseconds=microseconds(at),
        opened=microseconds(clock.opens_at),
        elapsed=(at - clock.opens_at) / (clock.closes_at - clock.opens_at),
        is_closed=not clock.is_open,
    )


def microseconds(instant: datetime) -> int:
    """Since 1970 UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def years(instants: Integers, now: int) -> Floats:
    """Years of 365 days from `now` to the instants, all in microseconds."""
    return (instants - now) / _MICROSECONDS_PER_YEAR
