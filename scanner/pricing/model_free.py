"""Variance without a model: what a strip of all out-of-the-money options costs, as Cboe's volatility index reads it.

Source: Cboe, The CBOE Volatility Index - VIX, white paper (2009), pages 4-9. It follows K. Demeterfi, E. Derman,
M. Kamal, J. Zou, More than you ever wanted to know about volatility swaps, Goldman Sachs (1999).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scanner.errors import InputError
from scanner.pricing.arrays import Floats, as_floats
from scanner.pricing.quotes import Indices


@dataclass(frozen=True, slots=True)
class ModelFreeVariance:
    """`variance` per year, decimal squared; `forward` $; `strikes`: how many options are in the strip.

    NaN, NaN and 0 where no strike quotes both sides or none lies at or below the forward.
    """

    variance: float
    forward: float
    strikes: int


def model_free_variance(
    *,
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    years: float,
    rate: float,
) -> ModelFreeVariance:
    """(2/T) sum of dK/K^2 e^{rT} Q(K) less (F/K0 - 1)^2/T, over the strikes of one expiration in any order.

    F = K + e^{rT} (C - P) where the mids of call and put differ least; K0 the highest strike not above it; Q the mid of
    the put below K0, of the call above, of both at K0. Bids that are not positive are left out, and everything beyond
    two of them in a row. dK is half the distance of the neighbours in the strip, at its ends the distance to the one.
    Raises InputError for arrays that differ in length and for `years` that are not positive.
    """
    strikes, *quotes = as_floats(strike=strike, call_bid=call_bid, call_ask=call_ask, put_bid=put_bid, put_ask=put_ask)
    if strikes.ndim != 1 or any(quote.shape != strikes.shape for quote in quotes):
        raise InputError("strikes and quotes must be one-dimensional and of one length")
    if not (0 < years < np.inf and np.isfinite(rate)):
        raise InputError(f"years must be positive and the rate finite, not {years} and {rate}")
    order = np.argsort(strikes)
    strikes, (bid_of_call, ask_of_call, bid_of_put, ask_of_put) = strikes[order], (quote[order] for quote in quotes)
    call, put = _mids(bid_of_call, ask_of_call), _mids(bid_of_put, ask_of_put)
    apart = np.abs(call - put)
    unknown = ModelFreeVariance(math.nan, math.nan, 0)
    if np.isnan(apart).all():
        return unknown
    growth = math.exp(rate * years)
    at = int(np.nanargmin(apart))
    forward = float(strikes[at] + growth * (call[at] - put[at]))
    center = int(np.searchsorted(strikes, forward, side="right")) - 1
    if center < 0 or np.isnan(apart[center]):
        return unknown
    puts = center - 1 - _until_two_zeros(bid_of_put[:center][::-1])
    calls = center + 1 + _until_two_zeros(bid_of_call[center + 1 :])
    strip = np.concatenate((puts[::-1], [center], calls))
    value = np.where(strip < center, put[strip], np.where(strip > center, call[strip], 0.5 * (call + put)[strip]))
    known = ~np.isnan(value)
    value, levels = value[known], strikes[strip[known]]
    if len(levels) < 2:
        return unknown
    total = float(np.sum(_widths(levels) * value / levels**2)) * growth
    variance = 2 / years * total - (forward / float(strikes[center]) - 1) ** 2 / years
    return ModelFreeVariance(float(variance), forward, len(levels))


def volatility_index(
    *, near_years: float, near_variance: float, far_years: float, far_variance: float, years: float = 30 / 365
) -> float:
    """The volatility of `years`, decimal, total variance being linear in time; NaN for variances that are unknown.

    Raises InputError where `near_years` < `far_years` does not hold. Cboe's index is a hundred times this and takes
    expirations on both sides of 30 days; in 2009 also the two after one that is nearer than a week.
    """
    if not 0 < near_years < far_years:
        raise InputError(f"the near expiration must come before the far one: {near_years}, {far_years}")
    weight = (far_years - years) / (far_years - near_years)
    total = near_years * near_variance * weight + far_years * far_variance * (1 - weight)
    return math.sqrt(total / years) if total >= 0 else math.nan


def _mids(bid: Floats, ask: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where((bid >= 0) & (ask >= bid), 0.5 * (bid + ask), np.nan)


def _until_two_zeros(bids: Floats) -> Indices:
    """Positions with a positive bid before the first two in a row without one."""
    with np.errstate(invalid="ignore"):
        dead = ~(bids > 0)
    ends = np.flatnonzero(dead[:-1] & dead[1:])
    last = int(ends[0]) if len(ends) else len(bids)
    return np.flatnonzero(~dead[:last])


def _widths(levels: Floats) -> Floats:
    padded = np.concatenate(([2 * levels[0] - levels[1]], levels, [2 * levels[-1] - levels[-2]]))
    return 0.5 * (padded[2:] - padded[:-2])
