"""Sessions, days and years to expiry, expiry instants, target expirations.

Every instant is aware; market time is America/New_York; the machine's time zone never matters. Sessions are those
of `XNYS` from exchange_calendars, read once into plain dictionaries.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd

from scanner.conventions import SECONDS_PER_YEAR
from scanner.errors import CalendarError, InputError
from scanner.model import DEFAULT_TARGET_DTES, TARGET_DTE_TOLERANCE, TOP_PREMIUMS_DTE, ExpirationWindow
from scanner.symbols import Settlement, settlement

NEW_YORK: Final = ZoneInfo("America/New_York")

_YEARS_BACK: Final = 12
_YEARS_AHEAD: Final = 6
_FULL_SESSION: Final = timedelta(hours=6, minutes=30)
_LATE_ROOTS: Final = frozenset(("SPY", "QQQ", "IWM", "DIA"))
_LATE_BY: Final = timedelta(minutes=15)
_LEAST_TO_EXPIRY: Final = timedelta(hours=1)

SCAN_EVERY: Final = timedelta(minutes=15)
"""Between two flow scans in market hours."""


def _as_utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise InputError(f"{instant} has no time zone")
    return instant.astimezone(UTC)


def _as_day(day: date) -> date:
    if isinstance(day, datetime):
        raise InputError(f"{day} is an instant where a calendar date is needed")
    return day


def market_date(instant: datetime) -> date:
    """The New York date of an instant. Raises InputError for a naive one."""
    return _as_utc(instant).astimezone(NEW_YORK).date()


def dte(expiration: date, as_of: datetime) -> int:
    """Calendar days from the New York date of `as_of` to the expiration: 0 on the day itself, negative after it."""
    return (_as_day(expiration) - market_date(as_of)).days


def years_to_expiry(quote_instant: datetime, expiry_instant: datetime) -> float:
    """Elapsed seconds from the quote to the expiry in years of 365 days; negative after it. Raises InputError.

    Real seconds: subtracting two New York times directly would lose the hour of a clock change.
    """
    return (_as_utc(expiry_instant) - _as_utc(quote_instant)).total_seconds() / SECONDS_PER_YEAR


@dataclass(frozen=True, slots=True)
class MarketClock:
    """The market at one instant. Instants are UTC.

    `session` is the one in progress, or the last one that ended; `opens_at`, `closes_at` and `early_close` are its
    own. `next_open` is the first open after the instant.
    """

    is_open: bool
    session: date
    opens_at: datetime
    closes_at: datetime
    early_close: bool
    next_open: datetime


class MarketCalendar:
    """The sessions between two dates, both included. Build it past the last listed expiration.

    Questions about a day outside, or whose answer lies outside, raise CalendarError. Safe to share among threads.
    """

    def __init__(self, first: date, last: date) -> None:
        if _as_day(first) >= _as_day(last):
            raise InputError(f"a calendar from {first} to {last} has no days")
        self.first = first
        self.last = last
        schedule = exchange_calendars.get_calendar("XNYS", start=first, end=last).schedule
        self._sessions: list[date] = [instant.date() for instant in schedule.index.to_pydatetime()]
        self._opens = _instants(schedule["open"])
        self._closes = _instants(schedule["close"])
        self._position = {day: position for position, day in enumerate(self._sessions)}
        self._expiry: dict[tuple[str, date], datetime] = {}
        self._last_trade: dict[tuple[str, date], datetime] = {}

    @classmethod
    def around(cls, now: datetime) -> Self:
        """Twelve years back (recorded chains) to six years ahead (the longest listed expirations)."""
        year = market_date(now).year
        return cls(date(year - _YEARS_BACK, 1, 1), date(year + _YEARS_AHEAD, 12, 31))

    def is_session(self, day: date) -> bool:
        """True on a trading day. Raises CalendarError outside the calendar."""
        return day in self._position or self._within(day) in self._position

    def session_open(self, day: date) -> datetime:
        """The open of a session, UTC. Raises InputError where the day is none."""
        return self._opens[self._session_position(day)]

    def session_close(self, day: date) -> datetime:
        """The close of a session, UTC: 16:00 or 13:00 in New York. Raises InputError where the day is none."""
        return self._closes[self._session_position(day)]

    def previous_session(self, day: date) -> date:
        """The last session before `day`. Raises CalendarError where the calendar has none."""
        return self._session_at(bisect_left(self._sessions, self._within(day)) - 1, day)

    def next_session(self, day: date) -> date:
        """The first session after `day`. Raises CalendarError where the calendar has none."""
        return self._session_at(bisect_right(self._sessions, self._within(day)), day)

    def is_open(self, instant: datetime) -> bool:
        """True from the open of a session until just before its close."""
        return _as_utc(instant) < self._closes[self._latest_position(instant)]

    def latest_session(self, instant: datetime) -> date:
        """The session in progress at `instant`, else the last that ended before it."""
        return self._sessions[self._latest_position(instant)]

    def clock(self, instant: datetime) -> MarketClock:
        """The state of the market at `instant`."""
        position = self._latest_position(instant)
        opens_at, closes_at = self._opens[position], self._closes[position]
        return MarketClock(
            is_open=_as_utc(instant) < closes_at,
            session=self._sessions[position],
            opens_at=opens_at,
            closes_at=closes_at,
            early_close=closes_at - opens_at < _FULL_SESSION,
            next_open=self.session_open(self._session_at(position + 1, self._sessions[position])),
        )

    def session_time_between(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from `start` to `end` the market is open; zero where `end` is not later."""
        first, last = _as_utc(start), _as_utc(end)
        total = timedelta()
        for position in range(bisect_right(self._closes, first), bisect_left(self._opens, last)):
            total += max(timedelta(), min(last, self._closes[position]) - max(first, self._opens[position]))
        return total

    def expiry_instant(self, root: str, expiration: date) -> datetime:
        """When contracts of (root, expiration) expire, UTC.

        AM-settled index roots: the open (09:30 in New York) of the expiration date; all others: its close. An
        expiration that is no session (Good Friday, the Saturdays of before 2015): the close of the session before.
        Raises UnknownIndexRootError, SymbolError, CalendarError.
        """
        key = (root, expiration)
        known = self._expiry.get(key)
        if known is None:
            known = self._expiry[key] = self._find_expiry_instant(root, expiration)
        return known

    def last_trade_time(self, root: str, expiration: date) -> datetime:
        """When trading in contracts of (root, expiration) ends for good, UTC.

        AM-settled index roots: the close of the session before the expiration. SPY, QQQ, IWM, DIA: 15 minutes after
        the close, so 16:15, or 13:15 on an early close. All others: the close. Raises as `expiry_instant`.
        """
        key = (root, expiration)
        known = self._last_trade.get(key)
        if known is None:
            known = self._last_trade[key] = self._find_last_trade_time(root, expiration)
        return known

    def _find_expiry_instant(self, root: str, expiration: date) -> datetime:
        settles = settlement(root)
        if not self.is_session(expiration):
            return self.session_close(self.previous_session(expiration))
        return self.session_open(expiration) if settles is Settlement.AM else self.session_close(expiration)

    def _find_last_trade_time(self, root: str, expiration: date) -> datetime:
        session = expiration if self.is_session(expiration) else self.previous_session(expiration)
        if settlement(root) is Settlement.AM:
            return self.session_close(self.previous_session(session))
        return self.session_close(session) + (_LATE_BY if root in _LATE_ROOTS else timedelta())

    def _within(self, day: date) -> date:
        if not self.first <= _as_day(day) <= self.last:
            raise CalendarError(day, self.first, self.last)
        return day

    def _session_position(self, day: date) -> int:
        position = self._position.get(day)
        if position is None:
            raise InputError(f"{self._within(day)} is not a trading session")
        return position

    def _session_at(self, position: int, day: date) -> date:
        if not 0 <= position < len(self._sessions):
            raise CalendarError(day, self.first, self.last)
        return self._sessions[position]

    def _latest_position(self, instant: datetime) -> int:
        day = self._within(market_date(instant))
        position = bisect_right(self._opens, _as_utc(instant)) - 1
        self._session_at(position, day)
        return position


def _instants(column: pd.Series) -> list[datetime]:
    return [instant.astimezone(UTC) for instant in pd.DatetimeIndex(column).to_pydatetime()]


def target_expirations(listed: Sequence[date], *, today: date, targets: Iterable[int]) -> dict[date, int]:
    """Which listed expirations a scan takes, each with its target DTE.

    Each target takes the listed expiration nearest to it within its tolerance (`TARGET_DTE_TOLERANCE`), the earlier
    on a tie. An expiration that several targets take belongs to the nearest of them (the smaller on a tie); the
    others take nothing instead. `listed` in any order. Raises InputError for an unknown target.
    """
    taken: dict[date, int] = {}
    for target in sorted(set(targets)):
        day = today + timedelta(days=target)
        within = [one for one in listed if abs((one - day).days) <= _tolerance(target)]
        if not within:
            continue
        nearest = min(within, key=lambda one: (abs((one - day).days), one))
        before = taken.get(nearest)
        days = (nearest - today).days
        if before is None or abs(days - target) < abs(days - before):
            taken[nearest] = target
    return dict(sorted(taken.items()))


def sync_expirations(listed: Sequence[date], *, today: date) -> tuple[date, ...]:
    """What a sync fetches of the listed expirations: those the default targets take, and one for `top_premiums`.

    In ascending order. Where no target takes an expiration of 28 to 35 days (the nearest to 30 may have 27), the
    earliest listed one with that many days is added.
    """
    taken = set(target_expirations(listed, today=today, targets=DEFAULT_TARGET_DTES))
    first, last = (today + timedelta(days=days) for days in TOP_PREMIUMS_DTE)
    for_top = [one for one in sorted(listed) if first <= one <= last]
    if for_top and taken.isdisjoint(for_top):
        taken.add(for_top[0])
    return tuple(sorted(taken))


def target_windows(
    expirations: Iterable[date], *, today: date, targets: Iterable[int], dte_min: int, dte_max: int
) -> tuple[ExpirationWindow, ...]:
    """`target_expirations` as conditions on a row and its listed neighbours, for frames and SQL.

    `expirations` are candidates of any symbols; those with a DTE outside `dte_min` to `dte_max` are left out. A row is
    taken where at least one window of its expiration holds; an expiration between two targets has two windows, the
    nearer target first. Without targets each expiration has one window that always holds. Raises InputError for an
    unknown target.
    """
    chosen = sorted(set(targets))
    inside = [one for one in sorted(set(expirations)) if dte_min <= (one - today).days <= dte_max]
    if not chosen:
        return tuple(ExpirationWindow(one, (one - today).days, None, None, None) for one in inside)
    windows = [
        _window(expiration, today, target)
        for expiration in inside
        for target in sorted(chosen, key=lambda one: (abs((expiration - today).days - one), one))
        if abs((expiration - today).days - target) <= _tolerance(target)
    ]
    return tuple(windows)


def _window(expiration: date, today: date, target: int) -> ExpirationWindow:
    day = today + timedelta(days=target)
    mirrored = day + (day - expiration)
    return ExpirationWindow(
        expiration=expiration,
        dte=(expiration - today).days,
        target_dte=target,
        next_at_least=mirrored if expiration < day else None,
        previous_before=mirrored if expiration > day else None,
    )


def _tolerance(target: int) -> int:
    tolerance = TARGET_DTE_TOLERANCE.get(target)
    if tolerance is None:
        raise InputError(f"target DTE must be among {sorted(TARGET_DTE_TOLERANCE)}, not {target}")
    return tolerance


def flow_expirations(
    listed: Sequence[date], *, now: datetime, root: str, calendar: MarketCalendar, weeks: int = 4
) -> tuple[date, ...]:
    """What a flow scan takes: of each of the next `weeks` calendar weeks the last listed expiration, ascending.

    This week is the first of them while the market is open for at least an hour before its last expiration expires.
    A week without a listed expiration gives none. Raises as `MarketCalendar.expiry_instant`.
    """
    monday = market_date(now) - timedelta(days=market_date(now).weekday())
    by_week: dict[int, date] = {}
    for day in sorted(listed):
        by_week[(day - monday).days // 7] = day
    first = 0 if 0 in by_week and _worth_scanning(by_week[0], now, root, calendar) else 1
    return tuple(by_week[week] for week in range(first, first + weeks) if week in by_week)


def _worth_scanning(expiration: date, now: datetime, root: str, calendar: MarketCalendar) -> bool:
    return calendar.session_time_between(now, calendar.expiry_instant(root, expiration)) >= _LEAST_TO_EXPIRY


def due_scan(now: datetime, last: datetime | None, calendar: MarketCalendar) -> datetime | None:
    """The slot of the flow scan that is due at `now`, or None.

    Slots are every 15 minutes of a session from 15 minutes after its open to its close, both included: 26 on a full
    day. A slot is due until the next one (the last until 15 minutes later), once: `last` is the slot of the latest
    scan that was begun. Missed slots are not caught up.
    """
    clock = calendar.clock(now)
    elapsed = _as_utc(now) - clock.opens_at
    slot = clock.opens_at + elapsed // SCAN_EVERY * SCAN_EVERY
    if not clock.opens_at + SCAN_EVERY <= slot <= clock.closes_at:
        return None
    return None if last is not None and _as_utc(last) >= slot else slot


def scan_slots(session: date, calendar: MarketCalendar) -> tuple[datetime, ...]:
    """The slots of the flow scans of a session, ascending: 26, or 14 where it closes at 13:00."""
    opens, closes = calendar.session_open(session), calendar.session_close(session)
    return tuple(opens + SCAN_EVERY * number for number in range(1, (closes - opens) // SCAN_EVERY + 1))
