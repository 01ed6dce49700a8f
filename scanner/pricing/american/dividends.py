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
0.75, by 0.15 for dividends of 0.25, 0.06 on average, where the plain escrowed value is off by up to 3.9. Puts of up to
60 days and strikes up to 95 are off by at most 0.03. The volatility is that of S*, about S/S* times that of the stock:
a tree in which the stock itself is log-normal between ex-dates gives other prices for the same number, the more the
larger the dividends.
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
from scanner.pricing.arrays import Flags, Floats, as_flags, as_floats
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
    call = as_flags("is_call", is_call, *numbers)
    now, agreed, end, growth, deviation, calls = np.broadcast_arrays(*numbers, call)
    rest = escrowed_spot(spot=now, years=end, rate=growth, dividends=dividends)
    terms = _Terms(now, agreed, end, growth, deviation, calls, np.where(rest > 0, rest, np.nan), accuracy)
    plain, european = terms.on_the_rest(terms.strike, terms.years)
    lower, most = _rules_fixed_today(terms, european, dividends)
    less = terms.on_the_rest(np.where(terms.strike > most, terms.strike - most, np.nan), terms.years)[0]
    upper = np.fmax(lower, np.where(calls, np.where(np.isnan(less), terms.spot, less), plain))
    best = np.where(calls, lower, np.fmin(np.fmax(_spread_out(terms), lower), upper))
    known = ~np.isnan(plain)
    reason = np.where(known, 0, IV_REASON_CODE[IvReason.INVALID_INPUT]).astype(np.int8)
    best, lower, upper, european = (np.where(known, column, np.nan) for column in (best, lower, upper, european))
    return DividendPrice(best, lower, upper, best - european, reason)


@dataclass(frozen=True, slots=True)
class _Terms:
    """The arguments in their broadcast shape; `rest` is S*, NaN where the dividends are worth the whole stock."""

    spot: Floats
    strike: Floats
    years: Floats
    rate: Floats
    volatility: Floats
    is_call: Flags
    rest: Floats
    accuracy: Accuracy

    def on_the_rest(self, strike: Floats, years: Floats) -> tuple[Floats, Floats]:
        """American and European value on S*."""
        found = price(
            spot=self.rest,
            strike=strike,
            years=years,
            rate=self.rate,
            dividend_yield=0.0,
            volatility=self.volatility,
            is_call=self.is_call,
            accuracy=self.accuracy,
        )
        return found.price, found.price - found.premium


def _rules_fixed_today(terms: _Terms, european: Floats, dividends: Dividends) -> tuple[Floats, Floats]:
    """The best of exercising now, never, or at an ex-date; and the most that a call's strike may count as less."""
    call, end = terms.is_call, terms.years
    best = np.fmax(european, np.where(call, 1.0, -1.0) * (terms.spot - terms.strike))
    most = _to_come(dividends, 0.0, end, terms.rate, inclusive=False)
    for time in (time for time, _ in dividends if time > 0):
        before, after = (_to_come(dividends, time, end, terms.rate, inclusive=inclusive) for inclusive in (True, False))
        upon = np.where(call, before, after)
        usable = (time <= end) & (terms.strike > upon)
        strike = np.where(usable, terms.strike - upon, np.nan)
        best = np.fmax(best, terms.on_the_rest(strike, np.full(end.shape, time))[1])
        most = np.fmax(most, np.where(call, upon, 0.0))
    return best, most


def _spread_out(terms: _Terms) -> Floats:
    """The American value on S under the yield that is worth as much as the dividends."""
    with np.errstate(all="ignore"):
        lasting = np.where(terms.years > 0, terms.years, 1.0)
        return price(
            spot=terms.spot,
            strike=terms.strike,
            years=terms.years,
            rate=terms.rate,
            dividend_yield=np.where(terms.years > 0, np.log(terms.spot / terms.rest) / lasting, 0.0),
            volatility=terms.volatility * terms.rest / terms.spot,
            is_call=terms.is_call,
            accuracy=terms.accuracy,
        ).price


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
