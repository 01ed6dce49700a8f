"""Violations of no-arbitrage among quotes in the order of their strikes; what they mean: `scanner.pricing.arbitrage`.

Each element is compared with those up to `nearest` places away, as long as they are of its group. Every violation
adds 1 to `counts` at all of its parties.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.pricing.kernels.compilation import COUNT, FLAGS, INDICES, NUMBERS, kernel

NOISE: Final = 1e-9
"""$ per share, or $ per $ of strike: differences up to here are rounding."""

_COUNTS: Final = types.Array(types.int64, 1, "C")

Column = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


@kernel(INDICES, FLAGS, NUMBERS, NUMBERS, NUMBERS, _COUNTS, COUNT)
def shape_kernel(
    side: Integers, is_call: Flags, strike: Column, bid: Column, ask: Column, counts: Integers, nearest: int
) -> None:
    """Monotone and convex; `side` numbers group and side together, elements ascend by side, then strike.

    Sold is always the element itself. A cheaper option that is worth more breaks monotony; a rise from a lower strike
    steeper than the fall to a higher one is a butterfly below nothing.
    """
    rows = side.size
    rise = np.empty(nearest)
    for i in range(rows):
        first, last = max(i - nearest, 0), min(i + nearest, rows - 1)
        steepest = -np.inf
        for j in range(first, i):
            rise[j - first] = -np.inf
            if side[j] == side[i] and strike[j] < strike[i]:
                rise[j - first] = (bid[i] - ask[j]) / (strike[i] - strike[j])
                steepest = max(steepest, rise[j - first])
                if is_call[i] and ask[j] < bid[i] - NOISE:
                    counts[i] += 1
                    counts[j] += 1
        for k in range(i + 1, last + 1):
            if side[k] != side[i]:
                break
            if strike[k] > strike[i]:
                fall = (ask[k] - bid[i]) / (strike[k] - strike[i]) + NOISE
                if not is_call[i] and ask[k] < bid[i] - NOISE:
                    counts[i] += 1
                    counts[k] += 1
                if steepest > fall:
                    for j in range(first, i):
                        if rise[j - first] > fall:
                            counts[i] += 1
                            counts[j] += 1
                            counts[k] += 1


@kernel(INDICES, FLAGS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, _COUNTS, COUNT)
def box_kernel(
    group: Integers,
    american: Flags,
    strike: Column,
    buy: Column,
    sell: Column,
    low: Column,
    high: Column,
    counts: Integers,
    nearest: int,
) -> None:
    """Boxes of two strikes; elements are pairs of call and put, ascending by group, then strike.

    `buy` and `sell` are what call less put costs and brings, `low` and `high` the discount factors a box must lie
    between; above the higher one only where short legs cannot be exercised.
    """
    rows = group.size
    for i in range(rows):
        for j in range(i + 1, min(i + nearest, rows - 1) + 1):
            if group[j] != group[i]:
                break
            pays = strike[j] - strike[i]
            if pays > 0.0:
                cheap = buy[i] - sell[j] < pays * low[i] - NOISE
                dear = (not american[i]) and sell[i] - buy[j] > pays * high[i] + NOISE
                violations = int(cheap) + int(dear)
                counts[i] += violations
                counts[j] += violations
