"""American implied volatility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.pricing import implied_volatility as european
from scanner.pricing.american.certain import certain_puts
from scanner.pricing.american.contracts import LEAST_DEVIATION, Contracts, drift_last, read_contracts, select
from scanner.pricing.american.scheme import Accuracy, scheme
from scanner.pricing.american.valuation import reasons, run
from scanner.pricing.arrays import Floats, as_floats
from scanner.pricing.implied_volatility import IV_REASON_CODE, IvReason

NEGLIGIBLE: Final = 1e-3
"""A volatility that the error of the model's price moves by more than this is not given."""
PREMIUM_ERROR: Final = {Accuracy.FAST: 5e-5, Accuracy.ACCURATE: 1e-6}
"""Usual errors of the early-exercise premium, relative to it."""
_ROUNDING: Final = 8 * float(np.finfo(np.float64).eps)
_PIECE: Final = 2048
_GUESS: Final = 0.3


@dataclass(frozen=True, slots=True)
class AmericanVolatility:
    """`volatility`: decimal per square-root year, NaN where none is known. `reason`: int8, 0 or a code of
    `IV_REASON_CODE`. Both in the broadcast shape. `unconverged` counts the elements the solver gave up on."""

    volatility: Floats
    reason: NDArray[np.int8]
    unconverged: int


def implied_volatility(
    *,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    accuracy: Accuracy = Accuracy.FAST,
) -> AmericanVolatility:
    """The volatility at which `price(..., accuracy=accuracy)` equals `price`, $ per share.

    NaN with a reason (`IvReason`) where there is none: INVALID_INPUT; DOUBLE_BOUNDARY; NO_TIME; BELOW_INTRINSIC (below
    what exercise at any time pays without volatility); ABOVE_MAXIMUM (a call at the spot, a put at the strike, which
    only infinite volatility reaches; a European one at its discounted bound); VEGA_NEGLIGIBLE (at what exercise pays,
    where every volatility up to some level gives the same price; wherever the error of the model's price or a rounding
    error moves the volatility by more than 0.001; and where volatility x sqrt(years) is below 1e-7); UNCONVERGED.
    """
    (quoted,) = as_floats(price=price)
    contracts = read_contracts(
        spot=spot,
        strike=strike,
        years=years,
        rate=rate,
        dividend_yield=dividend_yield,
        volatility=np.where(np.isfinite(quoted), 1.0, np.nan),
        is_call=is_call,
    )
    quoted = np.broadcast_to(quoted, contracts.shape).reshape(-1)
    with np.errstate(all="ignore"):
        target = quoted / contracts.unit
        reason = _reasons_beforehand(contracts, target)
    volatility = np.full(len(target), np.nan)
    known = reason == 0
    never_early = known & contracts.european()
    if never_early.any():
        solved = european.implied_volatility(**_european_terms(contracts, target, np.flatnonzero(never_early)))
        volatility[never_early], reason[never_early] = solved.volatility, solved.reason
    rows = np.flatnonzero(known & ~never_early)
    if len(rows):
        guess = _guesses(_european_terms(contracts, target, rows))
        order = drift_last(select(contracts, rows), guess)
        if order is not None:
            rows, guess = rows[order], guess[order]
        volatility[rows], reason[rows] = _solve(contracts, target, rows, guess, accuracy)
    return AmericanVolatility(
        volatility.reshape(contracts.shape),
        reason.reshape(contracts.shape),
        int(np.count_nonzero(reason == IV_REASON_CODE[IvReason.UNCONVERGED])),
    )


def _reasons_beforehand(contracts: Contracts, target: Floats) -> NDArray[np.int8]:
    """Codes of what needs no search."""
    reason = reasons(contracts)
    bounded = (reason == 0) & ~contracts.european()
    least = certain_puts(contracts.spot, contracts.rate, contracts.dividend_yield, contracts.years).price
    rounding = _ROUNDING * (target + np.where(least > 0, 1.0, 0.0))
    reason[bounded & (target <= least + rounding)] = IV_REASON_CODE[IvReason.VEGA_NEGLIGIBLE]
    reason[bounded & (target < least - rounding)] = IV_REASON_CODE[IvReason.BELOW_INTRINSIC]
    reason[bounded & (target >= 1.0)] = IV_REASON_CODE[IvReason.ABOVE_MAXIMUM]
    reason[bounded & (contracts.years == 0)] = IV_REASON_CODE[IvReason.NO_TIME]
    return reason


def _european_terms(contracts: Contracts, target: Floats, rows: NDArray[np.intp]) -> dict[str, ArrayLike]:
    """Arguments of the European solver for the put form of some rows."""
    spot, rate, dividend_yield, _, years = select(contracts, rows)
    return {
        "price": target[rows],
        "forward": spot * np.exp((rate - dividend_yield) * years),
        "strike": 1.0,
        "years": years,
        "rate": rate,
        "is_call": False,
    }


def _solve(
    contracts: Contracts, target: Floats, rows: NDArray[np.intp], guess: Floats, accuracy: Accuracy
) -> tuple[Floats, NDArray[np.int8]]:
    """Volatility and reason of rows whose price has one."""
    from scanner.pricing.kernels.american_implied import TOO_MANY_STEPS, UNDETERMINED, implied_kernel

    spot, rate, dividend_yield, _, years = select(contracts, rows)
    price = target[rows]
    columns = (spot, rate, dividend_yield, guess, years, price)
    table = run(implied_kernel(), columns, 5, scheme(accuracy), piece=_PIECE)
    volatility, outcome, slope, premium, _ = table
    error = PREMIUM_ERROR[accuracy] * np.maximum(premium, 0.0) + _ROUNDING * (price + np.where(spot < 1, 1.0, 0.0))
    reason = np.zeros(len(rows), dtype=np.int8)
    undetermined = ~(error <= NEGLIGIBLE * slope) | (outcome == UNDETERMINED)
    reason[undetermined] = IV_REASON_CODE[IvReason.VEGA_NEGLIGIBLE]
    reason[outcome == TOO_MANY_STEPS] = IV_REASON_CODE[IvReason.UNCONVERGED]
    reason[volatility * np.sqrt(years) < LEAST_DEVIATION] = IV_REASON_CODE[IvReason.VEGA_NEGLIGIBLE]
    return np.where(reason == 0, volatility, np.nan), reason


def _guesses(terms: dict[str, ArrayLike]) -> Floats:
    """First volatilities: the European ones, which are too high; beyond the European maximum, of a discounted price."""
    guess = european.implied_volatility(**terms).volatility
    unknown = np.isnan(guess)
    if unknown.any():
        discount = np.exp(-np.asarray(terms["rate"]) * np.asarray(terms["years"]))
        lower = european.implied_volatility(**{**terms, "price": np.asarray(terms["price"]) * discount}).volatility
        guess = np.where(unknown, lower, guess)
    return np.where(np.isnan(guess), _GUESS, guess)
