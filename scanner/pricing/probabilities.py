"""Risk-neutral probabilities of the log-normal model, for one volatility per option.

Arguments are keyword-only, real and broadcast; results are float64 in [0, 1]. `forward`, `spot`, `strike`, `break_even`
in $ per share and positive, `years` ACT/365, `volatility` decimal, neither negative, `rate` and `dividend_yield`
continuous decimals. An element with a NaN, an infinity or a value outside its domain gives NaN. An argument that is no
number, a flag that is no boolean or shapes that do not broadcast raise `InputError`.

They are risk-neutral: the drift is rate less yield, not a forecast, and none of them is 1 - |delta|.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx, ndtr

from scanner.pricing.arrays import Flags, Floats, as_flags, as_floats

_ROOT_HALF: Final = 0.7071067811865476


def prob_otm(
    *, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, volatility: ArrayLike, is_call: ArrayLike
) -> Floats:
    """Probability that the option expires out of the money: N(d2) for puts, N(-d2) for calls.

    d2 = ln(F/K)/(sigma sqrt T) - sigma sqrt T / 2. At zero time or volatility the forward is certain: 1 or 0, and NaN
    where it equals the strike.
    """
    numbers = as_floats(forward=forward, strike=strike, years=years, volatility=volatility)
    flags = as_flags("is_call", is_call, *numbers)
    with np.errstate(all="ignore"):
        return ndtr(np.where(flags, -1.0, 1.0) * _d2(*numbers))


def prob_profit(*, forward: ArrayLike, break_even: ArrayLike, years: ArrayLike, volatility: ArrayLike) -> Floats:
    """P(S_T > break_even) = N(d2 at break_even), of the short put and of the covered call alike.

    A break-even at or below zero is always exceeded: 1. Zero time or volatility as in `prob_otm`.
    """
    ahead, level, time, deviation = as_floats(
        forward=forward, break_even=break_even, years=years, volatility=volatility
    )
    with np.errstate(all="ignore"):
        probability = ndtr(_d2(ahead, level, time, deviation))
        valid = _valid(ahead, time, deviation) & (level <= 0) & np.isfinite(level)
        return np.where(valid, 1.0, probability) if valid.any() else probability


def prob_touch(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
) -> Floats:
    """Probability that the spot reaches the strike at any time before expiry; 1 where it is in or at the money now.

    With b = ln(K/S), mu = r - q - sigma^2/2 and e = 1 if K < S, else -1:
    N(e (b - mu T)/(sigma sqrt T)) + exp(2 mu b/sigma^2) N(e (b + mu T)/(sigma sqrt T)). The second term is evaluated
    through the scaled complementary error function where its factors would overflow and underflow. Zero volatility:
    1 if the path S e^{mu t} reaches the strike by T, else 0. The strike is watched continuously.

    Source: M. Rubinstein and E. Reiner, Breaking down the barriers, Risk 4 (1991): the first-passage probability of a
    Brownian motion with drift.
    """
    numbers = as_floats(
        spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, volatility=volatility
    )
    flags = as_flags("is_call", is_call, *numbers)
    with np.errstate(all="ignore"):
        return _touch(numbers, flags)


def _touch(numbers: tuple[Floats, ...], is_call: Flags) -> Floats:
    spot, strike, years, rate, dividend_yield, volatility = numbers
    valid = _valid(spot, years, volatility) & (strike > 0) & np.isfinite(strike + rate + dividend_yield)
    deviation = volatility * np.sqrt(years)
    distance = np.abs(np.log(strike / spot))
    away = np.where(strike < spot, 1.0, -1.0) * (rate - dividend_yield - 0.5 * volatility * volatility) * years
    first = -(distance + away) / deviation
    second = (away - distance) / deviation
    reflected = np.where(
        second < 0,
        0.5 * np.exp(-0.5 * first * first) * erfcx(-_ROOT_HALF * second),
        np.exp(0.5 * (second - first) * (second + first)) * ndtr(second),
    )
    probability = np.minimum(ndtr(first) + reflected, 1.0)  # the sum may exceed 1 by a rounding error
    certain = deviation == 0
    if certain.any():
        probability = np.where(certain, np.where(distance + away <= 0, 1.0, 0.0), probability)
    in_the_money = np.where(is_call, spot >= strike, spot <= strike)
    probability = np.where(in_the_money, 1.0, probability)
    return np.where(valid, probability, np.nan)


def _d2(forward: Floats, level: Floats, years: Floats, volatility: Floats) -> Floats:
    valid = _valid(forward, years, volatility) & (level > 0) & np.isfinite(level)
    deviation = np.where(valid, volatility * np.sqrt(years), np.nan)
    return np.log(forward / level) / deviation - 0.5 * deviation


def _valid(price: Floats, years: Floats, volatility: Floats) -> Flags:
    return (price > 0) & (years >= 0) & (volatility >= 0) & np.isfinite(price + years + volatility)
