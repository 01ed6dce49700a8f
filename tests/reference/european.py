"""European options one at a time in 40 digits: slow, obvious, independent of scanner.pricing.

Only the price is a formula; Greeks are its numerical derivatives and the touch probability an integral of the
first-passage density, so that a slip in a closed form cannot hide on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import mpmath

DIGITS = 40


@dataclass(frozen=True)
class Option:
    spot: float
    strike: float
    years: float
    rate: float
    dividend_yield: float
    volatility: float
    is_call: bool


def price(option: Option) -> float:
    with mpmath.workdps(DIGITS):
        return float(_price(option))


def delta(option: Option) -> float:
    return _derivative(option, "spot")


def gamma(option: Option) -> float:
    return _derivative(option, "spot", order=2)


def vega(option: Option) -> float:
    """Per 1.0 of volatility."""
    return _derivative(option, "volatility")


def rho(option: Option) -> float:
    """Per 1.0 of the rate."""
    return _derivative(option, "rate")


def vanna(option: Option) -> float:
    """Derivative of delta by volatility, per 1.0."""
    return _mixed_derivative(option, "volatility")


def volga(option: Option) -> float:
    """Second derivative by volatility, per 1.0 twice."""
    return _derivative(option, "volatility", order=2)


def charm(option: Option) -> float:
    """Minus the derivative of delta by time to expiry, per year, spot held."""
    return -_mixed_derivative(option, "years")


def theta_at_fixed_forward(option: Option) -> float:
    """Per year: minus the derivative by time to expiry of e^{-rT} Black(F), F = S e^{(r-q)T} held."""
    with mpmath.workdps(DIGITS):
        carry = mpmath.mpf(option.rate) - mpmath.mpf(option.dividend_yield)
        forward = mpmath.mpf(option.spot) * mpmath.exp(carry * mpmath.mpf(option.years))
        black = replace(option, spot=forward, dividend_yield=option.rate)
        return -float(mpmath.diff(lambda years: _price(replace(black, years=years)), mpmath.mpf(option.years)))


def prob_touch(*, spot: float, strike: float, years: float, drift: float, volatility: float) -> float:
    """P(the spot reaches the strike before `years`): integral of the first-passage density; `drift` is r - q."""
    with mpmath.workdps(25):
        distance = mpmath.log(mpmath.mpf(strike) / mpmath.mpf(spot))
        mu = mpmath.mpf(drift) - mpmath.mpf(volatility) ** 2 / 2
        scale = abs(distance) / (mpmath.mpf(volatility) * mpmath.sqrt(2 * mpmath.pi))

        def density(time: mpmath.mpf) -> mpmath.mpf:
            exponent = -((distance - mu * time) ** 2) / (2 * mpmath.mpf(volatility) ** 2 * time)
            return scale * time ** mpmath.mpf("-1.5") * mpmath.exp(exponent)

        pieces = [years * mpmath.mpf(2) ** -power for power in range(40, -1, -1)]
        return float(mpmath.quad(density, [0, *pieces]))


def _price(option: Option) -> mpmath.mpf:
    years, volatility = mpmath.mpf(option.years), mpmath.mpf(option.volatility)
    spot_value = mpmath.mpf(option.spot) * mpmath.exp(-mpmath.mpf(option.dividend_yield) * years)
    strike_value = mpmath.mpf(option.strike) * mpmath.exp(-mpmath.mpf(option.rate) * years)
    deviation = volatility * mpmath.sqrt(years)
    d1 = mpmath.log(spot_value / strike_value) / deviation + deviation / 2
    sign = 1 if option.is_call else -1
    return sign * (spot_value * mpmath.ncdf(sign * d1) - strike_value * mpmath.ncdf(sign * (d1 - deviation)))


def _derivative(option: Option, name: str, order: int = 1) -> float:
    with mpmath.workdps(DIGITS):
        point = mpmath.mpf(getattr(option, name))
        return float(mpmath.diff(lambda value: _price(replace(option, **{name: value})), point, order))


def _mixed_derivative(option: Option, name: str) -> float:
    with mpmath.workdps(DIGITS):
        point = (mpmath.mpf(option.spot), mpmath.mpf(getattr(option, name)))
        changed = partial(_changed_price, option, name)
        return float(mpmath.diff(changed, point, (1, 1)))


def _changed_price(option: Option, name: str, spot: mpmath.mpf, value: mpmath.mpf) -> mpmath.mpf:
    return _price(replace(option, **{"spot": spot, name: value}))
