"""Which quotes cannot all be right: arbitrage that could be traded at the quoted bids and asks of one chain.

Every test buys at asks and sells at bids, never at mids, and only two-sided, uncrossed quotes take part. Within one
(root, expiration), each quote against its eight nearest on either side:

* intrinsic: an American option is bought below what exercising it at once pays, against the stock's own bid or ask;
* monotone: a call of a lower strike (put of a higher one) is bought below the bid of the other;
* convex: a butterfly costs less than nothing: the body's bid is above a chord of the wings' asks;
* parity band: call less put of one strike is sold above stock less discounted strike (American), or two strikes give
  a box below its pay-off (American and European) or above it (European only, where the short legs cannot be exercised).

The lower half of the American band against the stock needs dividends and the cost of borrowing, which are not known
exactly, and is left out. Discount factors are taken one percentage point of the rate away, on the safe side.

Who is to blame: a violation shows that one of its two to four quotes is wrong, not which. One bad quote stands in
many violations and each of its victims in few, so in every (root, expiration) the quotes with the most violations are
flagged and taken out, equals together, and the rest is looked at again. What still contradicts itself after
`MAX_ROUNDS` rounds is flagged as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.arrays import Flags, Floats

Integers = NDArray[np.int64]

NEAREST: Final = 8
MAX_ROUNDS: Final = 12
RATE_TOLERANCE: Final = 0.01
_NOISE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class ExecutableQuotes:
    """Parallel arrays, one element per contract. Prices and strikes in $/share, NaN unknown.

    `group` numbers the (root, expiration) from 0; `american` tells exercise at any time; `rate` is continuous, decimal;
    `stock_bid` and `stock_ask` are NaN where the underlying has no two-sided quote of the same time.
    """

    group: Integers
    strike: Floats
    is_call: Flags
    bid: Floats
    ask: Floats
    american: Flags
    years: Floats
    rate: Floats
    stock_bid: Floats
    stock_ask: Floats


def executable_arbitrage(quotes: ExecutableQuotes, usable: Flags) -> Flags:
    """The contracts to blame for arbitrage among the `usable` ones; false for all others. See the module's text."""
    with np.errstate(invalid="ignore"):
        usable = usable & (quotes.bid > 0) & (quotes.ask >= quotes.bid) & (quotes.strike > 0)
        flagged = usable & _below_intrinsic(quotes)
        for _ in range(MAX_ROUNDS):
            counts = _violations(quotes, np.flatnonzero(usable & ~flagged))
            if not counts.any():
                return flagged
            most = np.zeros(int(quotes.group.max()) + 1, dtype=np.int64)
            np.maximum.at(most, quotes.group, counts)
            flagged |= (counts > 0) & (counts == most[quotes.group])
        return flagged | (_violations(quotes, np.flatnonzero(usable & ~flagged)) > 0)


def _below_intrinsic(quotes: ExecutableQuotes) -> Flags:
    pays = np.where(quotes.is_call, quotes.stock_bid - quotes.strike, quotes.strike - quotes.stock_ask)
    return quotes.american & (quotes.ask < pays - _NOISE)


def _violations(quotes: ExecutableQuotes, rows: Integers) -> Integers:
    """In how many violations each contract stands, over all contracts; only `rows` are looked at."""
    counts = np.zeros(len(quotes.strike), dtype=np.int64)
    if len(rows) > 1:
        _count_shape(quotes, rows, counts)
        _count_parity(quotes, rows, counts)
    return counts


@dataclass(frozen=True, slots=True)
class _Neighbours:
    """Positions of the nearest elements of the same group on one side, with the distance of their strikes."""

    position: Integers
    present: Flags
    distance: Floats


def _neighbours(group: Integers, strike: Floats, direction: int) -> _Neighbours:
    count = len(group)
    wanted = np.arange(count)[:, None] + direction * np.arange(1, min(NEAREST, count - 1) + 1)
    position = np.clip(wanted, 0, count - 1)
    distance = direction * (strike[position] - strike[:, None])
    present = (wanted == position) & (group[position] == group[:, None]) & (distance > 0)
    return _Neighbours(position, present, distance)


def _count_shape(quotes: ExecutableQuotes, rows: Integers, counts: Integers) -> None:
    """Monotone and convex, per side of each group."""
    sides = quotes.group[rows] * 2 + quotes.is_call[rows]
    rows = rows[np.lexsort((quotes.strike[rows], sides))]
    sides, strike = quotes.group[rows] * 2 + quotes.is_call[rows], quotes.strike[rows]
    bid, ask = quotes.bid[rows], quotes.ask[rows]
    below, above = _neighbours(sides, strike, -1), _neighbours(sides, strike, 1)
    ask_below = np.where(below.present, ask[below.position], np.inf)
    ask_above = np.where(above.present, ask[above.position], np.inf)

    is_call = quotes.is_call[rows][:, None]
    dearer = np.where(is_call, ask_below, ask_above) < bid[:, None] - _NOISE
    if dearer.any():
        bought = np.where(is_call, below.position, above.position)[dearer]
        np.add.at(counts, rows[bought], 1)
        counts[rows] += dearer.sum(axis=1)

    rising = np.where(below.present, (bid[:, None] - ask_below) / np.where(below.present, below.distance, 1), -np.inf)
    falling = np.where(above.present, (ask_above - bid[:, None]) / np.where(above.present, above.distance, 1), np.inf)
    bodies = np.flatnonzero(rising.max(axis=1) > falling.min(axis=1) + _NOISE)
    if len(bodies):
        chords = rising[bodies][:, :, None] > falling[bodies][:, None, :] + _NOISE
        np.add.at(counts, rows[below.position[bodies]], chords.sum(axis=2))
        np.add.at(counts, rows[above.position[bodies]], chords.sum(axis=1))
        counts[rows[bodies]] += chords.sum(axis=(1, 2))


def _count_parity(quotes: ExecutableQuotes, rows: Integers, counts: Integers) -> None:
    """Call against put of one strike with the stock, and boxes of two strikes."""
    rows = rows[np.lexsort((quotes.is_call[rows], quotes.strike[rows], quotes.group[rows]))]
    group, strike = quotes.group[rows], quotes.strike[rows]
    twins = np.flatnonzero(
        (group[1:] == group[:-1]) & (strike[1:] == strike[:-1]) & quotes.is_call[rows[1:]] & ~quotes.is_call[rows[:-1]]
    )
    if not len(twins):
        return
    puts, calls = rows[twins], rows[twins + 1]
    group, strike, american = quotes.group[calls], quotes.strike[calls], quotes.american[calls]
    buy, sell = quotes.ask[calls] - quotes.bid[puts], quotes.bid[calls] - quotes.ask[puts]
    low = np.exp(-(quotes.rate[calls] + RATE_TOLERANCE) * quotes.years[calls])
    high = np.exp(-(quotes.rate[calls] - RATE_TOLERANCE) * quotes.years[calls])

    with_stock = american & (sell > quotes.stock_ask[calls] - strike * low + _NOISE)
    counts[puts] += with_stock
    counts[calls] += with_stock
    if len(calls) == 1:
        return
    above = _neighbours(group, strike, 1)
    cheap = buy[:, None] - sell[above.position] < above.distance * low[:, None] - _NOISE
    dear = sell[:, None] - buy[above.position] > above.distance * high[:, None] + _NOISE
    for boxes in (cheap & above.present, dear & above.present & ~american[:, None]):
        if boxes.any():
            near, far = np.nonzero(boxes)
            legs = np.concatenate((near, above.position[near, far]))
            np.add.at(counts, np.concatenate((puts[legs], calls[legs])), 1)
