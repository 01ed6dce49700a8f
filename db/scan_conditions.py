"""The filters of a premium scan as SQL conditions on `scan_puts` and `scan_calls`: the tests of `scanner.premiums`, in
its order.

Conditions name only columns of the covering indexes. Limits are parameters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from scanner.model import (
    AgeCutoffs,
    EarningsFilter,
    ExpirationWindow,
    Grade,
    OptionType,
    PremiumFilters,
    RejectionReason,
)

BANDS: Final = 20
"""Bands of delta from 0 to 1."""

ROUNDING: Final = 1 - 1e-9
"""Taken off a bound that is computed backwards, so that rounding never costs a row."""

_TODAY: Final = "(%(as_of)s at time zone 'America/New_York')::date"

_DAYS_EXPIRY_MAY_PRECEDE: Final = 3
"""A contract expires at the last session before an expiration that is none: a long week-end at most before it. Only
nearer legs ask for the expiry instant, which is in no index; target DTEs have no such legs."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One expiration of a scan.

    Taken from a symbol whose next listed expiration is not before `next_at_least`, or whose previous one is before
    `previous_before`; a missing neighbour satisfies either. None: nothing is taken that way.
    """

    expiration: date
    dte: int
    next_at_least: date | None
    previous_before: date | None

    @property
    def near(self) -> bool:
        """Whether its contracts may have expired already."""
        return self.dte <= _DAYS_EXPIRY_MAY_PRECEDE

    @property
    def condition(self) -> str:
        """The rows of this leg, with dates in the text."""
        alive = " and expiry_instant > %(as_of)s" if self.near else ""
        ways = [taken_by_next(f"date '{self.next_at_least}'")] if self.next_at_least else []
        ways += [taken_by_previous(f"date '{self.previous_before}'")] if self.previous_before else []
        taken = "" if self.next_at_least == date.min else f" and ({' or '.join(ways)})"
        return f"expiration = date '{self.expiration}'{alive}{taken}"


def scan_table(option_type: OptionType) -> str:
    """The table with what the filters ask for, of every contract of this side with a good quote."""
    return f"scan_{option_type.value}s"


def legs(filters: PremiumFilters, windows: Sequence[ExpirationWindow]) -> tuple[Leg, ...]:
    """What a scan has to look at, the nearest expirations first."""
    return every_leg([window for window in windows if filters.dte_min <= window.dte <= filters.dte_max])


def every_leg(windows: Sequence[ExpirationWindow]) -> tuple[Leg, ...]:
    """The same without a limit on the days to expiry."""
    by_expiration: dict[date, list[ExpirationWindow]] = {}
    for window in windows:
        by_expiration.setdefault(window.expiration, []).append(window)
    return tuple(_leg(some) for _, some in sorted(by_expiration.items()))


def _leg(windows: Sequence[ExpirationWindow]) -> Leg:
    """Of several windows on the same side the widest counts."""
    if any(window.next_at_least is None and window.previous_before is None for window in windows):
        return Leg(windows[0].expiration, windows[0].dte, date.min, None)
    nexts = [window.next_at_least for window in windows if window.next_at_least is not None]
    previous = [window.previous_before for window in windows if window.previous_before is not None]
    return Leg(windows[0].expiration, windows[0].dte, min(nexts, default=None), max(previous, default=None))


def taken_by_next(least: str) -> str:
    return f"coalesce(next_expiration, 'infinity') >= {least}"


def taken_by_previous(bound: str) -> str:
    return f"coalesce(previous_expiration, '-infinity') < {bound}"


def among(symbols: Sequence[str] | None, column: str = "symbol") -> str:
    """The rows of these symbols, or with None of all: what follows `where` or `and`."""
    return "true" if symbols is None else f"{column} = any(%(symbols)s::text[])"


def delta_bands(filters: PremiumFilters) -> range:
    """The bands of `delta_band` that the delta range touches."""
    return range(math.floor(filters.delta_min * BANDS), math.floor(filters.delta_max * BANDS) + 1)


def limit_tests(filters: PremiumFilters, option_type: OptionType) -> tuple[tuple[RejectionReason, str], ...]:
    """What a row with a good quote must meet, in the documented order: the reason where it does not, the condition."""
    tests = [
        (RejectionReason.LIQUIDITY_UNKNOWN, "(volume is not null or open_interest is not null)"),
        (RejectionReason.ILLIQUID, "(volume >= %(volume_min)s or open_interest >= %(open_interest_min)s)"),
        (RejectionReason.DELTA_OUT_OF_RANGE, "abs_delta between %(delta_min)s and %(delta_max)s"),
    ]
    if filters.max_stock_price is not None:
        tests.append((RejectionReason.STOCK_PRICE_TOO_HIGH, "spot <= %(max_stock_price)s"))
    if filters.min_premium_pct is not None:
        condition = f"{premium_pct(filters, option_type)} >= %(min_premium_pct)s"
        tests.append((RejectionReason.PREMIUM_TOO_LOW, condition))
    if filters.max_spread_pct is not None:
        tests.append((RejectionReason.SPREAD_TOO_WIDE, "spread_pct <= %(max_spread_pct)s"))
    if filters.min_grade not in (None, Grade.F):
        condition = "(quote_grade <= %(min_grade)s and quoted_at >= %(oldest)s)"
        tests.append((RejectionReason.GRADE_TOO_LOW, condition))
    return (*tests, *_earnings_tests(filters.earnings, scan_table(option_type)))


def _earnings_tests(wanted: EarningsFilter, table: str) -> tuple[tuple[RejectionReason, str], ...]:
    """The tests of `scanner.earnings`: three outcomes, and funds report none."""
    stock = f"select from stock_data as stock where stock.symbol = {table}.symbol and"
    coming = f"stock.next_earnings between {_TODAY} and {table}.expiration"
    before = f"exists ({stock} {coming})"
    known = f"exists ({stock} (stock.earnings_state = 'none' or stock.next_earnings >= {_TODAY}))"
    match wanted:
        case EarningsFilter.EXCLUDE:
            return (
                (RejectionReason.EARNINGS_BEFORE_EXPIRATION, f"not {before}"),
                (RejectionReason.EARNINGS_UNKNOWN, known),
            )
        case EarningsFilter.EXCLUDE_KNOWN:
            return ((RejectionReason.EARNINGS_BEFORE_EXPIRATION, f"not {before}"),)
        case EarningsFilter.ONLY:
            return ((RejectionReason.EARNINGS_UNKNOWN, known), (RejectionReason.EARNINGS_AFTER_EXPIRATION, before))
        case _:
            return ()


def passes(filters: PremiumFilters, option_type: OptionType) -> str:
    """Rows with a good quote that meet every limit, the test that most fail first."""
    _, liquid, delta, *others = (condition for _, condition in limit_tests(filters, option_type))
    tests = [delta, liquid, *others]
    most = most_over_bid(filters)
    if filters.min_premium_pct is not None and most not in (None, 1):
        tests.append(f"premium_pct >= %(min_premium_pct)s * {ROUNDING / most!r}")
    return " and ".join(tests)


def most_over_bid(filters: PremiumFilters) -> float | None:
    """The most that a premium on the filters' basis can be of the bid, as a factor; None without a bound.

    The spread limit bounds it: with s = (ask - bid) / mid, ask = bid (2 + s) / (2 - s) where s < 2.
    """
    if filters.basis.fraction == 0:
        return 1.0
    if filters.max_spread_pct is None or filters.max_spread_pct >= 200:
        return None
    spread = filters.max_spread_pct / 100
    return 1 + filters.basis.fraction * 2 * spread / (2 - spread)


def premium_pct(filters: PremiumFilters, option_type: OptionType) -> str:
    """The premium in % of the collateral on the filters' basis; at the bid it is the stored key of the indexes."""
    if filters.basis.fraction == 0:
        return "premium_pct"
    collateral = "strike" if option_type is OptionType.PUT else "spot"
    return f"((bid + %(fraction)s * (ask - bid)) / {collateral} * 100)"


def parameters(
    filters: PremiumFilters, *, as_of: datetime, cutoffs: AgeCutoffs, symbols: Sequence[str] | None = None
) -> dict[str, Any]:
    """The values that the conditions name."""
    limits = {
        "volume_min": filters.volume_min,
        "open_interest_min": filters.open_interest_min,
        "delta_min": filters.delta_min,
        "delta_max": filters.delta_max,
        "max_stock_price": filters.max_stock_price,
        "min_premium_pct": filters.min_premium_pct,
        "max_spread_pct": filters.max_spread_pct,
        "fraction": filters.basis.fraction,
    }
    return {
        **{name: None if value is None else float(value) for name, value in limits.items()},
        "min_grade": None if filters.min_grade is None else filters.min_grade.value,
        "oldest": _oldest(filters.min_grade, cutoffs),
        "as_of": as_of,
        "symbols": None if symbols is None else list(symbols),
    }


def _oldest(grade: Grade | None, cutoffs: AgeCutoffs) -> datetime | None:
    """The earliest quote time with this age grade or a better one."""
    if grade in (None, Grade.F):
        return None
    by_grade = {Grade.A: cutoffs.a, Grade.B: cutoffs.b, Grade.C: cutoffs.c, Grade.D: cutoffs.d}
    return min(cutoff for one, cutoff in by_grade.items() if one <= grade)
