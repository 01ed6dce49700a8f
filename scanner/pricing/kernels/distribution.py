"""Probabilities of the log-normal model; formulas, domains and limits: `scanner.pricing.probabilities`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.kernels.blocks import BLOCK, load, load_signs, store, whole_steps
from scanner.pricing.kernels.compilation import COUNT, FLAGS, NUMBERS, TABLE, device, kernel, prefer_widest_vectors
from scanner.pricing.kernels.elementary import erfcx, exp, log
from scanner.pricing.kernels.european import GREATEST_PRICE, LEAST_PRICE

_ROOT_HALF: Final = 0.7071067811865476
_FARTHEST: Final = 40.0
"""N(-x) is below the least float64 from here on."""

_Column = NDArray[np.float64]


@device
def normal(x: float) -> float:
    """N(x), the small tail with all its digits; NaN stays NaN."""
    distance = min(abs(x), _FARTHEST)
    tail = 0.5 * exp(-0.5 * distance * distance) * erfcx(distance * _ROOT_HALF)
    value = tail if x < 0.0 else 1.0 - tail
    return math.nan if math.isnan(x) else value


@device
def _is_plain(price: float, years: float, volatility: float) -> bool:
    valid = (price > LEAST_PRICE) & (price < GREATEST_PRICE) & (years >= 0.0) & (years < math.inf)
    return valid & (volatility >= 0.0) & (volatility < math.inf)


@device
def _above(forward: float, level: float, years: float, volatility: float, sign: float) -> float:
    """N(sign x d2) at `level`; NaN for what is invalid and where a certain forward equals the level."""
    deviation = volatility * math.sqrt(years)
    d2 = log(forward / level) / deviation - 0.5 * deviation
    valid = _is_plain(forward, years, volatility) & (level > LEAST_PRICE) & (level < GREATEST_PRICE)
    return normal(sign * d2) if valid else math.nan


@device
def _touch(S: float, K: float, T: float, r: float, q: float, sigma: float, e: float) -> float:  # noqa: N803
    """The second term e^{2 mu b/sigma^2} N(x) as e^{-y^2/2} erfcx(-x/sqrt 2)/2 for negative x, so that it stays finite.

    y is the argument of the first term; y^2 - x^2 is -4 mu b/sigma^2.
    """
    deviation = sigma * math.sqrt(T)
    distance = abs(log(K / S))
    side = 1.0 if K < S else -1.0
    away = side * (r - q - 0.5 * sigma * sigma) * T
    per_deviation = 1.0 / deviation
    first = -(distance + away) * per_deviation
    second = (away - distance) * per_deviation
    small = min(abs(second), 1e100)
    scaled = erfcx(small * _ROOT_HALF)
    shrunk = 0.5 * exp(-0.5 * first * first) * scaled
    grown = exp(0.5 * (second - first) * (second + first)) * (1.0 - 0.5 * exp(-0.5 * small * small) * scaled)
    probability = min(normal(first) + (shrunk if second < 0.0 else grown), 1.0)  # the sum may exceed 1 by its rounding
    reached = 1.0 if distance + away <= 0.0 else 0.0
    probability = reached if deviation == 0.0 else probability
    in_the_money = e * (S - K) >= 0.0
    probability = 1.0 if in_the_money else probability
    valid = _is_plain(S, T, sigma) & (K > LEAST_PRICE) & (K < GREATEST_PRICE) & (abs(r) + abs(q) < math.inf)
    return probability if valid else math.nan


@kernel(NUMBERS, NUMBERS, NUMBERS, NUMBERS, FLAGS, TABLE, COUNT, COUNT)
def prob_beyond_kernel(
    forward: _Column,
    level: _Column,
    years: _Column,
    volatility: _Column,
    is_above: NDArray[np.bool_],
    table: _Column,
    first: int,
    last: int,
) -> None:
    """Fill `table[0, first:last]` with the probability of ending above the level, or not, where `is_above` is False."""
    prefer_widest_vectors()
    work = np.empty(6 * BLOCK)
    for start in range(first, last, BLOCK):
        count = min(BLOCK, last - start)
        load(work, 0, forward, start, count)
        load(work, 1, level, start, count)
        load(work, 2, years, start, count)
        load(work, 3, volatility, start, count)
        load_signs(work, 4, is_above, start, count)
        for i in range(whole_steps(count)):
            work[5 * BLOCK + i] = _above(
                work[i], work[BLOCK + i], work[2 * BLOCK + i], work[3 * BLOCK + i], work[4 * BLOCK + i]
            )
        store(work, 5, table, 0, start, count)


@kernel(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, FLAGS, TABLE, COUNT, COUNT)
def prob_touch_kernel(
    spot: _Column,
    strike: _Column,
    years: _Column,
    rate: _Column,
    dividend_yield: _Column,
    volatility: _Column,
    is_call: NDArray[np.bool_],
    table: _Column,
    first: int,
    last: int,
) -> None:
    """Fill `table[0, first:last]` with the probability that the spot reaches the strike."""
    prefer_widest_vectors()
    work = np.empty(8 * BLOCK)
    for start in range(first, last, BLOCK):
        count = min(BLOCK, last - start)
        load(work, 0, spot, start, count)
        load(work, 1, strike, start, count)
        load(work, 2, years, start, count)
        load(work, 3, rate, start, count)
        load(work, 4, dividend_yield, start, count)
        load(work, 5, volatility, start, count)
        load_signs(work, 6, is_call, start, count)
        for i in range(whole_steps(count)):
            work[7 * BLOCK + i] = _touch(
                work[i],
                work[BLOCK + i],
                work[2 * BLOCK + i],
                work[3 * BLOCK + i],
                work[4 * BLOCK + i],
                work[5 * BLOCK + i],
                work[6 * BLOCK + i],
            )
        store(work, 7, table, 0, start, count)
