"""The filters of a premium scan as SQL conditions on stored rows: the tests of `scanner.premiums`, in its order.

Conditions name only columns of the covering indexes. Dates and day counts are written into the text, where the planner
prunes partitions by them; limits are parameters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from scanner.model import AgeCutoffs, ExpirationWindow, Grade, OptionType, PremiumFilters, RejectionReason

BANDS: Final = 20
"""Bands of delta from 0 to 1."""

ROUNDING: Final = 1 - 1e-9
"""Taken off a bound that is computed backwards, so that rounding never costs a row."""

_DAYS_EXPIRY_MAY_PRECEDE: Final = 3
"""A contract expires at the last session before an expiration that is none: a long week-end at most before it. Only
nearer legs ask for the expiry instant, which is in no index; target DTEs have no such legs."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One expiration and side of a scan: the rows of one stretch of one index. `condition` selects them."""

    expiration: date
    dte: int
    option_type: OptionType
    condition: str


def legs(filters: PremiumFilters, windows: Sequence[ExpirationWindow]) -> tuple[Leg, ...]:
    """What a scan has to look at, the nearest expirations first."""
    by_expiration: dict[date, list[ExpirationWindow]] = {}
    for window in windows:
        if filters.dte_min <= window.dte <= filters.dte_max:
            by_expiration.setdefault(window.expiration, []).append(window)
    return tuple(
        Leg(expiration, some[0].dte, strategy.option_type, _selection(some, strategy.option_type))
        for expiration, some in sorted(by_expiration.items())
        for strategy in filters.strategies
    )


def delta_bands(filters: PremiumFilters) -> range:
    """The bands of `stock_premiums.delta_band` that the delta range touches."""
    return range(math.floor(filters.delta_min * BANDS), math.floor(filters.delta_max * BANDS) + 1)


def on_target(windows: Sequence[ExpirationWindow]) -> str:
    """Rows whose expiration a target takes."""
    return " or ".join(_taken(window) for window in windows) or "false"


def limit_tests(filters: PremiumFilters, option_type: OptionType) -> tuple[tuple[RejectionReason, str], ...]:
    """What a row with a good quote must meet, in the documented order: the reason where it does not, the condition."""
    tests = [
        (RejectionReason.LIQUIDITY_UNKNOWN, "(volume is not null or open_interest is not null)"),
        (RejectionReason.ILLIQUID, "(volume >= %(volume_min)s or open_interest >= %(open_interest_min)s)"),
        (RejectionReason.DELTA_OUT_OF_RANGE, "abs(delta) between %(delta_min)s and %(delta_max)s"),
    ]
    if filters.max_stock_price is not None:
        tests.append((RejectionReason.STOCK_PRICE_TOO_HIGH, "spot <= %(max_stock_price)s"))
    if filters.min_premium_pct is not None:
        condition = f"{premium_pct(filters, option_type)} >= %(min_premium_pct)s"
        tests.append((RejectionReason.PREMIUM_TOO_LOW, condition))
    if filters.max_spread_pct is not None:
        tests.append((RejectionReason.SPREAD_TOO_WIDE, "spread_pct <= %(max_spread_pct)s"))
    if filters.min_grade not in (None, Grade.F):
        condition = "(quote_grade <= %(min_grade)s and coalesce(quote_time, answer_time) >= %(oldest)s)"
        tests.append((RejectionReason.GRADE_TOO_LOW, condition))
    return tuple(tests)


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


def parameters(filters: PremiumFilters, *, as_of: datetime, cutoffs: AgeCutoffs) -> dict[str, Any]:
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
    }


def _oldest(grade: Grade | None, cutoffs: AgeCutoffs) -> datetime | None:
    """The earliest quote time with this age grade or a better one."""
    if grade in (None, Grade.F):
        return None
    by_grade = {Grade.A: cutoffs.a, Grade.B: cutoffs.b, Grade.C: cutoffs.c, Grade.D: cutoffs.d}
    return min(cutoff for one, cutoff in by_grade.items() if one <= grade)


def _selection(windows: Sequence[ExpirationWindow], option_type: OptionType) -> str:
    first = windows[0]
    alive = " and expiry_instant > %(as_of)s" if first.dte <= _DAYS_EXPIRY_MAY_PRECEDE else ""
    return (
        f"quote_reason is null and option_type = '{option_type.value}' and expiration = date '{first.expiration}'"
        f"{alive} and ({' or '.join(_neighbours(window) for window in windows)})"
    )


def _taken(window: ExpirationWindow) -> str:
    return f"(expiration = date '{window.expiration}' and {_neighbours(window)})"


def _neighbours(window: ExpirationWindow) -> str:
    if window.next_at_least is not None:
        return f"(next_expiration is null or next_expiration >= date '{window.next_at_least}')"
    if window.previous_before is not None:
        return f"(previous_expiration is null or previous_expiration < date '{window.previous_before}')"
    return "true"
