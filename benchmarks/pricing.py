"""European pricing side by side with pyvolr (https://pypi.org/project/pyvolr), a threaded Rust library.

Prices, Greeks and implied volatilities per second of the public functions, fresh results included; peers in the same
run, in turn. The stated limit is what two cores of the machine described in docs/pricing.md can do at most; on another
one the limit of its own arithmetic says more (`benchmarks.arithmetic_limit`, where its library is installed).
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.alternating import alternate, median_ratio
from benchmarks.arithmetic_limit import arithmetic_limit
from scanner.pricing.black_scholes import all_greeks, greeks, price
from scanner.pricing.implied_volatility import implied_volatility
from scanner.pricing.threads import processors
from scanner.pricing.warm_up import warm_up
from tests.reference.hard_grid import FORWARD, RATE, hard_grid

SIZES = (1_000, 100_000, 1_000_000)
GREEKS_GOAL, VOLATILITY_GOAL = 5.0, 6.0
IN_PLACE = "greeks, out="
ARITHMETIC = "arithmetic alone, one core"
LEAST_OF_LIMIT = 100_000
LIMITS = {1_000: float("nan"), 100_000: 330e6, 1_000_000: 215e6}
"""Greeks per second of two cores: arithmetic in cache; memory traffic out of cache (docs/pricing.md)."""


@dataclass(frozen=True)
class Contracts:
    """Random contracts of a realistic range; `sides` (1 a call, -1 a put) is what the peer takes fastest."""

    ours: dict[str, Any]
    price: NDArray[np.float64]
    sides: NDArray[np.int8]


def contracts(count: int) -> Contracts:
    """Strikes 50-150 around spots 50-150, a week to two years, volatilities 10-80 %."""
    random = np.random.default_rng(count)
    ours: dict[str, Any] = {
        "spot": random.uniform(50, 150, count),
        "strike": random.uniform(50, 150, count),
        "years": random.uniform(0.02, 2, count),
        "rate": random.uniform(0, 0.06, count),
        "dividend_yield": random.uniform(0, 0.04, count),
        "volatility": random.uniform(0.1, 0.8, count),
        "is_call": random.random(count) < 0.5,
    }
    return Contracts(ours, price(**ours), _sides(ours["is_call"]))


def _sides(is_call: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.where(is_call, 1, -1).astype(np.int8)


def peer() -> Any:
    """pyvolr's Black-Scholes module, or None where it is not installed."""
    try:
        return importlib.import_module("pyvolr.bs")
    except ImportError:
        return None


def greeks_lines(sample: Contracts, other: Any, rounds: int) -> list[str]:
    """Price and five Greeks against the peer's five Greeks; and nine values.

    The shares of the limits are those with `out=`, the results going where the last ones were: memory that is new costs
    the operating system as much time as the computation takes, and the limits know nothing of it.
    """
    count = len(sample.price)
    known = sample.ours
    table = np.empty((6, count))
    ways: dict[str, Any] = {
        "greeks": lambda: greeks(**known),
        IN_PLACE: lambda: greeks(**known, out=table),
        "with second order": lambda: all_greeks(**known),
    }
    if other is not None:
        positional = [known[name] for name in ("spot", "strike", "years", "rate", "volatility", "dividend_yield")]
        ways["pyvolr"] = lambda: other.greeks(sample.sides, *positional)
    if count >= LEAST_OF_LIMIT and (limit := arithmetic_limit()) is not None:
        ways[ARITHMETIC] = lambda: limit(count)
    times = alternate(ways, rounds=rounds)
    lines = []
    for name, timing in times.items():
        ratio = (
            median_ratio(timing, times["pyvolr"])
            if other is not None and name in ("greeks", IN_PLACE)
            else float("nan")
        )
        share = count / timing.median / LIMITS[count] if name == IN_PLACE else float("nan")
        own_limit = times.get(ARITHMETIC) if name == IN_PLACE else None
        share_here = median_ratio(timing, own_limit) / processors() if own_limit else float("nan")
        lines.append(_line("Greeks", count, name, timing, ratio, GREEKS_GOAL, (share, share_here)))
    return lines


def volatility_lines(sample: Contracts, other: Any, rounds: int) -> list[str]:
    """Implied volatility of the same prices."""
    known = sample.ours
    forward = known["spot"] * np.exp((known["rate"] - known["dividend_yield"]) * known["years"])
    own = {name: known[name] for name in ("strike", "years", "rate", "is_call")}
    ways: dict[str, Any] = {
        "implied volatility": lambda: implied_volatility(price=sample.price, forward=forward, **own)
    }
    if other is not None:
        positional = [known[name] for name in ("spot", "strike", "years", "rate", "dividend_yield")]
        ways["pyvolr"] = lambda: other.implied_vol(sample.price, sample.sides, *positional, on_error="ignore")
    times = alternate(ways, rounds=rounds)
    ours = times["implied volatility"]
    return [
        _line(
            "implied volatility",
            len(sample.price),
            name,
            timing,
            median_ratio(ours, times["pyvolr"]) if other is not None and timing is ours else float("nan"),
            VOLATILITY_GOAL,
            (float("nan"), float("nan")),
        )
        for name, timing in times.items()
    ]


def _line(work: str, count: int, name: str, timing: Any, ratio: float, goal: float, shares: tuple[float, float]) -> str:
    cells = [
        work,
        f"{count:,}",
        name,
        f"{count / timing.median / 1e6:.1f}",
        f"{count / timing.best / 1e6:.1f}",
        "" if np.isnan(ratio) else f"{ratio:.1f}x (goal {goal:.0f}x)",
        *("" if np.isnan(share) else f"{share:.0%}" for share in shares),
    ]
    return f"| {' | '.join(cells)} |"


def accuracy_lines(other: Any) -> list[str]:
    """Failures and errors on the hard grid, the prices rounded from 40 digits."""
    grid = hard_grid()
    black: dict[str, Any] = {"strike": grid.strike, "years": grid.years, "rate": RATE, "is_call": grid.is_call}
    rough = price(spot=FORWARD, dividend_yield=RATE, volatility=grid.volatility, **black)
    rows = np.flatnonzero(grid.solvable(rough))
    exact = np.array([grid.exact_price(row) for row in rows.tolist()])
    solved = {"ours": implied_volatility(price=exact, **grid.contract(rows)).volatility}
    if other is not None:
        sides = _sides(grid.is_call[rows])
        arguments = (FORWARD, grid.strike[rows], grid.years[rows], RATE, RATE)
        solved["pyvolr"] = other.implied_vol(exact, sides, *arguments, on_error="ignore")
    lines = [
        "",
        f"| hard grid, {len(rows):,} of {len(grid):,} points | failed | max price error | max volatility error |",
    ]
    lines.append("|---|---|---|---|")
    taken = {name: values[rows] if isinstance(values, np.ndarray) else values for name, values in black.items()}
    for name, volatility in solved.items():
        again = price(spot=FORWARD, dividend_yield=RATE, volatility=volatility, **taken)
        errors = np.nanmax(np.abs(again - exact)), np.nanmax(np.abs(volatility - grid.volatility[rows]))
        lines.append(f"| {name} | {np.isnan(volatility).sum()} | {errors[0]:.1e} | {errors[1]:.1e} |")
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    warm_up()
    other = peer()
    limits = "of the stated limit | of this machine's"
    print(f"| work | contracts | | million/s, median | best | against pyvolr, median | {limits} |")
    print("|---|---|---|---|---|---|---|---|")
    for count in SIZES:
        sample = contracts(count)
        rounds = options.rounds * (20 if count < 10_000 else 1)
        print("\n".join(greeks_lines(sample, other, rounds) + volatility_lines(sample, other, rounds)), flush=True)
    print("\n".join(accuracy_lines(other)))
    if other is None:
        print("\npyvolr is not installed: no ratios. `make install-dev` installs it.")


if __name__ == "__main__":
    main()
