"""American functions in whatever form arrays come, and from many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from scanner.pricing.american import greeks, implied_volatility, price
from tests.reference.american_grid import american_grid


def quoted(grid: dict[str, Any]) -> dict[str, Any]:
    return {**{name: column for name, column in grid.items() if name != "volatility"}, "price": price(**grid).price}


FUNCTIONS = {
    "price": lambda grid: price(**grid).price,
    "greeks": lambda grid: greeks(**grid).vega,
    "implied_volatility": lambda grid: implied_volatility(**quoted(grid)).volatility,
}
each = pytest.mark.parametrize("name", FUNCTIONS)


@each
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 5000])
def test_every_length_gives_each_row_its_own_result(name: str, count: int) -> None:
    grid = american_grid(5000)
    whole = FUNCTIONS[name](grid)
    part = FUNCTIONS[name]({key: column[:count] for key, column in grid.items()})
    assert part.shape == (count,)
    np.testing.assert_array_equal(part, whole[:count])


@each
def test_a_row_does_not_depend_on_its_neighbours(name: str) -> None:
    """But for rounding: blocks in which both equations occur are computed by another loop."""
    grid = american_grid(300)
    grid["volatility"] = np.where(np.arange(300) % 7 == 0, 0.01, grid["volatility"])
    order = np.random.default_rng(2).permutation(300)
    shuffled = {key: column[order] for key, column in grid.items()}
    np.testing.assert_allclose(FUNCTIONS[name](shuffled), FUNCTIONS[name](grid)[order], rtol=1e-10, atol=1e-12)


@each
def test_scalars_strides_read_only_and_broadcasting(name: str) -> None:
    grid = american_grid(60)
    expected = FUNCTIONS[name](grid)
    scalar = FUNCTIONS[name]({key: column[0].item() for key, column in grid.items()})
    assert scalar.shape == ()
    np.testing.assert_array_equal(scalar, expected[0])

    strided = {key: np.repeat(column, 2)[::2] for key, column in grid.items()}
    backwards = {key: column[::-1] for key, column in grid.items()}
    for column in grid.values():
        column.flags.writeable = False
    np.testing.assert_array_equal(FUNCTIONS[name](grid), expected)
    np.testing.assert_array_equal(FUNCTIONS[name](strided), expected)
    np.testing.assert_array_equal(FUNCTIONS[name](backwards), expected[::-1])

    table = {key: column.reshape(6, 10).T for key, column in grid.items()}
    np.testing.assert_array_equal(FUNCTIONS[name](table), expected.reshape(6, 10).T)
    crossed = {**{key: column[0] for key, column in grid.items()}, "strike": grid["strike"][:, None]}
    crossed["volatility"] = grid["volatility"][None, :3]
    assert FUNCTIONS[name](crossed).shape == (60, 3)


@each
def test_many_threads_at_once(name: str) -> None:
    grid = american_grid(2000)
    expected = FUNCTIONS[name](grid)
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: FUNCTIONS[name](grid), range(16)):
            np.testing.assert_array_equal(result, expected)


def test_inputs_are_left_alone() -> None:
    grid = american_grid(200)
    before = {key: column.copy() for key, column in grid.items()}
    greeks(**grid)
    implied_volatility(**quoted(grid))
    for key, column in grid.items():
        np.testing.assert_array_equal(column, before[key])
