"""The forward of each (root, expiration), from put-call parity where quotes allow it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np

from scanner.model import Dividend
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.quotes import Indices, Pairs
from scanner.pricing.rates import RateCurve

NEAREST: Final = 3
"""How many strikes the parity forward is the median of."""

ROOTS_WITHOUT_CARRY: Final = frozenset(("VIX", "VIXW"))
"""Their underlying cannot be bought and held: spot says nothing about the forward."""


class ForwardMethod(StrEnum):
    """How a forward was found. PARITY_AMERICAN is approximate: early exercise makes parity an inequality."""

    PARITY = "parity"
    PARITY_AMERICAN = "parity_american"
    SPOT_CARRY = "spot_carry"


def parity_forwards(
    *, pairs: Pairs, group: Indices, group_count: int, strike: Floats, mid: Floats, clean: Flags, growth: Floats
) -> Floats:
    """The forward of each group, $ per share: median over the 3 clean strikes nearest to it of K + e^{rT} (C - P).

    `group`, `strike`, `mid`, `clean` and `growth` (e^{rT}) run parallel to the contracts; C and P are mids. Both quotes
    of a strike must be clean. What is nearest is judged first from the median over all clean strikes, then from the
    result. Two clean strikes: their mean; one: its value; none: NaN.
    """
    usable = clean[pairs.call] & clean[pairs.put]
    call, put = pairs.call[usable], pairs.put[usable]
    of_pair, strikes = group[call], strike[call]
    implied = strikes + growth[call] * (mid[call] - mid[put])
    center = _medians(implied[np.lexsort((implied, of_pair))], np.bincount(of_pair, minlength=group_count))
    for _ in range(2):
        rows = nearest_pairs(of_pair, np.abs(strikes - center[of_pair]), group_count, NEAREST)
        center = _median_of_few(np.where(rows >= 0, implied[rows] if len(implied) else np.nan, np.nan))
    return center


def carried_forward(
    *, spot: float, years: float, rates: RateCurve, dividends: Sequence[Dividend], quote_day: date, expiration: date
) -> float:
    """(spot - present value of the dividends) e^{rT}, $ per share; NaN where nothing positive is left.

    Dividends count whose ex-date is after `quote_day` and not after `expiration`; each is discounted at the curve's
    own rate to the ex-date.
    """
    known = [dividend for dividend in dividends if quote_day < dividend.ex_date <= expiration]
    times = np.array([(dividend.ex_date - quote_day).days / 365 for dividend in known])
    amounts = np.array([dividend.amount for dividend in known])
    left = spot - float(np.sum(amounts * np.exp(-rates.rate(times) * times)))
    return left * float(np.exp(rates.rate(years) * years)) if left > 0 else float("nan")


def nearest_pairs(group: Indices, distance: Floats, group_count: int, count: int) -> Indices:
    """For each group the positions of its `count` elements with the least `distance`, -1 where it has fewer.

    Shape (group_count, count). Elements that stand earlier win ties.
    """
    table = np.full((group_count, count), -1, dtype=np.intp)
    order = np.lexsort((distance, group))
    ordered = group[order]
    counts = np.bincount(group, minlength=group_count)
    rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[ordered]
    taken = rank < count
    table[ordered[taken], rank[taken]] = order[taken]
    return table


def _medians(ascending: Floats, counts: Indices) -> Floats:
    """Median of each run of `ascending`, whose lengths are `counts`; NaN for an empty run."""
    starts = np.cumsum(counts) - counts
    padded = np.append(ascending, np.nan)
    low, high = padded[starts + (counts - (counts > 0)) // 2], padded[starts + counts // 2]
    return np.where(counts > 0, 0.5 * (low + high), np.nan)


def _median_of_few(values: Floats) -> Floats:
    """Median of each row over its known values; NaN where it has none."""
    ascending = np.sort(values, axis=1)
    counts = np.sum(~np.isnan(ascending), axis=1)
    rows = np.arange(len(values))
    low, high = ascending[rows, np.maximum(counts - 1, 0) // 2], ascending[rows, np.minimum(counts // 2, NEAREST - 1)]
    return np.asarray(0.5 * (low + high), dtype=np.float64)
