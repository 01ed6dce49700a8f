"""Keeps each symbol's volatility thirty days ahead, session by session, and says where the latest one lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from db import daily_closes, data_version, iv_history
from db.daily_closes import ClosesOrigin
from db.engine import Database
from db.iv_history import IvOfSession, StoredAtm
from scanner.calendar import MarketCalendar, market_date
from scanner.model import DailyClose
from scanner.volatility_history import (
    SESSIONS,
    AtmVolatility,
    VolatilityPlace,
    iv30,
    place,
    realised_volatility,
)

_NEAREST, _FARTHEST = timedelta(days=1), timedelta(days=120)
_BACK: Final = timedelta(days=400)
"""More than 252 sessions."""


@dataclass(frozen=True, slots=True)
class Realised:
    """Close-to-close volatility of 20 and 60 sessions up to `session`, decimal; None with too few closes."""

    session: date
    rv20: float | None
    rv60: float | None


@dataclass(frozen=True, slots=True)
class VolatilityOfSession:
    """Volatilities of one session, decimal a year: 30 days ahead, and realised over 20 and 60 sessions up to it.

    `source` is that of `iv30`.
    """

    session: date
    iv30: float | None
    rv20: float | None
    rv60: float | None
    source: str | None


@dataclass(frozen=True, slots=True)
class VolatilityOverTime:
    """Of one symbol, ascending; `closes` says where its daily closes come from, None without any."""

    sessions: tuple[VolatilityOfSession, ...]
    closes: ClosesOrigin | None


class VolatilityHistory:
    """Reads the current rows of all stocks and keeps one value of each session."""

    def __init__(self, *, database: Database, clock: Callable[[], datetime], calendar: MarketCalendar) -> None:
        self._database = database
        self._clock = clock
        self._calendar = calendar

    def record(self) -> int:
        """Keep the values of what is stored now; how many. The session is that of the quotes; its latest ones count."""
        today = market_date(self._clock())
        with self._database.connection() as connection:
            points = iv_history.at_the_money(connection, first=today + _NEAREST, last=today + _FARTHEST)
            rows = [self._row(list(some)) for _, some in groupby(points, key=lambda point: point.symbol)]
            iv_history.store(connection, rows)
            data_version.advance(connection)
        return len(rows)

    def places(self, symbols: Sequence[str]) -> dict[str, VolatilityPlace]:
        """Where the latest volatility of each symbol lies; symbols without any are left out."""
        rows = self.history(symbols)
        return {symbol: place([one.iv30 for one in some]) for symbol, some in groupby(rows, key=lambda row: row.symbol)}

    def realised(self, symbols: Sequence[str]) -> dict[str, Realised]:
        """Realised volatility of each symbol with daily closes."""
        since = market_date(self._clock()) - _BACK
        with self._database.connection() as connection:
            closes = daily_closes.latest(connection, symbols, since=since)
        return {symbol: _realised(some) for symbol, some in closes.items()}

    def history(self, symbols: Sequence[str]) -> tuple[IvOfSession, ...]:
        """What is kept of the last 400 days, by symbol and session."""
        since = market_date(self._clock()) - _BACK
        with self._database.connection() as connection:
            return iv_history.history(connection, symbols, since=since)

    def over_time(self, symbol: str) -> VolatilityOverTime:
        """Implied beside realised volatility of the last 252 sessions that have either."""
        implied = {one.session: one for one in self.history([symbol])}
        since = market_date(self._clock()) - _BACK
        with self._database.connection() as connection:
            closes = daily_closes.latest(connection, [symbol], since=since).get(symbol, ())
            origin = daily_closes.origin(connection, symbol)
        past = {one.session: _realised(closes[: number + 1]) for number, one in enumerate(closes)}
        measured = {day for day, found in past.items() if found.rv20 is not None}
        days = sorted({*implied, *measured})[-SESSIONS:]
        return VolatilityOverTime(tuple(_of_session(day, implied.get(day), past.get(day)) for day in days), origin)

    def _row(self, points: Sequence[StoredAtm]) -> IvOfSession:
        found = iv30([AtmVolatility(one.expiration, one.years, one.atm_iv) for one in points])
        newest = max(points, key=lambda one: one.quoted_at)
        return IvOfSession(
            symbol=newest.symbol,
            session=self._calendar.latest_session(newest.quoted_at),
            iv30=found.value,
            reason=found.reason,
            near_expiration=found.near,
            far_expiration=found.far,
            quoted_at=newest.quoted_at,
            source=newest.source,
        )


def _of_session(day: date, implied: IvOfSession | None, past: Realised | None) -> VolatilityOfSession:
    return VolatilityOfSession(
        session=day,
        iv30=None if implied is None else implied.iv30,
        rv20=None if past is None else past.rv20,
        rv60=None if past is None else past.rv60,
        source=None if implied is None else implied.source,
    )


def _realised(closes: Sequence[DailyClose]) -> Realised:
    values = [one.close for one in closes]
    return Realised(closes[-1].session, realised_volatility(values, 20), realised_volatility(values, 60))
