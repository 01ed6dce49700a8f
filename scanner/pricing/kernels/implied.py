"""The volatility a price implies; the method and its reasons: `scanner.pricing.implied_volatility`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.kernels.blocks import BLOCK, Column, Flags, block_of, keep, next_block, repeated, room_for
from scanner.pricing.kernels.compilation import (
    CODES,
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
from scanner.pricing.kernels.elementary import CENTER, erfcx, erfcx_polynomial, exp_within, log
from scanner.pricing.kernels.european import GREATEST_GROWTH, GREATEST_PRICE, LEAST_PRICE

INVALID_INPUT, NO_TIME, BELOW_INTRINSIC, ABOVE_MAXIMUM, VEGA_NEGLIGIBLE = 1.0, 2.0, 3.0, 4.0, 5.0
"""Codes of the solver; 0 where the volatility is known."""

_ROUNDING: Final = 4 * float(np.finfo(np.float64).eps)
_TINY: Final = float(np.finfo(np.float64).tiny)
_NEGLIGIBLE: Final = 1e-6
_ROOT_HALF: Final = 0.7071067811865476
_ROOT_TWO: Final = 1.4142135623730951
_ROOT_TWO_PI: Final = 2.5066282746310002
_ROOT_HALF_PI: Final = 1.2533141373155003
_ROOT_PI: Final = 1.7724538509055159
_LARGEST_EXPONENT: Final = 50.0
_LEAST_LOGARITHMIC: Final = 0.25
_SIXTH: Final = 1.0 / 6.0


@device
def _guess(distance: float, inflection: float, root: float, tail: float, drop: float, lower: bool) -> float:
    """First guess of s from how far, in logarithms, the target lies below the value at the inflection.

    Above the inflection: from the quadratic of ln(b_max - b) there, whose second derivative is -(its first)^2. Below:
    ln b as a function of u = (s_c/s)^2 - 1 is taken as -(a/4) u - c ln(1 + u), exact in value and slope at u = 0 and in
    the leading term as s vanishes. Its solution lies near both drop/(a/4) and e^{drop/c} - 1; half their harmonic mean
    and one Newton step are within a third of s everywhere.
    """
    upper_guess = inflection + (math.sqrt(1.0 + 2.0 * drop) - 1.0) * _ROOT_HALF_PI * (1.0 + tail)
    linear = 0.25 * distance
    logarithmic = max(root / (_ROOT_PI * (1.0 - tail)) - linear, _LEAST_LOGARITHMIC)
    grown = exp_within(min(drop / logarithmic, _LARGEST_EXPONENT)) - 1.0
    u = drop * grown / (drop + linear * grown)
    excess = linear * u + logarithmic * log(1.0 + u) - drop
    u = max(u - excess * (1.0 + u) / (linear * (1.0 + u) + logarithmic), 0.0)
    lower_guess = inflection / math.sqrt(1.0 + u)
    return lower_guess if lower else upper_guess


@device
def _householder(s: float, inverse_target: float, distance: float, side: float) -> tuple[float, float]:
    """One third-order step on ln b (side 1) or ln(b_max - b) (side -1), and erfcx -/+ erfcx at the s it starts from.

    With the residual f = ln(target) - ln(value), nu = f/(d ln value/ds), bend = b''/b' = h^2/s - s/4 and b'''/b' =
    bend^2 - 3 h^2/s^2 - 1/4; multiplied by nu, the derivatives of the logarithm need no division. The step is kept
    between half and double.
    """
    per_s = 1.0 / s
    h = distance * per_s
    t = 0.5 * s
    x1, x2 = max(side * (h - t), 0.0) * _ROOT_HALF, (h + t) * _ROOT_HALF
    above1, above2, below1, below2 = x1 + CENTER, x2 + CENTER, 1.0 + 2.0 * x1, 1.0 + 2.0 * x2
    both1, both2 = above1 * below1, above2 * below2
    shared = 1.0 / (both1 * both2)
    inverse1, inverse2 = shared * both2, shared * both1
    erfcx1 = erfcx_polynomial((x1 - CENTER) * below1 * inverse1) * (above1 * inverse1)
    erfcx2 = erfcx_polynomial((x2 - CENTER) * below2 * inverse2) * (above2 * inverse2)
    difference = erfcx1 - side * erfcx2
    residual = 0.5 * (h * h + t * t) - log(0.5 * difference * inverse_target)
    nu = side * residual * difference * _ROOT_HALF_PI
    h_per_s = h * per_s
    bend = h * h_per_s - 0.5 * t
    curve = bend * bend - 3.0 * h_per_s * h_per_s - 0.25
    second = nu * bend - residual
    third = nu * nu * curve - residual * (3.0 * nu * bend - 2.0 * residual)
    step = nu * (1.0 + 0.5 * second) / (1.0 + second + _SIXTH * third)
    return min(max(s + step, t), 2.0 * s), difference


@device
def _implied(price: float, F: float, K: float, T: float, r: float, e: float) -> tuple[float, float]:  # noqa: N803
    """Volatility and code of one option; e is 1 for a call, -1 for a put."""
    undiscounted = price * exp_within(r * T)
    moneyness = e * (F - K)
    time_value = undiscounted - max(moneyness, 0.0)
    scale = math.sqrt(F * K)
    per_scale = 1.0 / scale
    beta = time_value * per_scale
    most = min(F, K) * per_scale
    distance = abs(log(F / K))
    root = math.sqrt(distance)
    inflection = _ROOT_TWO * root
    tail = erfcx(root)

    lower = beta < 0.5 * most * (1.0 - tail)
    side = 1.0 if lower else -1.0
    target = beta if lower else most - beta
    inverse_target = 1.0 / target
    drop = max(log(0.5 * most * (1.0 - side * tail) * inverse_target), 0.0)
    s = _guess(distance, inflection, root, tail, drop, lower)
    s, _ = _householder(s, inverse_target, distance, side)
    s = min(s, inflection) if lower else max(s, inflection)
    s, difference = _householder(s, inverse_target, distance, side)
    s = min(s, inflection) if lower else max(s, inflection)

    root_time = math.sqrt(T)
    rounding = _ROUNDING * (undiscounted + (K if moneyness > 0.0 else 0.0)) + _TINY
    determined = rounding * _ROOT_TWO_PI * difference <= (2.0 * _NEGLIGIBLE) * root_time * scale * target
    code = 0.0 if determined & (target >= _TINY) else VEGA_NEGLIGIBLE
    code = ABOVE_MAXIMUM if time_value >= min(F, K) else code
    code = BELOW_INTRINSIC if time_value < -rounding else code
    code = NO_TIME if T <= 0.0 else code
    valid = (F > LEAST_PRICE) & (K > LEAST_PRICE) & (F + K < GREATEST_PRICE)
    valid &= (abs(price) < math.inf) & (abs(T) < math.inf) & (abs(r * T) < GREATEST_GROWTH)
    code = code if valid else INVALID_INPUT
    return s / root_time if code == 0.0 else math.nan, code


@inner
def _volatilities(
    price: Column,
    forward: Column,
    strike: Column,
    years: Column,
    rate: Column,
    is_call: Flags,
    volatility: Column,
    code: Column,
) -> None:
    prefer_widest_vectors()
    separate_arrays()
    for i in range(volatility.size):
        volatility[i], code[i] = _implied(
            price[i], forward[i], strike[i], years[i], rate[i], 1.0 if is_call[i] else -1.0
        )


@kernel(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, FLAGS, TABLE, CODES, COUNT, COUNT, COUNT)
def implied_volatility_kernel(
    price: Column,
    forward: Column,
    strike: Column,
    years: Column,
    rate: Column,
    is_call: Flags,
    table: Column,
    codes: NDArray[np.int8],
    offset: int,
    first: int,
    last: int,
) -> None:
    """Fill `table[0, first:last]` with volatilities and `codes[first:last]` with 0 or code + `offset`."""
    rows = last - first
    prices, forwards, strikes = repeated(price, rows), repeated(forward, rows), repeated(strike, rows)
    times, rates, calls = repeated(years, rows), repeated(rate, rows), repeated(is_call, rows)
    code = np.empty(BLOCK)
    start = first
    while start < last:
        count = next_block(start, last)
        volatility = room_for(table[0], start, count)
        _volatilities(
            block_of(price, prices, start, count),
            block_of(forward, forwards, start, count),
            block_of(strike, strikes, start, count),
            block_of(years, times, start, count),
            block_of(rate, rates, start, count),
            block_of(is_call, calls, start, count),
            volatility,
            code,
        )
        keep(volatility, table[0], start, count)
        kept = codes[start : start + count]
        for i in range(count):
            kept[i] = np.int8(code[i] + offset if code[i] > 0.0 else 0.0)
        start += count
