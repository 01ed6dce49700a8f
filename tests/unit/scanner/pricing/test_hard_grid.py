"""The hard grid: where other solvers fail or clamp."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.black_scholes import price
from scanner.pricing.implied_volatility import implied_volatility
from tests.reference.hard_grid import FORWARD, RATE, hard_grid


def test_every_solvable_point_is_solved_to_1e_12_of_its_price() -> None:
    grid = hard_grid()
    contract = grid.contract(slice(None))
    black: dict[str, Any] = {
        "spot": FORWARD,
        "dividend_yield": RATE,
        **{name: contract[name] for name in ("strike", "years", "rate", "is_call")},
    }
    ours = price(**black, volatility=grid.volatility)
    rows = np.flatnonzero(grid.solvable(ours))
    assert len(grid) == 34_944
    assert len(rows) > 15_000

    exact = np.array([grid.exact_price(row) for row in rows.tolist()])
    assert np.max(np.abs(ours[rows] - exact)) <= 1e-12
    np.testing.assert_array_less(np.abs(ours[rows] - exact), 1e-12 * exact + 1e-13 * FORWARD)

    result = implied_volatility(price=exact, **grid.contract(rows))
    assert not result.reason.any()
    again = price(**{name: _taken(value, rows) for name, value in black.items()}, volatility=result.volatility)
    assert np.max(np.abs(again - exact)) <= 1e-12
    assert np.max(np.abs(result.volatility - grid.volatility[rows])) <= 2.5e-8


def test_the_other_points_are_unknown_or_right_never_clamped() -> None:
    grid = hard_grid()
    contract = grid.contract(slice(None))
    ours = price(
        spot=FORWARD,
        strike=grid.strike,
        years=grid.years,
        rate=RATE,
        dividend_yield=RATE,
        volatility=grid.volatility,
        is_call=grid.is_call,
    )
    result = implied_volatility(price=ours, **contract)
    known = result.reason == 0
    assert np.array_equal(known, np.isfinite(result.volatility))
    assert np.max(np.abs(result.volatility[known] - grid.volatility[known])) <= 1e-6


def _taken(value: Any, rows: NDArray[np.intp]) -> Any:
    return value[rows] if isinstance(value, np.ndarray) else value
