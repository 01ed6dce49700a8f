"""Risk-neutral probabilities of the log-normal model, for one volatility per option.

Arguments are keyword-only, real and broadcast; results are float64 in [0, 1]. `forward`, `spot`, `strike`, `break_even`
in $ per share and positive, `years` ACT/365, `volatility` decimal, neither negative, `rate` and `dividend_yield`
continuous decimals. An element with a NaN, an infinity or a value outside its domain gives NaN, prices outside 1e-100
to 1e100 among them. An argument that is no
number, a flag that is no boolean or shapes that do not broadcast raise `InputError`.

They are risk-neutral: the drift is rate less yield, not a forecast, and none of them is 1 - |delta|.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from scanner.pricing.arrays import Flags, Floats, as_columns, as_flags, as_floats
from scanner.pricing.threads import fill

_LEAST_ROWS_OF_THREADS: Final = 32_768
_ABOVE: Final = np.array(True)


def prob_otm(
    *, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, volatility: ArrayLike, is_call: ArrayLike
) -> Floats:
    """Probability that the option expires out of the money: N(d2) for puts, N(-d2) for calls.

    d2 = ln(F/K)/(sigma sqrt T) - sigma sqrt T / 2. At zero time or volatility the forward is certain: 1 or 0, and NaN
    where it equals the strike.
    """
    from scanner.pricing.kernels.distribution import prob_beyond_kernel

    numbers = as_floats(forward=forward, strike=strike, years=years, volatility=volatility)
    flags = as_flags("is_call", is_call, *numbers)
    return _column(prob_beyond_kernel(), *numbers, ~flags)


def prob_profit(*, forward: ArrayLike, break_even: ArrayLike, years: ArrayLike, volatility: ArrayLike) -> Floats:
    """P(S_T > break_even) = N(d2 at break_even), of the short put and of the covered call alike.

    A break-even at or below zero is always exceeded: 1. Zero time or volatility as in `prob_otm`.
    """
    from scanner.pricing.kernels.distribution import prob_beyond_kernel

    numbers = as_floats(forward=forward, break_even=break_even, years=years, volatility=volatility)
    ahead, level, time, deviation = numbers
    nothing_to_lose = (level <= 0) & (level > -np.inf)
    if not nothing_to_lose.any():
        return _column(prob_beyond_kernel(), *numbers, _ABOVE)
    reachable = np.where(nothing_to_lose, 1.0, level)
    probability = _column(prob_beyond_kernel(), ahead, reachable, time, deviation, _ABOVE)
    return np.where(nothing_to_lose & ~np.isnan(probability), 1.0, probability)


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
    from scanner.pricing.kernels.distribution import prob_touch_kernel

    numbers = as_floats(
        spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, volatility=volatility
    )
    return _column(prob_touch_kernel(), *numbers, as_flags("is_call", is_call, *numbers))


def _column(kernel: Callable[..., None], *arguments: Floats | Flags) -> Floats:
    """The result of a kernel over broadcast arguments, in the broadcast shape."""
    shape, columns = as_columns(*arguments)
    rows = math.prod(shape)
    table = np.empty((1, rows))
    fill(lambda first, last: kernel(*columns, table, first, last), rows, least_rows=_LEAST_ROWS_OF_THREADS)
    return table.reshape(shape)
