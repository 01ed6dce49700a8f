"""Price and Greeks of European options in one pass; formulas, domains and units: `scanner.pricing.black_scholes`."""

from __future__ import annotations

import math
from typing import Final

from scanner.conventions import RHO_PER_PERCENT, THETA_PER_CALENDAR_DAY, VEGA_PER_VOL_POINT
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
from scanner.pricing.kernels.elementary import exp_of_negative, exp_within, log, tail_denominator, tail_numerator

LEAST_PRICE: Final = 1e-100
GREATEST_PRICE: Final = 1e100
"""Spots and strikes outside are refused: products of them would leave the range of a float64."""
GREATEST_GROWTH: Final = 700.0
"""Limit of |rate x years| + |yield x years|: beyond, e^{rT} leaves the range of a float64."""
_LEAST_DEVIATION: Final = 1e-75
"""sigma sqrt T below this counts as none; its powers stay in range."""
_FARTHEST: Final = 38.6
"""e^{-d^2/2} is 0 from here on."""
_INVERSE_ROOT_TWO_PI: Final = 0.3989422804014327

_COLUMNS: Final = (NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, FLAGS, TABLE, COUNT, COUNT)
Columns = tuple[Column, Column, Column, Column, Column, Column, Flags]
_Values = tuple[float, float, float, float, float, float, float, float, float]


@device
def _values(S: float, K: float, T: float, r: float, q: float, sigma: float, e: float) -> _Values:  # noqa: N803
    """price, delta, gamma, theta, vega, rho, vanna, volga, charm of one option; e is 1 for a call, -1 for a put.

    One function, so that what they share is computed once; what a caller does not use, the compiler leaves out.
    Without time or volatility d1 and d2 are so large that all densities vanish, which gives the limits; a NaN in d1,
    for what is invalid, reaches every result through e^{-d1^2/2}.

    N(e d) is e^{-d^2/2} `tail_numerator`/`tail_denominator` of |d|, or 1 less that; e^{-d2^2/2} is e^{-d1^2/2} F/K.
    The longest chain of operations that wait for one another bounds the speed, more than their number does: the two
    tails share one division at its end, the other divisions stand beside the chain.
    """
    root = math.sqrt(T)
    deviation = sigma * root
    spread = max(deviation, _LEAST_DEVIATION)
    grown, discount = exp_within(-q * T), exp_within(-r * T)
    ratio = S / K
    inverse = 1.0 / (S * spread)
    per_spread = S * inverse
    distance = log(ratio) + (r - q) * T
    valid = (min(S, K) > LEAST_PRICE) & (S + K < GREATEST_PRICE)
    valid &= (T >= 0.0) & (sigma >= 0.0) & (sigma < math.inf) & (abs(r * T) + abs(q * T) < GREATEST_GROWTH)
    kink = (deviation < _LEAST_DEVIATION) & (distance == 0.0)
    d1 = distance * per_spread + 0.5 * deviation
    d1 = d1 if valid & (not kink) else math.nan
    d2 = d1 - deviation

    x1, x2 = min(abs(d1), _FARTHEST), min(abs(d2), _FARTHEST)
    below1, below2 = tail_denominator(x1), tail_denominator(x2)
    shared = 1.0 / (below1 * below2)
    bell1 = exp_of_negative(-0.5 * d1 * d1)
    bell2 = bell1 * ratio * (grown / discount)
    tail1 = bell1 * tail_numerator(x1) * (shared * below2)
    tail2 = bell2 * tail_numerator(x2) * (shared * below1)
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
def seven_repeated(columns: Columns, rows: int) -> Columns:
    """`repeated` of each column of an option."""
    return (
        repeated(columns[0], rows),
        repeated(columns[1], rows),
        repeated(columns[2], rows),
        repeated(columns[3], rows),
        repeated(columns[4], rows),
        repeated(columns[5], rows),
        repeated(columns[6], rows),
    )


@device
def seven_blocks(columns: Columns, whole: Columns, start: int, count: int) -> Columns:
    """`block_of` each column of an option."""
    return (
        block_of(columns[0], whole[0], start, count),
        block_of(columns[1], whole[1], start, count),
        block_of(columns[2], whole[2], start, count),
        block_of(columns[3], whole[3], start, count),
        block_of(columns[4], whole[4], start, count),
        block_of(columns[5], whole[5], start, count),
        block_of(columns[6], whole[6], start, count),
    )


@inner
def _prices(
    spot: Column,
    strike: Column,
    years: Column,
    rate: Column,
    dividend_yield: Column,
    volatility: Column,
    is_call: Flags,
    price: Column,
) -> None:
    prefer_widest_vectors()
    separate_arrays()
    for i in range(price.size):
        price[i] = _values(
            spot[i], strike[i], years[i], rate[i], dividend_yield[i], volatility[i], 1.0 if is_call[i] else -1.0
        )[0]


@inner
def _greeks(
    spot: Column,
    strike: Column,
    years: Column,
    rate: Column,
    dividend_yield: Column,
    volatility: Column,
    is_call: Flags,
    price: Column,
    delta: Column,
    gamma: Column,
    theta: Column,
    vega: Column,
    rho: Column,
) -> None:
    prefer_widest_vectors()
    separate_arrays()
    for i in range(price.size):
        price[i], delta[i], gamma[i], theta[i], vega[i], rho[i], _, _, _ = _values(
            spot[i], strike[i], years[i], rate[i], dividend_yield[i], volatility[i], 1.0 if is_call[i] else -1.0
        )


@inner
def _all_greeks(
    spot: Column,
    strike: Column,
    years: Column,
    rate: Column,
    dividend_yield: Column,
    volatility: Column,
    is_call: Flags,
    price: Column,
    delta: Column,
    gamma: Column,
    theta: Column,
    vega: Column,
    rho: Column,
    vanna: Column,
    volga: Column,
    charm: Column,
) -> None:
    prefer_widest_vectors()
    separate_arrays()
    for i in range(price.size):
        price[i], delta[i], gamma[i], theta[i], vega[i], rho[i], vanna[i], volga[i], charm[i] = _values(
            spot[i], strike[i], years[i], rate[i], dividend_yield[i], volatility[i], 1.0 if is_call[i] else -1.0
        )


@kernel(*_COLUMNS)
def price_kernel(
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
    """Fill `table[0, first:last]` with prices."""
    columns = (spot, strike, years, rate, dividend_yield, volatility, is_call)
    whole = seven_repeated(columns, last - first)
    start = first
    while start < last:
        count = next_block(start, last)
        rooms = (room_for(table[0], start, count),)
        _prices(*seven_blocks(columns, whole, start, count), *rooms)
        keep(rooms[0], table[0], start, count)
        start += count


@kernel(*_COLUMNS)
def greeks_kernel(
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
    """Fill `table[:6, first:last]` with price, delta, gamma, theta, vega, rho."""
    columns = (spot, strike, years, rate, dividend_yield, volatility, is_call)
    whole = seven_repeated(columns, last - first)
    start = first
    while start < last:
        count = next_block(start, last)
        rooms = (
            room_for(table[0], start, count),
            room_for(table[1], start, count),
            room_for(table[2], start, count),
            room_for(table[3], start, count),
            room_for(table[4], start, count),
            room_for(table[5], start, count),
        )
        _greeks(*seven_blocks(columns, whole, start, count), *rooms)
        keep(rooms[0], table[0], start, count)
        keep(rooms[1], table[1], start, count)
        keep(rooms[2], table[2], start, count)
        keep(rooms[3], table[3], start, count)
        keep(rooms[4], table[4], start, count)
        keep(rooms[5], table[5], start, count)
        start += count


@kernel(*_COLUMNS)
def all_greeks_kernel(
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
    """As `greeks_kernel`, and rows 6-8 with vanna, volga and charm."""
    columns = (spot, strike, years, rate, dividend_yield, volatility, is_call)
    whole = seven_repeated(columns, last - first)
    start = first
    while start < last:
        count = next_block(start, last)
        rooms = (
            room_for(table[0], start, count),
            room_for(table[1], start, count),
            room_for(table[2], start, count),
            room_for(table[3], start, count),
            room_for(table[4], start, count),
            room_for(table[5], start, count),
            room_for(table[6], start, count),
            room_for(table[7], start, count),
            room_for(table[8], start, count),
        )
        _all_greeks(*seven_blocks(columns, whole, start, count), *rooms)
        keep(rooms[0], table[0], start, count)
        keep(rooms[1], table[1], start, count)
        keep(rooms[2], table[2], start, count)
        keep(rooms[3], table[3], start, count)
        keep(rooms[4], table[4], start, count)
        keep(rooms[5], table[5], start, count)
        keep(rooms[6], table[6], start, count)
        keep(rooms[7], table[7], start, count)
        keep(rooms[8], table[8], start, count)
        start += count
