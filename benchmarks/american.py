"""American options side by side with QuantLib (https://pypi.org/project/QuantLib), one option at a time in C++.

QuantLib's options are built before the clock starts; a value costs it setting a quote and asking, a volatility its
`impliedVolatility`, which prices by finite differences inside. It runs on one thread, ours on all. Errors are against
QuantLib's high-precision scheme on the same 400 contracts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.alternating import Timing, alternate, median_ratio
from scanner.pricing.american import Accuracy, greeks, implied_volatility, price
from scanner.pricing.warm_up import warm_up
from tests.reference.american_grid import COUNT, QuantLibOptions, american_grid, quantlib

ROWS = 100_000
IMPLIED_BY_QUANTLIB = 25
PRICE_GOAL, VOLATILITY_GOAL = 15.0, 350.0


def value_lines(ql: Any, rounds: int) -> list[str]:
    """Prices and Greeks against QuantLib's fast scheme."""
    many, grid = american_grid(ROWS), american_grid()
    ways: dict[str, Callable[[], object]] = {
        "price, fast": lambda: price(**many),
        "price, accurate": lambda: price(**many, accuracy=Accuracy.ACCURATE),
        "price and Greeks, fast": lambda: greeks(**many),
    }
    counts = dict.fromkeys(ways, ROWS)
    errors = {}
    if ql is not None:
        exact = QuantLibOptions(ql, grid, "highPrecision").prices()
        for scheme in ("fast", "accurate"):
            built = QuantLibOptions(ql, grid, scheme)
            ways[f"QuantLib QdFp {scheme}"] = built.prices
            counts[f"QuantLib QdFp {scheme}"] = COUNT
            errors[f"QuantLib QdFp {scheme}"] = np.abs(built.prices() - exact)
        for accuracy in Accuracy:
            errors[f"price, {accuracy}"] = np.abs(price(**grid, accuracy=accuracy).price - exact)
    times = alternate(ways, rounds=rounds)
    return [_line(name, times, counts, "QuantLib QdFp fast", PRICE_GOAL, errors.get(name)) for name in ways]


def volatility_lines(ql: Any, rounds: int) -> list[str]:
    """Implied volatilities of the same prices, and what could not be solved."""
    many = american_grid(ROWS)
    volatility = many.pop("volatility")
    values = price(**many, volatility=volatility).price
    ways: dict[str, Callable[[], object]] = {
        "implied volatility, fast": lambda: implied_volatility(price=values, **many)
    }
    counts = {"implied volatility, fast": ROWS}
    if ql is not None:
        built = QuantLibOptions(ql, american_grid(), "fast")
        known = built.prices()
        ways["QuantLib impliedVolatility"] = lambda: built.implied(known, IMPLIED_BY_QUANTLIB)
        counts["QuantLib impliedVolatility"] = IMPLIED_BY_QUANTLIB
    times = alternate(ways, rounds=rounds)
    found = implied_volatility(price=values, **many)
    error = np.nanmax(np.abs(found.volatility - volatility))
    unknown = int(np.isnan(found.volatility).sum())
    return [_line(name, times, counts, "QuantLib impliedVolatility", VOLATILITY_GOAL, None) for name in ways] + [
        "",
        f"{ROWS:,} round trips: {found.unconverged} unconverged, {unknown} without a volatility (the price does "
        f"not determine it), largest error {error:.1e}.",
    ]


def _line(name: str, times: dict[str, Timing], counts: dict[str, int], peer: str, goal: float, errors: Any) -> str:
    rate = counts[name] / times[name].median
    ratio = ""
    if peer in times and name != peer:
        faster = median_ratio(times[name], times[peer]) * counts[name] / counts[peer]
        ratio = f"{faster:.1f}x" + (f" (goal {goal:.0f}x)" if name.endswith(", fast") and "Greeks" not in name else "")
    error = "" if errors is None else f"{errors.mean():.1e} | {errors.max():.1e}"
    return f"| {name} | {rate / 1e3:,.1f} | {counts[name] / times[name].best / 1e3:,.1f} | {ratio} | {error or ' | '} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    warm_up()
    ql = quantlib()
    print("| | thousand/s, median | best | against QuantLib, median | mean error, $ of 100 | largest |")
    print("|---|---|---|---|---|---|")
    print("\n".join(value_lines(ql, options.rounds) + volatility_lines(ql, options.rounds)))
    if ql is None:
        print("\nQuantLib is not installed: no ratios and no errors. `make install-dev` installs it.")


if __name__ == "__main__":
    main()
