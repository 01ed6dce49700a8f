"""European option prices and Greeks: Black-Scholes-Merton with a continuous dividend yield.

Arguments are keyword-only, real, and broadcast against one another; results are float64 in the broadcast shape:

* `spot`, `strike` in $ per share, positive;
* `years` to expiry (ACT/365), `volatility` as a decimal per square-root year, neither negative;
* `rate`, `dividend_yield` continuous, decimal per year, any sign. For an option on a forward F pass F as `spot` and
  the rate as `dividend_yield` too: that is Black (1976);
* `is_call` boolean: True a call, False a put.

An element with a NaN, an infinity or a value outside these domains gives NaN. An argument that is no number, a
flag that is no boolean or shapes that do not broadcast raise `InputError`.

At zero time or zero volatility the price is the discounted intrinsic value of the forward and the Greeks are its
derivatives; where spot e^{-qT} equals strike e^{-rT} exactly it has a kink: the price is 0 and all Greeks are NaN.

Formulas: E. G. Haug, The Complete Guide to Option Pricing Formulas, 2nd ed. (2007), section 1.1.6 and chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from scanner.conventions import RHO_PER_PERCENT, THETA_PER_CALENDAR_DAY, VEGA_PER_VOL_POINT
from scanner.pricing.arrays import Flags, Floats, as_flags, as_floats

_INVERSE_ROOT_TWO_PI: Final = 0.3989422804014327


@dataclass(frozen=True, slots=True)
class Greeks:
    """Price and Greeks of the long option per share, all of one shape, scaled by `scanner.conventions`.

    `price` $; `delta` $ per $1 of spot, in [-1, 1] for yields that are not negative; `gamma` delta per $1; `theta` $
    per calendar day at a fixed forward; `vega` $ per volatility point; `rho` $ per 1 % of the rate, at a fixed spot.
    """

    price: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats


class _Terms(NamedTuple):
    """What price and Greeks share. `sign` is +1 for calls, -1 for puts; `deviation` is volatility x sqrt(years)."""

    sign: Floats
    spot_value: Floats
    strike_value: Floats
    deviation: Floats
    d1: Floats
    cumulative_1: Floats
    cumulative_2: Floats


def price(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
) -> Floats:
    """Option values, $ per share: e (S e^{-qT} N(e d1) - K e^{-rT} N(e d2)), e = 1 for calls and -1 for puts.

    Domains, degenerate inputs and errors: see the module. Source: Haug (2007), equations 1.7 and 1.8.
    """
    numbers = as_floats(
        spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, volatility=volatility
    )
    flags = as_flags("is_call", is_call, *numbers)
    with np.errstate(all="ignore"):
        return _price(_terms(numbers, flags))


def greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
) -> Greeks:
    """Price and Greeks. With e = 1 for calls, -1 for puts and phi the normal density:

    * delta = e e^{-qT} N(e d1); gamma = e^{-qT} phi(d1) / (S sigma sqrt T);
    * vega = 0.01 S e^{-qT} phi(d1) sqrt T; rho = 0.01 e T K e^{-rT} N(e d2);
    * theta = (-S e^{-qT} phi(d1) sigma / (2 sqrt T) + r price) / 365: the passage of time with the forward F = S
      e^{(r-q)T} held fixed, that is -d/dT of e^{-rT} Black(F, K, sigma, T). The theta of most textbooks holds the spot
      fixed instead and is smaller by (r - q) S delta / 365.

    Domains, degenerate inputs and errors: see the module. Source: Haug (2007), chapter 2; theta is his generalised
    theta with cost of carry 0 on the forward.
    """
    numbers = as_floats(
        spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, volatility=volatility
    )
    flags = as_flags("is_call", is_call, *numbers)
    with np.errstate(all="ignore"):
        return _greeks(numbers, _terms(numbers, flags))


def _greeks(numbers: tuple[Floats, ...], terms: _Terms) -> Greeks:
    spot, _, years, rate, _, _ = numbers
    value = _price(terms)
    density = terms.spot_value * _INVERSE_ROOT_TWO_PI * np.exp(-0.5 * terms.d1 * terms.d1)
    slope = terms.sign * terms.cumulative_1
    decay = density * terms.deviation / np.where(years > 0, 2.0 * years, 1.0)
    return Greeks(
        price=value,
        delta=slope * terms.spot_value / spot,
        gamma=density / (spot * spot * np.where(terms.deviation > 0, terms.deviation, 1.0)),
        theta=(rate * value - decay) * THETA_PER_CALENDAR_DAY,
        vega=density * np.sqrt(years) * VEGA_PER_VOL_POINT,
        rho=terms.sign * years * terms.strike_value * terms.cumulative_2 * RHO_PER_PERCENT,
    )


def _terms(numbers: tuple[Floats, ...], is_call: Flags) -> _Terms:
    spot, strike, years, rate, dividend_yield, volatility = numbers
    valid = (spot > 0) & (strike > 0) & (years >= 0) & (volatility >= 0)
    valid &= np.isfinite(spot + strike + years + volatility + rate + dividend_yield)
    sign = np.where(is_call, 1.0, -1.0)
    deviation = np.where(valid, volatility * np.sqrt(years), np.nan)
    d1 = (np.log(spot / strike) + (rate - dividend_yield) * years) / deviation + 0.5 * deviation
    return _Terms(
        sign=sign,
        spot_value=spot * np.exp(-dividend_yield * years),
        strike_value=strike * np.exp(-rate * years),
        deviation=deviation,
        d1=d1,
        cumulative_1=ndtr(sign * d1),
        cumulative_2=ndtr(sign * (d1 - deviation)),
    )


def _price(terms: _Terms) -> Floats:
    value = terms.sign * (terms.spot_value * terms.cumulative_1 - terms.strike_value * terms.cumulative_2)
    at_the_kink = (terms.deviation == 0) & np.isnan(terms.d1)
    return np.where(at_the_kink, 0.0, value) if at_the_kink.any() else value
