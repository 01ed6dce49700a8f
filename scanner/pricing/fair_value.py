"""A quote against the price its neighbours imply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from scanner.pricing.arrays import Flags, Floats, as_floats
from scanner.pricing.black_scholes import price
from scanner.pricing.quotes import Indices
from scanner.pricing.smile_fit import LEAST_ERROR, Smiles

OUTSIDE_BY: Final = 2.0
"""By how many of its expiration's usual half spreads a quote that stands out is away from the curve's price."""


@dataclass(frozen=True, slots=True)
class FairValues:
    """$ per share, NaN unknown. `price`: at the smile's volatility. `sell_edge` = bid - price and `buy_edge` = price -
    ask: what selling at the bid or buying at the ask gains against it. Both are negative where the price lies inside
    the quote."""

    price: Floats
    sell_edge: Floats
    buy_edge: Floats


def fair_values(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    bid: ArrayLike,
    ask: ArrayLike,
) -> FairValues:
    """e^{-rT} Black(F, K, sigma, T) against bid and ask; F. Black, The pricing of commodity contracts (1976).

    `volatility` is the fitted smile's (`smile_fit.curve_volatility`): all quotes of the expiration together, this one
    among them, so the edge of an outlier is a little understated. Out-of-the-money contracts: what an American one in
    the money is worth above European is not in it. Domains and errors as `black_scholes.price`.
    """
    ahead, low, high = as_floats(forward=forward, bid=bid, ask=ask)
    value = price(
        spot=ahead,
        strike=strike,
        years=years,
        rate=rate,
        dividend_yield=rate,
        volatility=volatility,
        is_call=is_call,
    )
    return FairValues(price=value, sell_edge=low - value, buy_edge=value - high)


def stands_out(smiles: Smiles, *, group: Indices, residual: ArrayLike, half_spread: ArrayLike) -> Flags:
    """Whether a quote contradicts the curve through all quotes of its expiration: stale, mistyped, or an opportunity.

    True where the curve lies outside the quote (|residual| above `half_spread`, both in volatility, decimal) by more
    than `OUTSIDE_BY` times the expiration's median half spread; false where one of them is unknown. The fit takes
    weight from such quotes, so that one of them does not pull the curve to itself. A check for bad quotes beside
    `arbitrage.executable_arbitrage`: it sees more, and proves less.
    """
    off, own = as_floats(residual=residual, half_spread=half_spread)
    usual = np.maximum(smiles.error[group], LEAST_ERROR)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(off) > own + OUTSIDE_BY * usual, dtype=np.bool_)
