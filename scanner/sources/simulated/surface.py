"""The fair values of the simulated market: one volatility surface without static arbitrage.

Total variance is the SSVI surface of Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces" (2014), with the
power law phi = eta / sqrt(theta (1 + theta)), free of butterfly arbitrage where eta (1 + |rho|) <= 2 (their theorem
4.2 and section 4) and of calendar arbitrage because theta only grows: a term structure with positive forward variance
plus a positive jump of variance at every earnings day.

American exercise is a lower bound in the manner of Black (1975): the best of exercising now, at expiry, or at an
ex-dividend date (calls just before it, puts just after it). It keeps prices monotone and convex in the strike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.black_scholes import price
from scanner.sources.simulated.hashing import Floats

Flags = NDArray[np.bool_]

RATE: Final = 0.043
"""The continuous interest rate of the simulated market, decimal."""

_REVERSION_PER_YEAR: Final = 3.0


@dataclass(frozen=True, slots=True)
class TermStructure:
    """At-the-money variance over time: `short` now, `long` far out (volatilities, decimal).

    `event_years` and `event_variance` are the times of jumps and their sizes, in order of time.
    """

    short: float
    long: float
    rho: float
    eta: float
    event_years: Floats
    event_variance: Floats

    def theta(self, years: Floats) -> Floats:
        """Total at-the-money variance until `years`; strictly increasing, 0 at 0."""
        reverting = -np.expm1(-_REVERSION_PER_YEAR * years) / _REVERSION_PER_YEAR
        smooth: Floats = self.long**2 * years + (self.short**2 - self.long**2) * reverting
        if self.event_years.size:
            smooth = smooth + (years[:, None] > self.event_years) @ self.event_variance
        return smooth


def total_variance(log_moneyness: Floats, theta: Floats, rho: float, eta: float) -> Floats:
    """SSVI total variance at ln(strike / forward); equation 4.1 with the power law."""
    scaled = eta / np.sqrt(theta * (1.0 + theta)) * log_moneyness
    variance: Floats = 0.5 * theta * (1.0 + rho * scaled + np.sqrt((scaled + rho) ** 2 + (1.0 - rho * rho)))
    return variance


@dataclass(frozen=True, slots=True)
class Slices:
    """Contracts of several expirations. `slice_of` gives each contract's position in the per-expiration arrays."""

    strike: Floats
    is_call: Flags
    slice_of: NDArray[np.intp]


def fair_values(
    contracts: Slices,
    *,
    spot: float,
    years: Floats,
    terms: TermStructure,
    ex_dividend_years: Floats,
    dividend: float,
) -> tuple[Floats, Floats]:
    """Fair prices in $ per share and implied volatilities, one per contract.

    `years` to expiry per expiration (> 0); `ex_dividend_years` the times of the coming ex-dates in order, each worth
    `dividend` $. Prices are at least what exercise now gives.
    """
    paid = np.exp(-RATE * ex_dividend_years) * dividend
    before_expiry = years[:, None] > ex_dividend_years
    prepaid = spot - before_expiry @ paid
    strike, is_call = contracts.strike, contracts.is_call
    slice_of = contracts.slice_of
    theta = terms.theta(years)
    value, volatility = _european(strike, is_call, prepaid[slice_of], years[slice_of], theta[slice_of], terms)
    value = np.maximum(value, np.where(is_call, spot - strike, strike - spot))
    for position, ex_years in enumerate(ex_dividend_years):
        held = before_expiry[slice_of, position]
        if held.any():
            prepaid_then = np.where(is_call[held], spot - paid[:position].sum(), spot - paid[: position + 1].sum())
            early = _expiring_at(float(ex_years), strike[held], is_call[held], prepaid_then, terms)
            value[held] = np.maximum(value[held], early)
    return value, volatility


def _expiring_at(ex_years: float, strike: Floats, is_call: Flags, prepaid: Floats, terms: TermStructure) -> Floats:
    """Values of options that are exercised at one time, before their expiry."""
    time = np.array([ex_years])
    value, _ = _european(strike, is_call, prepaid, time, terms.theta(time), terms)
    return value


def _european(
    strike: Floats,
    is_call: Flags,
    prepaid: Floats,
    years: Floats,
    theta: Floats,
    terms: TermStructure,
) -> tuple[Floats, Floats]:
    """Prices and implied volatilities from the surface; `prepaid` is the spot less the dividends before expiry."""
    log_moneyness = np.log(strike / prepaid) - RATE * years
    volatility = np.sqrt(total_variance(log_moneyness, theta, terms.rho, terms.eta) / years)
    value = price(
        spot=prepaid,
        strike=strike,
        years=years,
        rate=RATE,
        dividend_yield=0.0,
        volatility=volatility,
        is_call=is_call,
    )
    return value, volatility
