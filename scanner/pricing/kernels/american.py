"""Prices and Greeks of American puts from their boundary; the meaning of inputs: `american_boundary`.

Early-exercise premium (Kim 1990, The analytic valuation of American options, equation 12; with u the time from now):
int_0^T (r e^{-ru} Phi(-d2) - q x e^{-qu} Phi(-d1)) du, d at (u, x/B(T-u)). It is taken at u = T cos^2(theta).

Delta and gamma differentiate it under the integral; B does not depend on x. Their integrands have a spike at u = 0 when
x is near B, which no fixed quadrature meets. So the same integrals along B(T) e^{bu}, which has the boundary's value
and slope at u = 0, are subtracted at the quadrature points and added in closed form. With m = (L + au)/(sigma sqrt u),
L = ln(x/B(T)), a = r - q - b + sigma^2/2, and any k >= 0, c = sqrt(a^2 + 2 k sigma^2):

* I = int_0^T e^{-ku} phi(m)/(sigma sqrt u) du = (U - V)/c,
  U = e^{-L(a+c)/sigma^2} Phi((cT - L)/(sigma sqrt T)), V = e^{L(c-a)/sigma^2} Phi(-(cT + L)/(sigma sqrt T));
* J = int_0^T e^{-ku} m phi(m)/(sigma^2 u) du = -dI/dL = ((a + c) U + (c - a) V)/(c sigma^2).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from scanner.pricing.kernels.american_boundary import (
    DECAY,
    DELTA,
    EUROPEAN,
    GAMMA,
    GAP,
    H_INSIDE,
    JUMP,
    LANES,
    LOG_SPOT,
    LOG_START,
    PREMIUM,
    RATE,
    ROOT_YEARS,
    ROWS,
    SLOPE,
    SPOT,
    VOLATILITY,
    YIELD,
    Numbers,
    choose_equation,
    interpolate,
    solve_boundary,
)
from scanner.pricing.kernels.compilation import COUNT, NUMBERS, TABLE, device, kernel, prefer_widest_vectors
from scanner.pricing.kernels.elementary import erfcx, exp, log

MATRIX: Final = TABLE.copy(readonly=True)
CUBE: Final = NUMBERS.copy(ndim=3)

BUMP: Final = 1e-4
"""Relative step of the volatility for vega: errors of 1e-8 from its square and 1e-11 from rounding."""

_AT_START: Final = 1e-12
"""The slope of a boundary this close to its start is noise; it is at most that of a straight line in any case."""
_ROOT_HALF: Final = 0.7071067811865476
_INVERSE_ROOT_TWO_PI: Final = 0.3989422804014327


@device
def load_lane(
    work: Numbers, j: int, spot: float, rate: float, dividend_yield: float, volatility: float, years: float
) -> None:
    """One contract to lane j."""
    work[SPOT * LANES + j] = spot
    work[RATE * LANES + j] = rate
    work[YIELD * LANES + j] = dividend_yield
    work[VOLATILITY * LANES + j] = volatility
    work[ROOT_YEARS * LANES + j] = math.sqrt(years)


@device
def value_lanes(
    work: Numbers, boundary: Numbers, matrix: Numbers, sines: Numbers, cosines: Numbers, weights: Numbers
) -> None:
    """European value and premium of all lanes, from their boundary."""
    for j in range(LANES):
        x, r, q = work[SPOT * LANES + j], work[RATE * LANES + j], work[YIELD * LANES + j]
        root = work[ROOT_YEARS * LANES + j]
        years = root * root
        deviation = work[VOLATILITY * LANES + j] * root
        log_spot = log(x)
        d1 = (log_spot + (r - q) * years) / deviation + 0.5 * deviation
        d2 = d1 - deviation
        shrink, discount = exp(-q * years), exp(-r * years)
        tail1 = 0.5 * exp(-q * years - 0.5 * d1 * d1) * erfcx(abs(d1) * _ROOT_HALF)
        tail2 = 0.5 * exp(-r * years - 0.5 * d2 * d2) * erfcx(abs(d2) * _ROOT_HALF)
        below1 = tail1 if d1 > 0.0 else shrink - tail1
        below2 = tail2 if d2 > 0.0 else discount - tail2
        work[LOG_SPOT * LANES + j] = log_spot
        work[EUROPEAN * LANES + j] = below2 - x * below1
        work[PREMIUM * LANES + j] = 0.0
    for k in range(sines.size):
        interpolate(work, boundary, matrix[k])
        cosine, weight = cosines[k], weights[k]
        for j in range(LANES):
            x, r, q = work[SPOT * LANES + j], work[RATE * LANES + j], work[YIELD * LANES + j]
            root = work[ROOT_YEARS * LANES + j]
            since = root * cosine
            u = since * since
            deviation = work[VOLATILITY * LANES + j] * since
            log_bound = work[LOG_START * LANES + j] - math.sqrt(max(work[H_INSIDE * LANES + j], 0.0))
            d1 = (work[LOG_SPOT * LANES + j] - log_bound + (r - q) * u) / deviation + 0.5 * deviation
            d2 = d1 - deviation
            shrink, discount = exp(-q * u), exp(-r * u)
            tail1 = 0.5 * exp(-q * u - 0.5 * d1 * d1) * erfcx(abs(d1) * _ROOT_HALF)
            tail2 = 0.5 * exp(-r * u - 0.5 * d2 * d2) * erfcx(abs(d2) * _ROOT_HALF)
            below1 = tail1 if d1 > 0.0 else shrink - tail1
            below2 = tail2 if d2 > 0.0 else discount - tail2
            work[PREMIUM * LANES + j] += weight * (root * root) * (r * below2 - q * x * below1)


@device
def slope_lanes(
    work: Numbers,
    boundary: Numbers,
    matrix: Numbers,
    cosines: Numbers,
    weights: Numbers,
    derivative: Numbers,
) -> None:
    """Delta and gamma of all lanes, right where the spot is above the boundary; after `value_lanes`.

    `derivative` gives dH/dz at the longest time, z the Chebyshev variable: dz/dtau is 1/T there.
    """
    interpolate(work, boundary, derivative)
    for j in range(LANES):
        _closed_form(work, boundary, j)
    for k in range(cosines.size):
        interpolate(work, boundary, matrix[k])
        cosine, weight = cosines[k], weights[k]
        for j in range(LANES):
            x, r, q = work[SPOT * LANES + j], work[RATE * LANES + j], work[YIELD * LANES + j]
            sigma, root = work[VOLATILITY * LANES + j], work[ROOT_YEARS * LANES + j]
            since = root * cosine
            u = since * since
            deviation = sigma * since
            per_deviation = 1.0 / deviation
            log_bound = work[LOG_START * LANES + j] - math.sqrt(max(work[H_INSIDE * LANES + j], 0.0))
            d1 = (work[LOG_SPOT * LANES + j] - log_bound + (r - q) * u) * per_deviation + 0.5 * deviation
            bell = exp(-q * u - 0.5 * d1 * d1)
            tail = 0.5 * bell * erfcx(abs(d1) * _ROOT_HALF)
            below = tail if d1 > 0.0 else exp(-q * u) - tail
            m = (work[GAP * LANES + j] + work[SLOPE * LANES + j] * u) * per_deviation
            reference = work[JUMP * LANES + j] * exp(-work[DECAY * LANES + j] * u - 0.5 * m * m)
            jump = (r * exp(-log_bound) - q) * bell
            scale = _INVERSE_ROOT_TWO_PI * per_deviation
            measure = weight * (root * root)
            work[DELTA * LANES + j] -= measure * (q * below + scale * (jump - reference))
            gained = q * bell + (jump * d1 - reference * m) * per_deviation
            work[GAMMA * LANES + j] += measure * scale * gained / x


@device
def _closed_form(work: Numbers, boundary: Numbers, j: int) -> None:
    """Start delta and gamma with the European's and the closed-form part; see the module."""
    x, r, q = work[SPOT * LANES + j], work[RATE * LANES + j], work[YIELD * LANES + j]
    sigma, root = work[VOLATILITY * LANES + j], work[ROOT_YEARS * LANES + j]
    years = root * root
    deviation = sigma * root
    per_deviation, per_variance = 1.0 / deviation, 1.0 / (sigma * sigma)
    d1 = (work[LOG_SPOT * LANES + j] + (r - q) * years) * per_deviation + 0.5 * deviation
    bell = exp(-q * years - 0.5 * d1 * d1)
    tail = 0.5 * bell * erfcx(abs(d1) * _ROOT_HALF)
    delta = -(tail if d1 > 0.0 else exp(-q * years) - tail)
    gamma = _INVERSE_ROOT_TWO_PI * bell * per_deviation / x

    root_h = math.sqrt(boundary[j])
    log_bound = work[LOG_START * LANES + j] - root_h
    climb = 0.5 * work[H_INSIDE * LANES + j] / (max(root_h, _AT_START) * years)
    climb = min(max(climb, 0.0), root_h / years)
    gap = max(work[LOG_SPOT * LANES + j] - log_bound, 0.0)
    variance = sigma * sigma
    a = r - q - climb + 0.5 * variance
    decay = max(max(q, 0.0), 0.5 / years - 0.5 * a * a * per_variance)
    c = math.sqrt(a * a + 2.0 * decay * variance)
    total = c + a if a > 0.0 else 2.0 * decay * variance / (c - a)
    rest = 2.0 * decay * variance / (c + a) if a > 0.0 else c - a
    ahead = (c * years - gap) * per_deviation
    bell_ahead = exp(-0.5 * ahead * ahead)
    tail_ahead = 0.5 * bell_ahead * erfcx(abs(ahead) * _ROOT_HALF)
    upper = exp(-gap * total * per_variance) * (1.0 - tail_ahead if ahead > 0.0 else tail_ahead)
    m = (gap + a * years) * per_deviation
    lower = 0.5 * exp(-decay * years - 0.5 * m * m) * erfcx((gap + c * years) * per_deviation * _ROOT_HALF)
    jump = r * exp(-log_bound) - q
    work[GAP * LANES + j] = gap
    work[SLOPE * LANES + j] = a
    work[DECAY * LANES + j] = decay
    work[JUMP * LANES + j] = jump
    work[DELTA * LANES + j] = delta - jump * (upper - lower) / c
    work[GAMMA * LANES + j] = gamma + jump * (total * upper + rest * lower) * per_variance / (c * x)


_SCHEME: Final = (NUMBERS, CUBE, NUMBERS, NUMBERS, NUMBERS, COUNT, COUNT, MATRIX, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
_CONTRACTS: Final = (NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)


@kernel(*_CONTRACTS, TABLE, COUNT, COUNT, *_SCHEME)
def price_kernel(
    spot: Numbers,
    rate: Numbers,
    dividend_yield: Numbers,
    volatility: Numbers,
    years: Numbers,
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
    """Fill `table[0:2, first:last]` with price and premium. Below the boundary the price is 1 - x exactly."""
    prefer_widest_vectors()
    work, boundary = np.empty(ROWS * LANES), np.empty(times.size * LANES)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        for j in range(LANES):
            i = start + min(j, count - 1)
            load_lane(work, j, spot[i], rate[i], dividend_yield[i], volatility[i], years[i])
        choose_equation(work)
        solve_boundary(work, boundary, times, matrix, sines, cosines, weights, sweeps, second_sweeps)
        value_lanes(work, boundary, value_matrix, value_sines, value_cosines, value_weights)
        for j in range(count):
            table[0, start + j] = lane_price(work, boundary, j)
            table[1, start + j] = table[0, start + j] - work[EUROPEAN * LANES + j]


@device
def lane_price(work: Numbers, boundary: Numbers, j: int) -> float:
    """The price of lane j: European plus premium, within its bounds: what exercise pays, the European, the strike."""
    pays = 1.0 - float(work[SPOT * LANES + j])
    if is_exercised(work, boundary, j):
        return pays
    kept = float(work[EUROPEAN * LANES + j]) + max(float(work[PREMIUM * LANES + j]), 0.0)
    return min(max(kept, pays), 1.0)


@device
def is_exercised(work: Numbers, boundary: Numbers, j: int) -> bool:
    """Whether the spot of lane j is at or below its boundary; not where rounding puts it there against the European."""
    below = work[LOG_SPOT * LANES + j] <= work[LOG_START * LANES + j] - math.sqrt(boundary[j])
    return bool(below and work[EUROPEAN * LANES + j] <= 1.0 - work[SPOT * LANES + j])


@kernel(*_CONTRACTS, TABLE, COUNT, COUNT, *_SCHEME)
def greeks_kernel(
    spot: Numbers,
    rate: Numbers,
    dividend_yield: Numbers,
    volatility: Numbers,
    years: Numbers,
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
    derivative: Numbers,
) -> None:
    """Fill `table[0:5, first:last]` with price, premium, dp/dx, d2p/dx2 and dp/dsigma.

    At or below the boundary the last three are -1, 0 and 0 exactly.

    dp/dsigma is a central difference of prices without their floor, which has a corner, and by the same equation.
    """
    prefer_widest_vectors()
    work, boundary = np.empty(ROWS * LANES), np.empty(times.size * LANES)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        for j in range(LANES):
            i = start + min(j, count - 1)
            load_lane(work, j, spot[i], rate[i], dividend_yield[i], volatility[i], years[i])
        choose_equation(work)
        solve_boundary(work, boundary, times, matrix, sines, cosines, weights, sweeps, second_sweeps)
        value_lanes(work, boundary, value_matrix, value_sines, value_cosines, value_weights)
        slope_lanes(work, boundary, value_matrix, value_cosines, value_weights, derivative)
        for j in range(count):
            i = start + j
            exercised = is_exercised(work, boundary, j)
            table[0, i] = lane_price(work, boundary, j)
            table[1, i] = table[0, i] - work[EUROPEAN * LANES + j]
            table[2, i] = -1.0 if exercised else work[DELTA * LANES + j]
            table[3, i] = 0.0 if exercised else work[GAMMA * LANES + j]
            table[4, i] = 0.0
        for side in range(-1, 2, 2):
            for j in range(LANES):
                work[VOLATILITY * LANES + j] = volatility[start + min(j, count - 1)] * (1.0 + side * BUMP)
            solve_boundary(work, boundary, times, matrix, sines, cosines, weights, sweeps, second_sweeps)
            value_lanes(work, boundary, value_matrix, value_sines, value_cosines, value_weights)
            for j in range(count):
                value = work[EUROPEAN * LANES + j] + work[PREMIUM * LANES + j]
                table[4, start + j] += side * value / (2.0 * BUMP * volatility[start + j])
        for j in range(count):
            if table[2, start + j] == -1.0 and table[3, start + j] == 0.0:
                table[4, start + j] = 0.0
