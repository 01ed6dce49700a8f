"""American options as puts with strike 1, and which of them need a boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.pricing.arrays import Flags, Floats, as_flags, as_floats

LEAST_PRICE: Final = 1e-100
GREATEST_PRICE: Final = 1e100
GREATEST_GROWTH: Final = 700.0
"""Limits of the European formulas, so that both price the same contracts."""

LEAST_DEVIATION: Final = 1e-7
"""Below this volatility x sqrt(years) nothing is random: the price changes by less than 0.4 of it times the strike."""
LEAST_INTEREST: Final = 1e-15
"""Below this rate x years exercise gains less than a rounding error: the premium is at most the interest."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """Rows of options in the form of puts with strike 1; all columns float64 of one length, flags boolean.

    C(S, K, r, q) = P(K, S, q, r): a call's `spot` is K/S, its `rate` q, its `dividend_yield` r, and `unit`, what prices
    are multiplied with, S; a put's are S/K, r, q and K. `pays` is what exercise pays in $, negative out of the money.

    Source: R. McDonald and M. Schroder, A parity result for American options, Journal of Computational Finance 1
    (1998).
    """

    spot: Floats
    rate: Floats
    dividend_yield: Floats
    volatility: Floats
    years: Floats
    unit: Floats
    pays: Floats
    is_call: Flags
    valid: Flags
    shape: tuple[int, ...]

    def european(self) -> Flags:
        """Never exercised early: no interest on the strike, or none that pays for the dividends given up.

        A put is worth exercising only where r K > q B; with r <= 0 that needs q < r. Rounding counts as nothing.
        """
        nothing_earned = (self.rate <= 0) | ((self.rate * self.years < LEAST_INTEREST) & (self.dividend_yield >= 0))
        return self.valid & nothing_earned & (self.dividend_yield >= self.rate)

    def double_boundary(self) -> Flags:
        """q < r < 0: exercised between two boundaries only (Battauz, De Donno and Sbuelz 2015); not solved here."""
        return self.valid & (self.rate < 0) & (self.dividend_yield < self.rate)

    def certain(self) -> Flags:
        """No time or no volatility left."""
        return self.valid & (self.volatility * np.sqrt(np.abs(self.years)) < LEAST_DEVIATION)


def read_contracts(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
) -> Contracts:
    """The arguments, broadcast and flattened. Raises InputError as `arrays.as_floats` and `as_flags` do."""
    numbers = as_floats(
        spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, volatility=volatility
    )
    flags = as_flags("is_call", is_call, *numbers)
    shape = np.broadcast_shapes(*(array.shape for array in (*numbers, flags)))
    own_spot, own_strike, time, own_rate, own_yield, deviation = (
        np.broadcast_to(array, shape).reshape(-1) for array in numbers
    )
    call = np.broadcast_to(flags, shape).reshape(-1)
    with np.errstate(all="ignore"):
        valid = (own_spot > LEAST_PRICE) & (own_spot < GREATEST_PRICE)
        valid &= (own_strike > LEAST_PRICE) & (own_strike < GREATEST_PRICE)
        valid &= (time >= 0) & (time < np.inf) & (deviation >= 0) & (deviation < np.inf)
        valid &= (np.abs(own_rate) + np.abs(own_yield)) * time < GREATEST_GROWTH
        valid &= np.isfinite(own_rate) & np.isfinite(own_yield)
        unit = np.where(call, own_spot, own_strike)
        return Contracts(
            spot=np.where(call, own_strike, own_spot) / unit,
            rate=np.where(call, own_yield, own_rate),
            dividend_yield=np.where(call, own_rate, own_yield),
            volatility=np.array(deviation),
            years=np.array(time),
            unit=unit,
            pays=np.where(call, own_spot - own_strike, own_strike - own_spot),
            is_call=call,
            valid=valid,
            shape=shape,
        )


def drift_last(columns: tuple[Floats, ...], volatility: Floats) -> NDArray[np.intp] | None:
    """An order that puts contracts of equation B last, so that few blocks of lanes mix the two; None if there are none.

    The order changes no result. `columns` as `select` gives them.
    """
    from scanner.pricing.kernels.american_boundary import DRIFT_LIMIT

    _, rate, dividend_yield, _, years = columns
    strong = (rate - dividend_yield) * np.sqrt(years) > DRIFT_LIMIT * volatility
    return np.argsort(strong, kind="stable") if strong.any() else None


def select(contracts: Contracts, rows: NDArray[np.intp]) -> tuple[Floats, ...]:
    """The kernels' columns of some rows."""
    columns = (contracts.spot, contracts.rate, contracts.dividend_yield, contracts.volatility, contracts.years)
    return tuple(column[rows] for column in columns)
