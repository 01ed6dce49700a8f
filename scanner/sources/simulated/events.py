"""Earnings and dividends of the simulated market, each found directly from (seed, symbol, quarter).

Earnings come once a quarter after the close, so a listed expiration after that day carries the move. Dividends go ex
once a quarter on a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from scanner.calendar import MarketCalendar
from scanner.model import Dividend, EarningsState
from scanner.sources.simulated.companies import Company
from scanner.sources.simulated.hashing import uniform

_CONFIRMED_WITHIN_DAYS: Final = 21
_UNKNOWN_SHARE: Final = 0.06
_TUESDAY: Final = 1
_QUARTERS_PER_YEAR: Final = 4


@dataclass(frozen=True, slots=True)
class Announcement:
    """Earnings after the close of `day`; `move` is the standard deviation of the price's answer, a decimal."""

    day: date
    move: float


def announcements(seed: int, company: Company, first: date, last: date) -> tuple[Announcement, ...]:
    """Earnings on the days `first` to `last`, in order; none for funds."""
    if not company.reports_earnings:
        return ()
    days = (_announcement_day(seed, company.symbol, quarter) for quarter in _quarters(first, last))
    move = (0.04 + 0.08 * uniform(seed, company.symbol, "move")) * min(1.5, company.volatility / 0.35)
    return tuple(Announcement(day, move) for day in days if first <= day <= last)


def next_earnings(seed: int, company: Company, today: date) -> tuple[date | None, EarningsState]:
    """The next earnings as the market knows them: unknown for some companies, none for funds."""
    if not company.reports_earnings:
        return None, EarningsState.NONE
    if uniform(seed, company.symbol, "date unknown") < _UNKNOWN_SHARE:
        return None, EarningsState.UNKNOWN
    day = announcements(seed, company, today, today + timedelta(days=200))[0].day
    confirmed = (day - today).days <= _CONFIRMED_WITHIN_DAYS
    return day, EarningsState.CONFIRMED if confirmed else EarningsState.ESTIMATED


def dividends(seed: int, company: Company, calendar: MarketCalendar, first: date, last: date) -> tuple[Dividend, ...]:
    """Cash dividends that go ex on the days `first` to `last`, in order. Ex-dates are sessions."""
    if company.dividend_yield_pct <= 0:
        return ()
    amount = quarterly_dividend(company)
    days = (_ex_date(seed, company.symbol, calendar, quarter) for quarter in _quarters(first, last))
    return tuple(Dividend(day, amount) for day in days if first <= day <= last)


def quarterly_dividend(company: Company) -> float:
    """$ per share each quarter, to the cent and at least one."""
    yearly = company.price * company.dividend_yield_pct / 100.0
    return max(0.01, round(yearly / _QUARTERS_PER_YEAR, 2))


def _quarters(first: date, last: date) -> range:
    """Quarters, counted from year 0, that the days touch."""
    return range(_quarter(first), _quarter(last) + 1)


def _quarter(day: date) -> int:
    return day.year * _QUARTERS_PER_YEAR + (day.month - 1) // 3


def _first_day(quarter: int) -> date:
    return date(quarter // _QUARTERS_PER_YEAR, quarter % _QUARTERS_PER_YEAR * 3 + 1, 1)


def _announcement_day(seed: int, symbol: str, quarter: int) -> date:
    """A Tuesday, Wednesday or Thursday, in the same weeks of every quarter, give or take one."""
    usual = 2 + int(uniform(seed, symbol, "earnings week") * 7)
    week = usual + int(uniform(seed, symbol, "earnings shift", quarter) * 2)
    weekday = _TUESDAY + int(uniform(seed, symbol, "earnings weekday", quarter) * 3)
    day = _first_day(quarter) + timedelta(weeks=week)
    return day + timedelta(days=weekday - day.weekday())


def _ex_date(seed: int, symbol: str, calendar: MarketCalendar, quarter: int) -> date:
    start = _first_day(quarter) + timedelta(days=5 + int(uniform(seed, symbol, "ex-date") * 75))
    return start if calendar.is_session(start) else calendar.next_session(start)
