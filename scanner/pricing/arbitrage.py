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
flagged and taken out, equals together, and the rest of it is looked at again. What still contradicts itself after
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
        orders = _orders(quotes, usable & ~flagged)
        for _ in range(MAX_ROUNDS):
            counts = _violations(quotes, orders)
            if not counts.any():
                return flagged
            most = np.zeros(int(quotes.group.max()) + 1, dtype=np.int64)
            np.maximum.at(most, quotes.group, counts)
            flagged |= (counts > 0) & (counts == most[quotes.group])
            orders = orders.those(~flagged & (most[quotes.group] > 0))
        return flagged | (_violations(quotes, orders) > 0)


def _below_intrinsic(quotes: ExecutableQuotes) -> Flags:
    from scanner.pricing.kernels.arbitrage import NOISE

    pays = np.where(quotes.is_call, quotes.stock_bid - quotes.strike, quotes.strike - quotes.stock_ask)
    return quotes.american & (quotes.ask < pays - NOISE)


@dataclass(frozen=True, slots=True)
class _Orders:
    """Positions of the contracts to look at, ascending: by group, side and strike; by group, strike and side."""

    by_side: Integers
    by_strike: Integers

    def those(self, wanted: Flags) -> _Orders:
        """Without the contracts that are not wanted."""
        return _Orders(self.by_side[wanted[self.by_side]], self.by_strike[wanted[self.by_strike]])


def _orders(quotes: ExecutableQuotes, usable: Flags) -> _Orders:
    rows = np.flatnonzero(usable)
    by_strike = rows[np.lexsort((quotes.is_call[rows], quotes.strike[rows], quotes.group[rows]))]
    sides = quotes.group[by_strike] * 2 + quotes.is_call[by_strike]
    return _Orders(by_side=by_strike[np.argsort(sides, kind="stable")], by_strike=by_strike)


def _violations(quotes: ExecutableQuotes, orders: _Orders) -> Integers:
    """In how many violations each contract stands, over all contracts."""
    counts = np.zeros(len(quotes.strike), dtype=np.int64)
    _count_shape(quotes, orders.by_side, counts)
    _count_parity(quotes, orders.by_strike, counts)
    return counts


def _count_shape(quotes: ExecutableQuotes, rows: Integers, counts: Integers) -> None:
    """Monotone and convex, per side of each group."""
    from scanner.pricing.kernels.arbitrage import shape_kernel

    is_call, own = quotes.is_call[rows], np.zeros(len(rows), dtype=np.int64)
    side = quotes.group[rows] * 2 + is_call
    shape_kernel()(side, is_call, quotes.strike[rows], quotes.bid[rows], quotes.ask[rows], own, NEAREST)
    counts[rows] += own


def _count_parity(quotes: ExecutableQuotes, rows: Integers, counts: Integers) -> None:
    """Call against put of one strike with the stock, and boxes of two strikes."""
    from scanner.pricing.kernels.arbitrage import NOISE, box_kernel

    group, strike, is_call = quotes.group[rows], quotes.strike[rows], quotes.is_call[rows]
    twins = np.flatnonzero((group[1:] == group[:-1]) & (strike[1:] == strike[:-1]) & is_call[1:] & ~is_call[:-1])
    puts, calls = rows[twins], rows[twins + 1]
    strike, rate, years = quotes.strike[calls], quotes.rate[calls], quotes.years[calls]
    american = quotes.american[calls]
    buy, sell = quotes.ask[calls] - quotes.bid[puts], quotes.bid[calls] - quotes.ask[puts]
    low, high = np.exp(-(rate + RATE_TOLERANCE) * years), np.exp(-(rate - RATE_TOLERANCE) * years)
    own = (american & (sell > quotes.stock_ask[calls] - strike * low + NOISE)).astype(np.int64)
    box_kernel()(quotes.group[calls], american, strike, buy, sell, low, high, own, NEAREST)
    counts[puts] += own
    counts[calls] += own
