"""The Black (1976) volatility that reproduces a price: for whole arrays at once, to the last digits.

The price is reduced to its out-of-the-money, undiscounted twin beta = time value / sqrt(F K) at log-moneyness
-a = -|ln(F/K)|, and s = sigma sqrt T is solved from b(s) = beta. b has its inflection at s_c = sqrt(2 a). Below it
ln b is solved, above it ln(b_max - b), both nearly straight; first guesses come from their value and slope at s_c.
With E = exp(-(h^2 + t^2)/2), h = -a/s, t = s/2 and the scaled complementary error function both branches are
E (erfcx -/+ erfcx) / 2, so that nothing underflows. Two third-order Householder steps follow, always two: the first
leaves at most 0.003 of s, the second the rounding error.

Source of the normalisation and of the two branches: P. Jaeckel, Let's be rational, Wilmott (2015), equations 2.1-2.16.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.pricing.arrays import Floats, as_columns, as_flags, as_floats
from scanner.pricing.threads import fill


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
    DOUBLE_BOUNDARY = "double_boundary"
    """American, with a negative rate and a yield below it: exercised between two boundaries, not solved here."""
    UNCONVERGED = "unconverged"
    """American: the solver did not settle within its steps."""


IV_REASONS: Final = tuple(IvReason)
"""Reason of each code: `IV_REASONS[code - 1]`; code 0 means that the volatility is known."""

IV_REASON_CODE: Final = {reason: code for code, reason in enumerate(IV_REASONS, start=1)}


@dataclass(frozen=True, slots=True)
class ImpliedVolatility:
    """`volatility`: decimal per square-root year, NaN where none exists. `reason`: int8, 0 where it is known, else
    the position in `IV_REASONS` plus 1. Both in the broadcast shape."""

    volatility: Floats
    reason: NDArray[np.int8]


_EARLIER_REASONS: Final = IV_REASON_CODE[IvReason.INVALID_INPUT] - 1
_LEAST_ROWS_OF_THREADS: Final = 16_384


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
    from scanner.pricing.kernels.implied import implied_volatility_kernel

    numbers = as_floats(price=price, forward=forward, strike=strike, years=years, rate=rate)
    shape, columns = as_columns(*numbers, as_flags("is_call", is_call, *numbers))
    rows = math.prod(shape)
    volatility, reason = np.empty((1, rows)), np.empty(rows, dtype=np.int8)
    kernel: Callable[..., None] = implied_volatility_kernel()
    fill(
        lambda first, last: kernel(*columns, volatility, reason, _EARLIER_REASONS, first, last),
        rows,
        least_rows=_LEAST_ROWS_OF_THREADS,
    )
    return ImpliedVolatility(volatility=volatility.reshape(shape), reason=reason.reshape(shape))
