"""The volatility that gives an American put its price; the meaning of inputs: `american_boundary`.

Secant and inverse quadratic steps on g(p(sigma)) = g(target), kept inside a bracket. g makes the price nearly straight
in the volatility: ln p out of the money; in the money sqrt(p - (1 - x)), as the price leaves what exercise pays with a
horizontal tangent. A first guess above the solution is best; the second comes from the European vega.

Contracts need different numbers of steps. So every lane works on its own contract, and takes the next when it is done.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from scanner.pricing.kernels.american import CUBE, MATRIX, lane_price, load_lane, value_lanes
from scanner.pricing.kernels.american_boundary import (
    EUROPEAN,
    LANES,
    ROWS,
    VOLATILITY,
    Numbers,
    choose_equation,
    solve_boundary,
)
from scanner.pricing.kernels.compilation import COUNT, NUMBERS, TABLE, device, kernel, prefer_widest_vectors

MOST_STEPS: Final = 60
PATIENCE: Final = 20
"""From this step on the bracket is halved, whatever the secant proposes."""
SETTLED: Final = 1e-9
"""A next step this small, relative to the volatility, ends the search. It is not taken: the answer has been priced."""
MATCHED: Final = 1e-6
"""A search that ends farther from the price, relative to it, has met a jump of the model's: there is no answer."""
GREATEST_DEVIATION: Final = 20.0
ROUNDING: Final = 8 * 2.220446049250313e-16

FOUND, TOO_MANY_STEPS, UNDETERMINED = 0.0, 1.0, 2.0
"""UNDETERMINED: beyond any volatility, or the price jumps over the target within its own error."""

_INVERSE_ROOT_TWO_PI: Final = 0.3989422804014327
_WIDEST_SECANT: Final = 1e-7

# Rows of the lanes' state.
_ROW, _TARGET, _FLOOR, _LOW, _HIGH, _STEPS = 0, 1, 2, 3, 4, 5
_X1, _F1, _P1, _X2, _F2, _SLOPE = 6, 7, 8, 9, 10, 11
_STATE: Final = 12


@device
def _straight(price: float, floor: float) -> float:
    """g of the module's text; `floor` is what exercise pays, 0 out of the money."""
    if floor > 0.0:
        return math.sqrt(max(price - floor, 0.0))
    return math.log(max(price, 1e-300))


@device
def _vega(spot: float, rate: float, dividend_yield: float, volatility: float, years: float) -> float:
    """dp/dsigma of the European put."""
    root = math.sqrt(years)
    deviation = volatility * root
    d1 = (math.log(spot) + (rate - dividend_yield) * years) / deviation + 0.5 * deviation
    return spot * root * _INVERSE_ROOT_TWO_PI * math.exp(-dividend_yield * years - 0.5 * d1 * d1)


@device
def _next(state: Numbers, lane: int, volatility: float, value: float) -> float:
    """The next volatility after a step with two or three points; the current one is `volatility` with g = `value`."""
    x1, f1 = float(state[_X1, lane]), float(state[_F1, lane])
    if value == f1:
        return math.nan
    secant = volatility - value * (volatility - x1) / (value - f1)
    x2, f2 = float(state[_X2, lane]), float(state[_F2, lane])
    if math.isnan(x2) or (f2 - f1) * (f2 - value) == 0.0:
        return secant
    first = f1 * f2 / ((value - f1) * (value - f2))
    second = value * f2 / ((f1 - value) * (f1 - f2))
    third = value * f1 / ((f2 - value) * (f2 - f1))
    return first * volatility + second * x1 + third * x2


@device
def _kept_inside(state: Numbers, lane: int, volatility: float, proposed: float) -> float:
    """The proposed volatility, or one that halves the bracket where it is not inside."""
    low, high = state[_LOW, lane], state[_HIGH, lane]
    if volatility / 3.0 < proposed < volatility * 3.0 and low < proposed < high:
        return proposed
    if low == 0.0:
        return volatility / 3.0
    if high == math.inf:
        return volatility * 3.0
    return math.sqrt(low * high)


@kernel(
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    TABLE,
    COUNT,
    COUNT,
    NUMBERS,
    CUBE,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    COUNT,
    COUNT,
    MATRIX,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
)
def implied_kernel(
    spot: Numbers,
    rate: Numbers,
    dividend_yield: Numbers,
    guess: Numbers,
    years: Numbers,
    price: Numbers,
    table: Numbers,
    first: int,
    last: int,
    times: Numbers,
    matrix: Numbers,
    sines: Numbers,
    cosines: Numbers,
    weights: Numbers,
    sweeps: int,
    second_sweeps: int,
    value_matrix: Numbers,
    value_sines: Numbers,
    value_cosines: Numbers,
    value_weights: Numbers,
    derivative: Numbers,  # noqa: ARG001
) -> None:
    """Fill `table[0:5, first:last]`: volatility, outcome (FOUND ...), dp/dsigma, premium there, prices computed.

    One function although it is long: the state of the lanes lives here, and calls would cost more than they explain.
    """
    prefer_widest_vectors()
    work, boundary = np.empty(ROWS * LANES), np.empty(times.size * LANES)
    state = np.empty((_STATE, LANES))
    upcoming, busy = first, 0
    for lane in range(LANES):
        state[_ROW, lane] = -1.0
        load_lane(work, lane, 1.0, 0.05, 0.0, 0.2, 1.0)
    while upcoming < last or busy > 0:
        for lane in range(LANES):
            if state[_ROW, lane] < 0.0 and upcoming < last:
                i = upcoming
                upcoming, busy = upcoming + 1, busy + 1
                state[_ROW, lane], state[_TARGET, lane], state[_FLOOR, lane] = i, price[i], max(1.0 - spot[i], 0.0)
                state[_LOW, lane], state[_HIGH, lane], state[_STEPS, lane] = 0.0, math.inf, 0.0
                state[_X1, lane], state[_X2, lane], state[_SLOPE, lane] = math.nan, math.nan, math.nan
                load_lane(work, lane, spot[i], rate[i], dividend_yield[i], guess[i], years[i])
        choose_equation(work)
        solve_boundary(work, boundary, times, matrix, sines, cosines, weights, sweeps, second_sweeps)
        value_lanes(work, boundary, value_matrix, value_sines, value_cosines, value_weights)
        for lane in range(LANES):
            if state[_ROW, lane] < 0.0:
                continue
            i = int(state[_ROW, lane])
            volatility, target, floor = work[VOLATILITY * LANES + lane], state[_TARGET, lane], state[_FLOOR, lane]
            found = lane_price(work, boundary, lane)
            value = _straight(found, floor) - _straight(target, floor)
            state[_STEPS, lane] += 1.0
            if found < target:
                state[_LOW, lane] = volatility
            else:
                state[_HIGH, lane] = volatility
            if math.isnan(state[_X1, lane]):
                slope = _vega(spot[i], rate[i], dividend_yield[i], volatility, years[i])
                state[_SLOPE, lane] = slope
                chord = slope / (2.0 * math.sqrt(found - floor)) if floor > 0.0 else slope / found
                proposed = volatility - value / chord
            else:
                if abs(volatility - state[_X1, lane]) > _WIDEST_SECANT * volatility:
                    state[_SLOPE, lane] = (found - state[_P1, lane]) / (volatility - state[_X1, lane])
                patient = state[_STEPS, lane] < PATIENCE
                proposed = _next(state, lane, volatility, value) if patient else math.nan
            near = abs(found - target) <= ROUNDING * (target + (1.0 if floor > 0.0 else 0.0))
            chosen = volatility if near else _kept_inside(state, lane, volatility, proposed)
            outcome = -1.0
            width = state[_HIGH, lane] - state[_LOW, lane]
            if near or abs(chosen - volatility) <= SETTLED * volatility:
                outcome = FOUND if abs(found - target) <= MATCHED * target else UNDETERMINED
            elif width <= SETTLED * volatility or chosen * math.sqrt(years[i]) > GREATEST_DEVIATION:
                outcome = UNDETERMINED
            elif state[_STEPS, lane] >= MOST_STEPS:
                outcome = TOO_MANY_STEPS
            state[_X2, lane], state[_F2, lane] = state[_X1, lane], state[_F1, lane]
            state[_X1, lane], state[_F1, lane], state[_P1, lane] = volatility, value, found
            if outcome >= 0.0:
                table[0, i], table[1, i], table[2, i] = volatility, outcome, state[_SLOPE, lane]
                table[3, i], table[4, i] = found - work[EUROPEAN * LANES + lane], state[_STEPS, lane]
                state[_ROW, lane] = -1.0
                busy -= 1
            else:
                work[VOLATILITY * LANES + lane] = chosen
