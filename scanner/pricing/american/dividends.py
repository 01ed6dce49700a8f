"""American options on a stock that pays known cash dividends, by the escrowed-dividend approximation.

The stock is split in two: the present value of the dividends that go ex by the option's expiry, which is certain, and
the rest, S* = S - sum D e^{-rt}, which follows the log-normal model with the given volatility and pays nothing. What
exercise pays is S* and the dividends still to come, PV(t), against the strike. That leaves two bounds and an estimate:

* lower: the best of a few rules that are fixed today. Exercise now; never (the European value); at an ex-date, a call
  just before it, a put just after it: the European option on S* to that date with strike K - PV(t). For calls this is
  F. Black's pseudo-American value (Fact and fantasy in the use of options, Financial Analysts Journal 31, 1975), with
  all dividends escrowed;
* upper: a put whose exercise pays K - S*, the plain escrowed American; a call with strike K less the largest PV(t);
* price: a call's is its lower bound. A put's is the American put on S under the yield that is worth as much, with S's
  own volatility sigma S*/S, kept between the bounds: the plain escrowed value alone would be too high by up to the
  dividends deep in the money, where interest on the strike makes early exercise best.

Limits, measured against a fine binomial tree of S* (tests/reference), S = 100, 5 % rate, dividends of 0.25 to 1 each
quarter, strikes 80 to 130, up to a year: calls are too low by at most 0.35, 0.03 on average; puts are off by at most
0.75, by 0.15 for dividends of 0.25, 0.06 on average, where the plain escrowed value is off by up to 3.9. The volatility
is that of S*, about S/S* times that of the stock: a tree in which the stock itself is log-normal between ex-dates gives
other prices for the same number, the more the larger the dividends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError
from scanner.pricing.american.scheme import Accuracy
from scanner.pricing.american.valuation import price
from scanner.pricing.arrays import Floats, as_flags, as_floats
from scanner.pricing.implied_volatility import IV_REASON_CODE, IvReason

Dividends = Sequence[tuple[float, float]]
"""(years from now to the ex-date, $ per share) of one stock, in any order. What goes ex now or earlier is ignored."""


@dataclass(frozen=True, slots=True)
class DividendPrice:
    """`price`, its bounds `lower` and `upper` within the model, and `premium` over the European option on S*.

    $ per share, in the broadcast shape; NaN where `reason` (int8, as in `AmericanPrice`) is not 0.
    """

    price: Floats
    lower: Floats
    upper: Floats
    premium: Floats
    reason: NDArray[np.int8]


def escrowed_spot(*, spot: ArrayLike, years: ArrayLike, rate: ArrayLike, dividends: Dividends) -> Floats:
    """The spot less the present value of the dividends that go ex after now and up to `years`, $ per share.

    Broadcasts; not positive where the dividends are worth the whole stock. Raises InputError for a dividend that is
    negative or not finite.
    """
    now, end, growth = as_floats(spot=spot, years=years, rate=rate)
    _check(dividends)
    return np.asarray(now - _to_come(dividends, 0.0, end, growth, inclusive=False))


def price_with_dividends(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    dividends: Dividends,
    accuracy: Accuracy = Accuracy.FAST,
) -> DividendPrice:
    """Values of American options on one stock with cash dividends; the approximation and its limits: see the module.

    `volatility` is that of S*; the other arguments are those of `price`. Dividends worth the whole spot or more are
    refused: INVALID_INPUT. Raises InputError as `price` and `escrowed_spot` do.
    """
    numbers = as_floats(spot=spot, strike=strike, years=years, rate=rate, volatility=volatility)
    now, agreed, end, growth, deviation = np.broadcast_arrays(*numbers, as_flags("is_call", is_call, *numbers))[:5]
    call = np.broadcast_to(np.asarray(is_call), now.shape)
    rest = escrowed_spot(spot=now, years=end, rate=growth, dividends=dividends)
    rest = np.where(rest > 0, rest, np.nan)

    def escrowed(strike: Floats, years: Floats) -> tuple[Floats, Floats]:
        """American and European value on S*."""
        found = price(
            spot=rest,
            strike=strike,
            years=years,
            rate=growth,
            dividend_yield=0.0,
            volatility=deviation,
            is_call=call,
            accuracy=accuracy,
        )
        return found.price, found.price - found.premium

    sign = np.where(call, 1.0, -1.0)
    plain, european = escrowed(agreed, end)
    lower = np.fmax(european, sign * (now - agreed))
    most = _to_come(dividends, 0.0, end, growth, inclusive=False)
    for time in (time for time, _ in dividends if time > 0):
        upon = np.where(
            call,
            _to_come(dividends, time, end, growth, inclusive=True),
            _to_come(dividends, time, end, growth, inclusive=False),
        )
        usable = (time <= end) & (agreed > upon)
        ruled = escrowed(np.where(usable, agreed - upon, np.nan), np.full(now.shape, time))[1]
        lower = np.fmax(lower, ruled)
        most = np.fmax(most, np.where(call, upon, 0.0))
    less = escrowed(np.where(agreed > most, agreed - most, np.nan), end)[0]
    upper = np.where(call, np.where(np.isnan(less), now, less), plain)
    upper = np.fmax(upper, lower)
    with np.errstate(all="ignore"):
        spread_out = price(
            spot=now,
            strike=agreed,
            years=end,
            rate=growth,
            dividend_yield=np.where(end > 0, np.log(now / rest) / np.where(end > 0, end, 1.0), 0.0),
            volatility=deviation * rest / now,
            is_call=call,
            accuracy=accuracy,
        ).price
    best = np.where(call, lower, np.fmin(np.fmax(spread_out, lower), upper))
    known = ~np.isnan(plain)
    reason = np.where(known, 0, IV_REASON_CODE[IvReason.INVALID_INPUT]).astype(np.int8)
    best, lower, upper, european = (np.where(known, column, np.nan) for column in (best, lower, upper, european))
    return DividendPrice(best, lower, upper, best - european, reason)


def _to_come(dividends: Dividends, at: float, end: Floats, rate: Floats, *, inclusive: bool) -> Floats:
    """Value at time `at` of the dividends that go ex later (or then, if `inclusive`) and up to `end`."""
    value = np.zeros(np.broadcast_shapes(end.shape, rate.shape))
    for time, amount in dividends:
        if time > at or (inclusive and time == at):
            value += np.where(time <= end, amount * np.exp(-rate * (time - at)), 0.0)
    return value


def _check(dividends: Dividends) -> None:
    for time, amount in dividends:
        if not (isfinite(time) and isfinite(amount) and amount >= 0):
            raise InputError(f"a dividend is a finite time in years and an amount of 0 or more, not {(time, amount)}")
