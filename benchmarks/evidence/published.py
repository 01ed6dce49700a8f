"""Published tables and other programs' figures: the largest difference of ours from each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from scanner.conventions import DAYS_PER_YEAR, RHO_PER_PERCENT, VEGA_PER_VOL_POINT
from scanner.pricing import american
from scanner.pricing.arrays import Floats
from scanner.pricing.black_scholes import AllGreeks, all_greeks, price
from scanner.pricing.implied_volatility import implied_volatility
from scanner.pricing.model_free import model_free_variance, volatility_index

LEAN_DAYS: Final = ("20151224", "20151228")
LEAN_RATE, LEAN_YIELD = 0.01, 0.00113712
"""The rate is LEAN's own table's for these days; the yield is what its call and put deltas differ from 1 by."""
LEAN_EQUAL, LEAN_NEAR = 5e-5, 5e-3
"""Volatilities as near as LEAN's rounding of a Greek, and as near as chance may bring them."""
_DIGITS: Final = "50 digits; limit 1e-12 relative or 1e-13 x spot"
_MINUTES_PER_YEAR: Final = 365 * 24 * 60


@dataclass(frozen=True)
class Finding:
    """One line of a table: what was compared with what, how many values, the largest difference, what is allowed."""

    what: str
    source: str
    values: int
    largest: float
    allowed: float
    unit: str

    @property
    def met(self) -> bool:
        return self.largest <= self.allowed


def haug(folder: Path) -> list[Finding]:
    """Prices to their printed digits; Greeks likewise, in our scaling."""
    values = pd.read_csv(folder / "reference/haug/haug_european_values.csv")
    own = price(**_terms(values))
    printed = pd.read_csv(folder / "reference/haug/haug_european_greeks.csv")
    found = all_greeks(**_terms(printed))
    scaled: dict[str, Floats] = {
        "delta": found.delta,
        "gamma": found.gamma,
        "vega": found.vega / VEGA_PER_VOL_POINT,
        "theta": _spot_theta(printed, found) * DAYS_PER_YEAR,
        "theta per day": _spot_theta(printed, found),
        "rho": found.rho / RHO_PER_PERCENT,
        "elasticity": found.delta * printed["spot"].to_numpy() / found.price,
    }
    known = printed["greek"].isin(list(scaled))
    ours = np.array(
        [scaled[name][row] for row, name in zip(np.flatnonzero(known), printed["greek"][known], strict=True)]
    )
    return [
        Finding("European prices", "Haug", len(values), _largest(own - values["value"]), 1e-4, "$"),
        Finding("Greeks", "Haug", len(ours), _largest(ours - printed["value"][known]), 5.1e-5, "as printed"),
    ]


def many_digits(folder: Path) -> list[Finding]:
    """1,500 options computed with 50 digits: the smaller of relative difference and difference per spot."""
    table = pd.read_csv(folder / "reference/bsm_mpmath/bsm_random_1500.csv")
    terms = _terms(table.rename(columns={"S": "spot", "K": "strike", "T": "t", "sigma": "vol", "cp": "type"}))
    found = all_greeks(**terms)
    spot = table["S"].to_numpy()
    theta = found.theta * DAYS_PER_YEAR - (table["r"] - table["q"]).to_numpy() * spot * found.delta
    ours: dict[str, Floats] = {
        "price": found.price,
        "delta": found.delta,
        "gamma": found.gamma,
        "theta_per_year": theta,
        "vega_per_1.0": found.vega / VEGA_PER_VOL_POINT,
        "rho_per_1.0": found.rho / RHO_PER_PERCENT,
    }
    findings = []
    for name, own in ours.items():
        exact = table[name].to_numpy()
        apart = np.abs(own - exact)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(exact != 0, apart / np.abs(exact), np.inf)
        label = name.partition("_per")[0]
        worst = _largest(np.minimum(relative / 1e-12, apart / (1e-13 * spot)))
        findings.append(Finding(label, _DIGITS, len(table), worst, 1.0, "of the limit"))
    return findings


def round_trip(folder: Path) -> list[Finding]:
    """Volatility recovered from the 50-digit prices; the price it gives again, where a price determines one."""
    table = pd.read_csv(folder / "reference/bsm_mpmath/bsm_random_1500.csv")
    renamed = table.rename(columns={"S": "spot", "K": "strike", "T": "t", "sigma": "vol", "cp": "type"})
    terms = _terms(renamed)
    forward = terms["spot"] * np.exp((terms["rate"] - terms["dividend_yield"]) * terms["years"])
    solved = implied_volatility(
        price=table["price"].to_numpy(),
        forward=forward,
        strike=terms["strike"],
        years=terms["years"],
        rate=terms["rate"],
        is_call=terms["is_call"],
    ).volatility
    known = ~np.isnan(solved)
    again = price(**{**terms, "volatility": np.where(known, solved, 1.0)})
    apart = np.abs(again - table["price"].to_numpy())[known] / terms["spot"][known]
    return [Finding("price of the implied volatility", "50 digits", int(known.sum()), _largest(apart), 1e-12, "x spot")]


def american_values(folder: Path) -> list[Finding]:
    """Prices against QuantLib's QdFp engine, the accurate setting."""
    table = pd.read_csv(folder / "reference/american/american_values.csv")
    own = american.price(**_terms(table), accuracy=american.Accuracy.ACCURATE).price
    apart = own - table["qdfp_exact"].to_numpy()
    known = ~np.isnan(apart)
    return [Finding("American prices", "QuantLib QdFp", int(known.sum()), _largest(apart[known]), 5e-5, "$")]


def white_paper(folder: Path) -> list[Finding]:
    """Cboe's example of 1 January 2009: 9 and 37 days, from 8:30 in the morning to 8:30."""
    options = pd.read_csv(folder / "reference/vix_2009/options.csv")
    terms = []
    for days, minutes in ((9, 930 + 510 + 11_520), (37, 930 + 510 + 51_840)):
        listed = options[options["Days"] == days]
        years = minutes / _MINUTES_PER_YEAR
        found = model_free_variance(
            strike=listed["Strike"],
            call_bid=listed["Call Bid"],
            call_ask=listed["Call Ask"],
            put_bid=listed["Put Bid"],
            put_ask=listed["Put Ask"],
            years=years,
            rate=0.0038,
        )
        terms.append((years, found.variance))
    (near, near_variance), (far, far_variance) = terms
    index = volatility_index(near_years=near, near_variance=near_variance, far_years=far, far_variance=far_variance)
    return [Finding("VIX", "Cboe's white paper, 61.22", 1, abs(100 * index - 61.22), 0.01, "points")]


def lean(folder: Path) -> list[Finding]:
    """Greeks of LEAN's GOOG option universe, at LEAN's own volatilities."""
    tables = [_lean(folder, day) for day in LEAN_DAYS]
    table = pd.concat(tables, ignore_index=True)
    found = all_greeks(**_terms(table))
    ours: dict[str, Floats] = {
        "delta": found.delta,
        "gamma": found.gamma,
        "vega": found.vega,
        "theta": _spot_theta(table, found),
        "rho": found.rho,
    }
    plain = table["vol"].between(0.05, 5).to_numpy()
    source = "LEAN, GOOG options, December 2015"
    return [
        Finding(name, source, int(plain.sum()), _largest((own - table[name])[plain]), 5e-5, "as printed")
        for name, own in ours.items()
    ]


@dataclass(frozen=True)
class LeanAgreement:
    """Out-of-the-money contracts a week and more from expiry at more than $0.05, by how near our volatility of their
    closing price is to LEAN's: all, within `LEAN_EQUAL`, and beyond that within `LEAN_NEAR`."""

    contracts: int
    equal: int
    near: int


def lean_agreement(folder: Path) -> LeanAgreement:
    """Own volatilities of the closing prices in LEAN's universe beside LEAN's."""
    table = pd.concat([_lean(folder, day) for day in LEAN_DAYS], ignore_index=True)
    terms = _terms(table)
    forward = terms["spot"] * np.exp((LEAN_RATE - LEAN_YIELD) * terms["years"])
    outside = np.where(terms["is_call"], terms["strike"] >= forward, terms["strike"] <= forward)
    solved = implied_volatility(
        price=table["close"].to_numpy(dtype=np.float64),
        forward=forward,
        strike=terms["strike"],
        years=terms["years"],
        rate=LEAN_RATE,
        is_call=terms["is_call"],
    ).volatility
    judged = outside & (terms["years"] > 0.02) & (table["close"] > 0.05).to_numpy() & ~np.isnan(solved)
    apart = np.abs(solved - terms["volatility"])[judged]
    equal = apart <= LEAN_EQUAL
    return LeanAgreement(len(apart), int(equal.sum()), int((~equal & (apart <= LEAN_NEAR)).sum()))


ALL: Final[dict[str, Callable[[Path], list[Finding]]]] = {
    "reference/haug": haug,
    "reference/bsm_mpmath": lambda folder: [*many_digits(folder), *round_trip(folder)],
    "reference/american": american_values,
    "reference/vix_2009": white_paper,
    "lean/option_universe/goog": lean,
}
"""What is compared, by the folder it needs."""


def _lean(folder: Path, day: str) -> pd.DataFrame:
    table = pd.read_csv(folder / f"lean/option_universe/goog/{day}.csv").rename(columns={"#expiry": "expiry"})
    spot = float(table["close"].iloc[0])
    table = table.iloc[1:]
    table = table[table["implied_volatility"] > 0]
    expiry = pd.to_datetime(table["expiry"].astype(int).astype(str))
    return table.assign(
        type=table["right"],
        strike=table["strike"].astype(float),
        spot=spot,
        q=LEAN_YIELD,
        r=LEAN_RATE,
        t=((expiry - pd.Timestamp(day)).dt.days - 1) / DAYS_PER_YEAR,
        vol=table["implied_volatility"],
    )


def _terms(table: pd.DataFrame) -> dict[str, Any]:
    """Columns of a table as the arguments of our functions."""
    return {
        "spot": table["spot"].to_numpy(dtype=np.float64),
        "strike": table["strike"].to_numpy(dtype=np.float64),
        "years": table["t"].to_numpy(dtype=np.float64),
        "rate": table["r"].to_numpy(dtype=np.float64),
        "dividend_yield": table["q"].to_numpy(dtype=np.float64),
        "volatility": table["vol"].to_numpy(dtype=np.float64),
        "is_call": np.asarray(table["type"].str[0] == "C", dtype=np.bool_),
    }


def _spot_theta(table: pd.DataFrame, found: AllGreeks) -> Floats:
    """The textbooks' theta, at a fixed spot, per calendar day."""
    carry = (table["r"] - table["q"]).to_numpy(dtype=np.float64)
    return np.asarray(found.theta - carry * table["spot"].to_numpy() * found.delta / DAYS_PER_YEAR)


def _largest(differences: Any) -> float:
    return float(np.max(np.abs(np.asarray(differences, dtype=np.float64))))
