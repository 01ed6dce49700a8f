"""Probabilities of the log-normal model; formulas, domains and limits: `scanner.pricing.probabilities`."""

from __future__ import annotations

import math
from typing import Final

from scanner.pricing.kernels.blocks import Column, Flags, block_of, keep, next_block, repeated, room_for
from scanner.pricing.kernels.compilation import (
    COUNT,
    FLAGS,
    NUMBERS,
    TABLE,
    device,
    inner,
    kernel,
    prefer_widest_vectors,
    separate_arrays,
)
from scanner.pricing.kernels.elementary import erfcx, exp, log
from scanner.pricing.kernels.european import GREATEST_PRICE, LEAST_PRICE, seven_blocks, seven_repeated

_ROOT_HALF: Final = 0.7071067811865476
_FARTHEST: Final = 40.0
"""N(-x) is below the least float64 from here on."""


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


@inner
def _beyond(
    forward: Column, level: Column, years: Column, volatility: Column, is_above: Flags, probability: Column
) -> None:
    prefer_widest_vectors()
    separate_arrays()
    for i in range(probability.size):
        probability[i] = _above(forward[i], level[i], years[i], volatility[i], 1.0 if is_above[i] else -1.0)


@inner
def _touches(
    spot: Column,
    strike: Column,
    years: Column,
    rate: Column,
    dividend_yield: Column,
    volatility: Column,
    is_call: Flags,
    probability: Column,
) -> None:
    prefer_widest_vectors()
    separate_arrays()
    for i in range(probability.size):
        probability[i] = _touch(
            spot[i], strike[i], years[i], rate[i], dividend_yield[i], volatility[i], 1.0 if is_call[i] else -1.0
        )


@kernel(NUMBERS, NUMBERS, NUMBERS, NUMBERS, FLAGS, TABLE, COUNT, COUNT)
def prob_beyond_kernel(
    forward: Column,
    level: Column,
    years: Column,
    volatility: Column,
    is_above: Flags,
    table: Column,
    first: int,
    last: int,
) -> None:
    """Fill `table[0, first:last]` with the probability of ending above the level, or not, where `is_above` is False."""
    rows = last - first
    forwards, levels, times = repeated(forward, rows), repeated(level, rows), repeated(years, rows)
    volatilities, sides = repeated(volatility, rows), repeated(is_above, rows)
    start = first
    while start < last:
        count = next_block(start, last)
        probability = room_for(table[0], start, count)
        _beyond(
            block_of(forward, forwards, start, count),
            block_of(level, levels, start, count),
            block_of(years, times, start, count),
            block_of(volatility, volatilities, start, count),
            block_of(is_above, sides, start, count),
            probability,
        )
        keep(probability, table[0], start, count)
        start += count


@kernel(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, FLAGS, TABLE, COUNT, COUNT)
def prob_touch_kernel(
    spot: Column,
    strike: Column,
    years: Column,
    rate: Column,
    dividend_yield: Column,
    volatility: Column,
    is_call: Flags,
    table: Column,
    first: int,
    last: int,
) -> None:
    """Fill `table[0, first:last]` with the probability that the spot reaches the strike."""
    columns = (spot, strike, years, rate, dividend_yield, volatility, is_call)
    whole = seven_repeated(columns, last - first)
    start = first
    while start < last:
        count = next_block(start, last)
        probability = room_for(table[0], start, count)
        _touches(*seven_blocks(columns, whole, start, count), probability)
        keep(probability, table[0], start, count)
        start += count
