"""What the simulated market lists on a session: expirations from the exchange calendar and strikes around the price."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import numpy as np

from scanner.calendar import MarketCalendar
from scanner.sources.simulated.companies import Listing
from scanner.sources.simulated.hashing import Floats

_FRIDAY: Final = 4
_WEEKS: Final = 7
_DAILY_DAYS: Final = 14
_MONTHS: Final = 3
_LONGEST_DAYS: Final = 800
_QUARTER_DAYS: Final = 370
_SPACINGS: Final = np.array([0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0])

_OFFSETS: Final = {
    Listing.WIDE: np.array([-24, -20, -16, -14, -12, *range(-10, 11), 12, 14, 16, 20, 24]),
    Listing.LARGE: np.array([-15, -12, -10, -8, *range(-6, 7), 8, 10, 12, 15]),
    Listing.SMALL: np.array([-6, -3, -2, -1, 0, 1, 2, 3, 6]),
}
"""Strikes in steps from the one at the money; dense there, wider in the wings."""

_STEP_IN_DEVIATIONS: Final = {Listing.WIDE: 0.15, Listing.LARGE: 0.2, Listing.SMALL: 0.32}


def expirations(calendar: MarketCalendar, listing: Listing, session: date) -> tuple[date, ...]:
    """The listed expirations on or after `session`, ascending.

    Fridays of the next weeks, or the session before a Friday without one; third Fridays of the next months; large
    names also quarterly ones and January LEAPS; wide ones also every session of the next two weeks.
    """
    days = set(_fridays(calendar, session, _WEEKS))
    days.update(_monthlies(calendar, session, listing))
    if listing is Listing.WIDE:
        later = (session + timedelta(days=ahead) for ahead in range(_DAILY_DAYS))
        days.update(day for day in later if calendar.is_session(day))
    return tuple(sorted(day for day in days if day >= session))


def _fridays(calendar: MarketCalendar, session: date, weeks: int) -> Iterator[date]:
    friday = session + timedelta(days=(_FRIDAY - session.weekday()) % 7)
    for week in range(weeks + 1):
        yield _session_at_or_before(calendar, friday + timedelta(weeks=week))


def _monthlies(calendar: MarketCalendar, session: date, listing: Listing) -> Iterator[date]:
    for ahead in range(_LONGEST_DAYS // 30 + 1):
        years, month = divmod(session.month - 1 + ahead, 12)
        day = _third_friday(session.year + years, month + 1)
        distance = (day - session).days
        near = ahead < _MONTHS
        quarterly = distance <= _QUARTER_DAYS and month % 3 == 2
        january = distance <= _LONGEST_DAYS and month == 0
        if near or (listing is not Listing.SMALL and (quarterly or january)):
            yield _session_at_or_before(calendar, day)


def _third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_FRIDAY - first.weekday()) % 7 + 14)


def _session_at_or_before(calendar: MarketCalendar, day: date) -> date:
    return day if calendar.is_session(day) else calendar.previous_session(day)


def strikes(listing: Listing, price: float, deviation: float) -> Floats:
    """The strikes of one expiration in $, ascending.

    `price` is the previous close and `deviation` the standard deviation of the log price until the expiration: the
    spacing is the customary one nearest to a fixed part of it, so a longer expiration has a wider grid.
    """
    wanted = min(_STEP_IN_DEVIATIONS[listing] * deviation, 1.0 / 24.0) * price
    spacing = float(_SPACINGS[np.argmin(np.abs(np.log(_SPACINGS / wanted)))])
    grid = (round(price / spacing) + _OFFSETS[listing]) * spacing
    return np.asarray(grid[grid > 0.0], dtype=np.float64)
