"""Price and Greeks of American options; meaning of arguments and results: `scanner.pricing.american`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.conventions import THETA_PER_CALENDAR_DAY, VEGA_PER_VOL_POINT
from scanner.pricing import black_scholes
from scanner.pricing.american.certain import certain_puts
from scanner.pricing.american.contracts import Contracts, drift_last, read_contracts, select
from scanner.pricing.american.scheme import Accuracy, Scheme, scheme
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.implied_volatility import IV_REASON_CODE, IvReason
from scanner.pricing.threads import fill

LEAST_ROWS_OF_THREADS: Final = 512
PIECE: Final = 512


@dataclass(frozen=True, slots=True)
class AmericanPrice:
    """`price` and early-exercise `premium` (price less the European one), $ per share; NaN where `reason` is not 0.

    `reason`: int8, 0 or the code (`IV_REASON_CODE`) of INVALID_INPUT or DOUBLE_BOUNDARY. All in the broadcast shape.
    """

    price: Floats
    premium: Floats
    reason: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class AmericanGreeks(AmericanPrice):
    """`AmericanPrice` and Greeks of the long option per share, in the units of `black_scholes.Greeks`."""

    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats


def price(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    accuracy: Accuracy = Accuracy.FAST,
) -> AmericanPrice:
    """Values of American options under a continuous yield. Domains, limits, errors and source: see the package."""
    contracts = read_contracts(
        spot=spot,
        strike=strike,
        years=years,
        rate=rate,
        dividend_yield=dividend_yield,
        volatility=volatility,
        is_call=is_call,
    )
    table, reason = _evaluate(contracts, scheme(accuracy), greeks=False)
    value, premium = _shaped(table, contracts)
    return AmericanPrice(value, premium, reason.reshape(contracts.shape))


def greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    accuracy: Accuracy = Accuracy.FAST,
) -> AmericanGreeks:
    """Price and Greeks of American options under a continuous yield, in about three times the time of a price.

    * delta, gamma: derivatives of the premium's integral; the boundary does not depend on the spot;
    * theta = (r price - sigma^2 S^2 gamma / 2) / 365 while the option is kept: the passage of time at a fixed forward,
      by the Black-Scholes equation; (r - q) S delta / 365 where it is exercised, as its value then stands still but the
      spot moves along the forward;
    * vega: central difference of the price, both sides with their own boundary.

    Where the option is exercised at once delta is -1 or 1, gamma and vega are 0. Domains, limits, errors and source:
    see the package.
    """
    contracts = read_contracts(
        spot=spot,
        strike=strike,
        years=years,
        rate=rate,
        dividend_yield=dividend_yield,
        volatility=volatility,
        is_call=is_call,
    )
    table, reason = _evaluate(contracts, scheme(accuracy), greeks=True)
    value, premium, delta, gamma, theta, vega = _shaped(table, contracts)
    return AmericanGreeks(value, premium, reason.reshape(contracts.shape), delta, gamma, theta, vega)


def run(
    kernel: Callable[..., None], columns: tuple[Floats, ...], results: int, setting: Scheme, *, piece: int = PIECE
) -> Floats:
    """A kernel's table of results over its columns, on several threads where that pays."""
    rows = len(columns[0])
    table = np.empty((results, rows))
    arguments = setting.arguments()
    fill(
        lambda first, last: kernel(*columns, table, first, last, *arguments),
        rows,
        least_rows=LEAST_ROWS_OF_THREADS,
        piece=piece,
    )
    return table


def reasons(contracts: Contracts) -> NDArray[np.int8]:
    """Why rows have no price: int8 codes, 0 where they have one."""
    codes = np.zeros(len(contracts.unit), dtype=np.int8)
    codes[contracts.double_boundary()] = IV_REASON_CODE[IvReason.DOUBLE_BOUNDARY]
    codes[~contracts.valid] = IV_REASON_CODE[IvReason.INVALID_INPUT]
    return codes


def _evaluate(contracts: Contracts, setting: Scheme, *, greeks: bool) -> tuple[Floats, NDArray[np.int8]]:
    """Table of price, premium and, if wanted, delta, gamma, theta, vega; and the reasons of rows without them."""
    from scanner.pricing.kernels.american import greeks_kernel, price_kernel

    reason = reasons(contracts)
    known = reason == 0
    european = known & contracts.european()
    certain = known & contracts.certain() & ~european
    bounded = np.flatnonzero(known & ~certain & ~european)
    puts = np.full((5 if greeks else 2, len(contracts.unit)), np.nan)
    if len(bounded):
        kernel = greeks_kernel() if greeks else price_kernel()
        order = drift_last(select(contracts, bounded), contracts.volatility[bounded])
        bounded = bounded if order is None else bounded[order]
        puts[:, bounded] = run(kernel, select(contracts, bounded), len(puts), setting)
    if certain.any():
        columns = (contracts.spot, contracts.rate, contracts.dividend_yield, contracts.years)
        fixed = certain_puts(*(column[certain] for column in columns))
        puts[:, certain] = (*fixed, 0.0 * fixed.slope)[: len(puts)]
    table = _as_contracts(puts, contracts) if greeks else puts * contracts.unit
    table[0] = np.where(puts[0] == 1.0 - contracts.spot, contracts.pays, table[0])
    if european.any():
        table[:, european] = _european(contracts, european, greeks=greeks)
    return table, reason


def _as_contracts(puts: Floats, contracts: Contracts) -> Floats:
    """Price, premium, delta, gamma, theta, vega of the options from the put's derivatives by its spot and volatility.

    A call is S p(K/S): delta p - x p', gamma x^2 p''/S. Its rate and yield are exchanged.
    """
    x, unit, is_call = contracts.spot, contracts.unit, contracts.is_call
    value, premium, slope, curvature, volatility_slope = puts
    with np.errstate(all="ignore"):
        spot = np.where(is_call, unit, x * unit)
        rate = np.where(is_call, contracts.dividend_yield, contracts.rate)
        dividend_yield = np.where(is_call, contracts.rate, contracts.dividend_yield)
        delta = np.where(is_call, value - x * slope, slope)
        gamma = curvature * np.where(is_call, x * x, 1.0) / unit
        decay = 0.5 * (contracts.volatility * spot) ** 2 * gamma
        exercised = (value == 1.0 - x) & (slope == -1.0)
        theta = np.where(exercised, (rate - dividend_yield) * spot * delta, rate * value * unit - decay)
    return np.stack(
        (
            value * unit,
            premium * unit,
            delta,
            gamma,
            theta * THETA_PER_CALENDAR_DAY,
            volatility_slope * unit * VEGA_PER_VOL_POINT,
        )
    )


def _european(contracts: Contracts, rows: Flags, *, greeks: bool) -> Floats:
    """The table's columns of options that are never exercised early."""
    call, unit, x = contracts.is_call[rows], contracts.unit[rows], contracts.spot[rows]
    arguments = {
        "spot": np.where(call, unit, x * unit),
        "strike": np.where(call, x * unit, unit),
        "years": contracts.years[rows],
        "rate": np.where(call, contracts.dividend_yield[rows], contracts.rate[rows]),
        "dividend_yield": np.where(call, contracts.rate[rows], contracts.dividend_yield[rows]),
        "volatility": contracts.volatility[rows],
        "is_call": call,
    }
    if not greeks:
        value = black_scholes.price(**arguments)
        return np.stack((value, np.zeros_like(value)))
    known = black_scholes.greeks(**arguments)
    return np.stack((known.price, np.zeros_like(known.price), known.delta, known.gamma, known.theta, known.vega))


def _shaped(table: Floats, contracts: Contracts) -> tuple[Floats, ...]:
    return tuple(table.reshape(len(table), *contracts.shape))
