"""The Black (1976) volatility that reproduces a price: for whole arrays at once, to the last digits.

The price is reduced to its out-of-the-money, undiscounted twin beta = time value / sqrt(F K) at log-moneyness
-a = -|ln(F/K)|, and s = sigma sqrt T is solved from b(s) = beta. b has its inflection at s_c = sqrt(2 a). Below it
ln b is solved, above it ln(b_max - b), both nearly straight; first guesses come from their value and slope at s_c.
With E = exp(-(h^2 + t^2)/2), h = -a/s, t = s/2 and the scaled complementary error function both branches are
E (erfcx -/+ erfcx) / 2, so that nothing underflows. Three third-order Householder steps follow; two reach the rounding
error already.

Source of the normalisation and of the two branches: P. Jaeckel, Let's be rational, Wilmott (2015), equations 2.1-2.16.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx

from scanner.pricing.arrays import Flags, Floats, as_flags, as_floats


class IvReason(StrEnum):
    """Why a volatility is unknown: the first that applies. From INVALID_INPUT on they come from the solver itself."""

    ADJUSTED = "adjusted"
    """Non-standard deliverable: the model does not describe it."""
    NO_QUOTE_TIME = "no_quote_time"
    """Neither the quote nor the answer has a time."""
    AFTER_EXPIRY_INSTANT = "after_expiry_instant"
    SPOT_SKEW = "spot_skew"
    """Spot and option quote are too far apart in time."""
    NO_FORWARD = "no_forward"
    NO_OTM_TWIN = "no_otm_twin"
    """In the money, and the contract of the other side at the strike has no volatility of its own."""
    NOT_TWO_SIDED = "not_two_sided"
    """Bid or ask missing, bid zero, or bid above ask."""
    INVALID_INPUT = "invalid_input"
    """A NaN, an infinity, or a value outside its domain."""
    NO_TIME = "no_time"
    """Zero or negative time to expiry."""
    BELOW_INTRINSIC = "below_intrinsic"
    ABOVE_MAXIMUM = "above_maximum"
    """At or above the discounted forward (call) or strike (put), which only infinite volatility reaches."""
    VEGA_NEGLIGIBLE = "vega_negligible"
    """The price does not determine the volatility: a rounding error of it moves the volatility by more than 1e-6.

    Out of the money that is 4 units in the last place of the price, in the money of price plus strike.
    """


IV_REASONS: Final = tuple(IvReason)
"""Reason of each code: `IV_REASONS[code - 1]`; code 0 means that the volatility is known."""

IV_REASON_CODE: Final = {reason: code for code, reason in enumerate(IV_REASONS, start=1)}


@dataclass(frozen=True, slots=True)
class ImpliedVolatility:
    """`volatility`: decimal per square-root year, NaN where none exists. `reason`: int8, 0 where it is known, else
    the position in `IV_REASONS` plus 1. Both in the broadcast shape."""

    volatility: Floats
    reason: NDArray[np.int8]


_STEPS: Final = 3
_ROUNDING: Final = 4 * float(np.finfo(np.float64).eps)
_TINY: Final = float(np.finfo(np.float64).tiny)
_NEGLIGIBLE: Final = 1e-6
_ROOT_HALF: Final = 0.7071067811865476
_ROOT_TWO_PI: Final = 2.5066282746310002
_ROOT_TWO_OVER_PI: Final = 0.7978845608028654
_ROOT_HALF_PI: Final = 1.2533141373155003
_ROOT_PI: Final = 1.7724538509055159
_LARGEST_EXPONENT: Final = 50.0
_LEAST_LOGARITHMIC: Final = 0.25


def implied_volatility(
    *,
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
) -> ImpliedVolatility:
    """The volatility at which e^{-rT} Black(F, K, sigma, T) equals `price`.

    `price`, `forward`, `strike` in $ per share; `years` ACT/365; `rate` continuous decimal; `is_call` boolean; all
    keyword-only and broadcast. Where none exists: NaN with a reason (`IvReason`, from INVALID_INPUT on). An argument
    that is no number, a flag that is no boolean or shapes that do not broadcast raise `InputError`.
    """
    numbers = as_floats(price=price, forward=forward, strike=strike, years=years, rate=rate)
    flags = as_flags("is_call", is_call, *numbers)
    with np.errstate(all="ignore"):
        return _implied_volatility(numbers, flags)


def _implied_volatility(numbers: tuple[Floats, ...], is_call: Flags) -> ImpliedVolatility:
    price, forward, strike, years, rate = numbers
    undiscounted = price * np.exp(rate * years)
    moneyness = np.where(is_call, forward - strike, strike - forward)
    time_value = undiscounted - np.maximum(moneyness, 0.0)
    scale = np.sqrt(forward) * np.sqrt(strike)
    deviation, density = _solve(time_value / scale, np.abs(np.log(forward / strike)))
    root = np.sqrt(years)
    rounding = _ROUNDING * (undiscounted + np.where(moneyness > 0, strike, 0.0)) + _TINY
    reason = np.zeros(deviation.shape, dtype=np.int8)
    undetermined = ~(rounding * _ROOT_TWO_PI <= _NEGLIGIBLE * root * scale * density)
    reason[undetermined] = IV_REASON_CODE[IvReason.VEGA_NEGLIGIBLE]
    if undetermined.any():
        reason[time_value >= np.minimum(forward, strike)] = IV_REASON_CODE[IvReason.ABOVE_MAXIMUM]
        reason[time_value < -rounding] = IV_REASON_CODE[IvReason.BELOW_INTRINSIC]
        reason[np.broadcast_to(years <= 0, reason.shape)] = IV_REASON_CODE[IvReason.NO_TIME]
        valid = np.isfinite(price + forward + strike + years + rate) & (forward > 0) & (strike > 0)
        reason[np.broadcast_to(~valid, reason.shape)] = IV_REASON_CODE[IvReason.INVALID_INPUT]
    return ImpliedVolatility(volatility=np.where(reason == 0, deviation / root, np.nan), reason=reason)


def _solve(beta: Floats, distance: Floats) -> tuple[Floats, Floats]:
    """s with b(s) = beta at log-moneyness -distance, and E there; NaN where beta is outside (0, e^{-distance/2})."""
    root = np.sqrt(distance)
    inflection = np.sqrt(2.0) * root
    most = np.exp(-0.5 * distance)
    tail = erfcx(root)
    upper = beta >= 0.5 * most * (1.0 - tail)
    side = np.where(upper, -1.0, 1.0)
    slope = 1.0 - side * tail
    target = np.log(np.where(upper, most - beta, beta))
    drop = np.log(0.5 * most * slope) - target
    s = np.where(upper, _upper_guess(inflection, slope, drop), _lower_guess(inflection, root, slope, drop))
    density = s
    for _ in range(_STEPS):
        s, density = _householder(s, target, distance, side)
        s = np.where(upper, np.maximum(s, inflection), np.minimum(s, inflection))
    return s, density


def _upper_guess(inflection: Floats, slope: Floats, drop: Floats) -> Floats:
    """From the quadratic of ln(b_max - b) at the inflection, where its second derivative is -(its first)^2."""
    return inflection + (np.sqrt(1.0 + 2.0 * drop) - 1.0) * _ROOT_HALF_PI * slope


def _lower_guess(inflection: Floats, root: Floats, slope: Floats, drop: Floats) -> Floats:
    """From ln b as a function of w = 1/s^2, u = w/w_c - 1: -drop = -(a/4) u - c ln(1 + u).

    Exact in value and slope at the inflection and in the leading term as s vanishes. Two Newton steps in u.
    """
    linear = 0.25 * root * root
    logarithmic = np.maximum(root / (_ROOT_PI * slope) - linear, _LEAST_LOGARITHMIC)
    u = np.minimum(drop / linear, np.expm1(np.minimum(drop / logarithmic, _LARGEST_EXPONENT)))
    for _ in range(2):
        excess = linear * u + logarithmic * np.log1p(u) - drop
        u = np.maximum(u - excess / (linear + logarithmic / (1.0 + u)), 0.0)
    return inflection / np.sqrt(1.0 + u)


def _householder(s: Floats, target: Floats, distance: Floats, side: Floats) -> tuple[Floats, Floats]:
    """One third-order step on ln b (side 1) or ln(b_max - b) (side -1), and E at the s it starts from.

    With f' = side sqrt(2/pi)/m, b''/b' = h^2/s - s/4 and b'''/b' = (b''/b')^2 - 3 h^2/s^2 - 1/4. The step is kept
    between half and double.
    """
    h = distance / s
    t = 0.5 * s
    exponent = -0.5 * (h * h + t * t)
    mills = erfcx(_ROOT_HALF * side * (h - t)) - side * erfcx(_ROOT_HALF * (h + t))
    first = side * _ROOT_TWO_OVER_PI / mills
    newton = (target - exponent - np.log(0.5 * mills)) / first
    h_over_s = h / s
    bend = h * h_over_s - 0.5 * t
    second = bend - first
    third = bend * bend - 3.0 * h_over_s * h_over_s - 0.25 - first * (3.0 * bend - 2.0 * first)
    step = newton * (1.0 + 0.5 * newton * second) / (1.0 + newton * (second + newton * third / 6.0))
    return np.clip(s + step, t, 2.0 * s), np.exp(exponent)
