"""European option prices and Greeks: Black-Scholes-Merton with a continuous dividend yield.

Arguments are keyword-only, real, and broadcast against one another; results are float64 in the broadcast shape:

* `spot`, `strike` in $ per share, positive;
* `years` to expiry (ACT/365), `volatility` as a decimal per square-root year, neither negative;
* `rate`, `dividend_yield` continuous, decimal per year, any sign. For an option on a forward F pass F as `spot` and
  the rate as `dividend_yield` too: that is Black (1976);
* `is_call` boolean: True a call, False a put.

An element with a NaN, an infinity or a value outside these domains gives NaN; so does one beyond what a float64 can
carry through the formulas: spot or strike outside 1e-100 to 1e100, (|rate| + |dividend_yield|) x years of 700. An
argument that is no number, a flag that is no boolean or shapes that do not broadcast raise `InputError`.

At zero time or zero volatility the price is the discounted intrinsic value of the forward and the Greeks are its
derivatives; where spot e^{-qT} equals strike e^{-rT} exactly it has a kink: the price is 0 and all Greeks are NaN.

`out`, where it is offered, is memory for the results: a C-contiguous float64 array of one row for each result and the
broadcast shape behind it, which the results are then views of. It saves asking the system for new memory, which takes
as long as the computation itself from a million contracts on. Another array raises `InputError`.

Formulas: E. G. Haug, The Complete Guide to Option Pricing Formulas, 2nd ed. (2007), section 1.1.6 and chapter 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from scanner.errors import InputError
from scanner.pricing.arrays import Flags, Floats, as_columns, as_flags, as_floats
from scanner.pricing.threads import fill

LEAST_ROWS_OF_THREADS: Final = 32_768
"""From here on a second thread saves more than its start costs, some 50 microseconds."""


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


@dataclass(frozen=True, slots=True)
class AllGreeks(Greeks):
    """`Greeks` and three of second order.

    `vanna`: change of delta per volatility point; `volga`: change of vega (itself per volatility point) per volatility
    point; `charm`: change of delta per calendar day that passes, at a fixed spot.
    """

    vanna: Floats
    volga: Floats
    charm: Floats


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
    from scanner.pricing.kernels.european import price_kernel

    numbers = as_floats(
        spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, volatility=volatility
    )
    (value,) = _columns(price_kernel(), 1, *numbers, as_flags("is_call", is_call, *numbers))
    return value


def greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    out: Floats | None = None,
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
    from scanner.pricing.kernels.european import greeks_kernel

    numbers = as_floats(
        spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, volatility=volatility
    )
    return Greeks(*_columns(greeks_kernel(), 6, *numbers, as_flags("is_call", is_call, *numbers), out=out))


def all_greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    out: Floats | None = None,
) -> AllGreeks:
    """What `greeks` gives and, in the same pass:

    * vanna = -0.01 e^{-qT} phi(d1) d2 / sigma; volga = 0.01 vega d1 d2 / sigma;
    * charm = (e q e^{-qT} N(e d1) - e^{-qT} phi(d1) ((r - q)/(sigma sqrt T) - d2/(2 T))) / 365.

    Source: Haug (2007), chapter 2: DdeltaDvol, DvegaDvol and DdeltaDtime.
    """
    from scanner.pricing.kernels.european import all_greeks_kernel

    numbers = as_floats(
        spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, volatility=volatility
    )
    return AllGreeks(*_columns(all_greeks_kernel(), 9, *numbers, as_flags("is_call", is_call, *numbers), out=out))


def _columns(
    kernel: Callable[..., None], count: int, *arguments: Floats | Flags, out: Floats | None = None
) -> tuple[Floats, ...]:
    """The `count` results of a kernel over broadcast arguments, each in the broadcast shape; in `out` where given."""
    shape, columns = as_columns(*arguments)
    rows = math.prod(shape)
    table = np.empty((count, rows)) if out is None else _table(out, (count, *shape)).reshape(count, rows)
    fill(lambda first, last: kernel(*columns, table, first, last), rows, least_rows=LEAST_ROWS_OF_THREADS)
    return tuple(table) if len(shape) == 1 else tuple(row.reshape(shape) for row in table)


def _table(out: Floats, shape: tuple[int, ...]) -> Floats:
    """`out` where results of this shape can be written into it as they are."""
    fits = type(out) is np.ndarray and out.dtype == np.float64 and out.shape == shape
    if not (fits and out.flags.c_contiguous and out.flags.writeable):
        raise InputError(f"out must be a writeable, C-contiguous float64 array of shape {shape}")
    return out
