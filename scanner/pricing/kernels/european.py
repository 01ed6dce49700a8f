"""Price and Greeks of European options in one pass; formulas, domains and units: `scanner.pricing.black_scholes`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scanner.conventions import RHO_PER_PERCENT, THETA_PER_CALENDAR_DAY, VEGA_PER_VOL_POINT
from scanner.pricing.kernels.blocks import BLOCK, load, load_signs, store, whole_steps
from scanner.pricing.kernels.compilation import COUNT, FLAGS, NUMBERS, TABLE, device, kernel, prefer_widest_vectors
from scanner.pricing.kernels.elementary import CENTER, erfcx_polynomial, exp, log

LEAST_PRICE: Final = 1e-100
GREATEST_PRICE: Final = 1e100
"""Spots and strikes outside are refused: products of them would leave the range of a float64."""
GREATEST_GROWTH: Final = 700.0
"""Limit of |rate x years| + |yield x years|: beyond, e^{rT} leaves the range of a float64."""
_LEAST_DEVIATION: Final = 1e-75
"""sigma sqrt T below this counts as none; its powers stay in range."""
_FARTHEST: Final = 38.6
"""e^{-d^2/2} is 0 from here on."""
_ROOT_HALF: Final = 0.7071067811865476
_INVERSE_ROOT_TWO_PI: Final = 0.3989422804014327

_INPUTS: Final = 7
_COLUMNS: Final = (NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, FLAGS, TABLE, COUNT, COUNT)
_Column = NDArray[np.float64]
_Values = tuple[float, float, float, float, float, float, float, float, float]


@device
def _values(S: float, K: float, T: float, r: float, q: float, sigma: float, e: float) -> _Values:  # noqa: N803
    """price, delta, gamma, theta, vega, rho, vanna, volga, charm of one option; e is 1 for a call, -1 for a put.

    One function, so that what they share is computed once; what a caller does not use, the compiler leaves out.
    Without time or volatility d1 and d2 are so large that all densities vanish, which gives the limits; a NaN in d1,
    for what is invalid, reaches every result through e^{-d1^2/2}.

    N(e d) is e^{-d^2/2} erfcx(|d|/sqrt 2)/2 or 1 less that; e^{-d2^2/2} is e^{-d1^2/2} F/K, and five divisions
    (by the strike, its discount factor, S sigma sqrt T and in two erfcx) are three.
    """
    root = math.sqrt(T)
    deviation = sigma * root
    spread = max(deviation, _LEAST_DEVIATION)
    grown, discount = exp(-q * T), exp(-r * T)
    ratio = S / K
    inverse = 1.0 / (S * spread)
    per_spread = S * inverse
    distance = log(ratio) + (r - q) * T
    valid = (S > LEAST_PRICE) & (K > LEAST_PRICE) & (S + K < GREATEST_PRICE)
    valid &= (T >= 0.0) & (sigma >= 0.0) & (sigma < math.inf) & (abs(r * T) + abs(q * T) < GREATEST_GROWTH)
    kink = (deviation < _LEAST_DEVIATION) & (distance == 0.0)
    d1 = distance * per_spread + 0.5 * deviation
    d1 = d1 if valid & (not kink) else math.nan
    d2 = d1 - deviation

    x1, x2 = min(abs(d1), _FARTHEST) * _ROOT_HALF, min(abs(d2), _FARTHEST) * _ROOT_HALF
    above1, above2, below1, below2 = x1 + CENTER, x2 + CENTER, 1.0 + 2.0 * x1, 1.0 + 2.0 * x2
    both1, both2 = above1 * below1, above2 * below2
    both = both1 * both2
    shared = 1.0 / (both * discount)
    per_both = shared * discount
    inverse1, inverse2 = per_both * both2, per_both * both1
    bell1 = exp(-0.5 * d1 * d1)
    bell2 = bell1 * ratio * grown * (shared * both)
    tail1 = 0.5 * bell1 * erfcx_polynomial((x1 - CENTER) * below1 * inverse1) * (above1 * inverse1)
    tail2 = 0.5 * bell2 * erfcx_polynomial((x2 - CENTER) * below2 * inverse2) * (above2 * inverse2)
    cumulative1 = tail1 if e * d1 < 0.0 else 1.0 - tail1
    cumulative2 = tail2 if e * d2 < 0.0 else 1.0 - tail2

    density = grown * bell1 * _INVERSE_ROOT_TWO_PI
    spot_density = S * density
    strike_part = K * discount * cumulative2
    slope = e * grown * cumulative1
    price = S * slope - e * strike_part
    vega = spot_density * root
    per_root = sigma * per_spread
    half_rate = 0.5 * per_root
    theta = r * price - spot_density * half_rate * sigma
    vanna = -density * d2 * root * per_spread
    volga = vega * d1 * d2 * root * per_spread
    charm = q * slope - density * ((r - q) * per_spread - d2 * half_rate * per_root)

    return (
        0.0 if kink & valid else price,
        slope,
        density * inverse,
        theta * THETA_PER_CALENDAR_DAY,
        vega * VEGA_PER_VOL_POINT,
        e * T * strike_part * RHO_PER_PERCENT,
        vanna * VEGA_PER_VOL_POINT,
        volga * (VEGA_PER_VOL_POINT * VEGA_PER_VOL_POINT),
        charm * THETA_PER_CALENDAR_DAY,
    )


@device
def _load_all(
    work: _Column,
    spot: _Column,
    strike: _Column,
    years: _Column,
    rate: _Column,
    dividend_yield: _Column,
    volatility: _Column,
    is_call: NDArray[np.bool_],
    first: int,
    count: int,
) -> None:
    load(work, 0, spot, first, count)
    load(work, 1, strike, first, count)
    load(work, 2, years, first, count)
    load(work, 3, rate, first, count)
    load(work, 4, dividend_yield, first, count)
    load(work, 5, volatility, first, count)
    load_signs(work, 6, is_call, first, count)


@device
def _row(work: _Column, i: int) -> _Values:
    return _values(
        work[i],
        work[BLOCK + i],
        work[2 * BLOCK + i],
        work[3 * BLOCK + i],
        work[4 * BLOCK + i],
        work[5 * BLOCK + i],
        work[6 * BLOCK + i],
    )


@kernel(*_COLUMNS)
def price_kernel(
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
    """Fill `table[0, first:last]` with prices."""
    prefer_widest_vectors()
    work = np.empty((_INPUTS + 1) * BLOCK)
    for start in range(first, last, BLOCK):
        count = min(BLOCK, last - start)
        _load_all(work, spot, strike, years, rate, dividend_yield, volatility, is_call, start, count)
        for i in range(whole_steps(count)):
            work[7 * BLOCK + i] = _row(work, i)[0]
        store(work, 7, table, 0, start, count)


@kernel(*_COLUMNS)
def greeks_kernel(
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
    """Fill rows 0-5 of `table[:, first:last]` with price, delta, gamma, theta, vega, rho."""
    prefer_widest_vectors()
    work = np.empty((_INPUTS + 6) * BLOCK)
    for start in range(first, last, BLOCK):
        count = min(BLOCK, last - start)
        _load_all(work, spot, strike, years, rate, dividend_yield, volatility, is_call, start, count)
        for i in range(whole_steps(count)):
            price, delta, gamma, theta, vega, rho, _, _, _ = _row(work, i)
            work[7 * BLOCK + i] = price
            work[8 * BLOCK + i] = delta
            work[9 * BLOCK + i] = gamma
            work[10 * BLOCK + i] = theta
            work[11 * BLOCK + i] = vega
            work[12 * BLOCK + i] = rho
        for column in range(6):
            store(work, _INPUTS + column, table, column, start, count)


@kernel(*_COLUMNS)
def all_greeks_kernel(
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
    """As `greeks_kernel`, and rows 6-8 with vanna, volga and charm."""
    prefer_widest_vectors()
    work = np.empty((_INPUTS + 9) * BLOCK)
    for start in range(first, last, BLOCK):
        count = min(BLOCK, last - start)
        _load_all(work, spot, strike, years, rate, dividend_yield, volatility, is_call, start, count)
        for i in range(whole_steps(count)):
            price, delta, gamma, theta, vega, rho, vanna, volga, charm = _row(work, i)
            work[7 * BLOCK + i] = price
            work[8 * BLOCK + i] = delta
            work[9 * BLOCK + i] = gamma
            work[10 * BLOCK + i] = theta
            work[11 * BLOCK + i] = vega
            work[12 * BLOCK + i] = rho
            work[13 * BLOCK + i] = vanna
            work[14 * BLOCK + i] = volga
            work[15 * BLOCK + i] = charm
        for column in range(9):
            store(work, _INPUTS + column, table, column, start, count)
