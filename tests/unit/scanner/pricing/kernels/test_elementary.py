"""The error bounds that `scanner.pricing.kernels.elementary` promises, against 40 digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from scanner.pricing.kernels import elementary
from scanner.pricing.kernels.compilation import device, prefer_widest_vectors

Floats = NDArray[np.float64]
RANDOM = np.random.default_rng(20261121)


def applied(function: Any, values: Floats) -> Floats:
    """`function` of each value, in the compiled loop kernels use it in."""

    @njit(fastmath={"contract", "nsz", "arcp"}, error_model="numpy")  # type: ignore[untyped-decorator]
    def loop(arguments: Floats, results: Floats) -> None:
        prefer_widest_vectors()
        for i in range(arguments.size):
            results[i] = function(arguments[i])

    results = np.empty_like(values)
    loop(values, results)
    return results


def largest_error(function: Any, exact: Callable[[Any], Any], values: Floats) -> float:
    with mpmath.workdps(40):
        pairs = zip(values.tolist(), applied(function, values).tolist(), strict=True)
        errors = [abs((mpmath.mpf(ours) - (true := exact(mpmath.mpf(value)))) / true) for value, ours in pairs]
        return float(max(errors))


def erfcx(x: Any) -> Any:
    if x < 20:
        return mpmath.exp(x * x) * mpmath.erfc(x)
    terms = ((-1) ** k * mpmath.fac2(2 * k - 1) / (2 * x * x) ** k for k in range(24))
    return sum(terms) / (x * mpmath.sqrt(mpmath.pi))


def test_exp() -> None:
    values = np.concatenate(
        [RANDOM.uniform(-708.39, 709.78, 5000), RANDOM.uniform(-1, 1, 3000), np.geomspace(1e-20, 1, 200), [0.0]]
    )
    assert largest_error(elementary.exp, mpmath.exp, values) <= 4e-16


def test_exp_leaves_its_range_to_zero_and_to_infinity() -> None:
    values = np.array([-708.4, -1e4, -np.inf, 709.79, 1e4, np.inf, 0.0])
    assert applied(elementary.exp, values).tolist() == [0, 0, 0, np.inf, np.inf, np.inf, 1]


def test_log() -> None:
    near_one = np.geomspace(1e-15, 0.29, 1000)
    values = np.concatenate(
        [np.exp(RANDOM.uniform(-708, 709, 5000)), RANDOM.uniform(0.7, 1.42, 3000), 1 + near_one, 1 - near_one]
    )
    assert largest_error(elementary.log, mpmath.log, values) <= 3e-16
    assert applied(elementary.log, np.array([1.0])).tolist() == [0.0]


def test_log_at_the_ends_of_its_range() -> None:
    info = np.finfo(np.float64)
    assert largest_error(elementary.log, mpmath.log, np.array([info.tiny, info.max])) <= 3e-16


def test_erfcx() -> None:
    values = np.concatenate([RANDOM.uniform(0, 40, 2500), np.geomspace(1e-12, 1e100, 2500), [0.0, elementary.CENTER]])
    assert largest_error(elementary.erfcx, erfcx, values) <= 1.2e-15


@device
def tail(d: float) -> float:
    return elementary.tail_numerator(d) / elementary.tail_denominator(d)


def test_tail() -> None:
    values = np.concatenate([RANDOM.uniform(0, 38.7, 4000), np.geomspace(1e-12, 38.7, 2000), [0.0]])
    assert largest_error(tail, lambda d: erfcx(d / mpmath.sqrt(2)) / 2, values) <= 5e-16


@pytest.mark.parametrize("function", [elementary.exp, elementary.log, elementary.erfcx, tail])
def test_a_value_does_not_depend_on_its_neighbours(function: Any) -> None:
    values = RANDOM.uniform(0.1, 30, 37)
    together = applied(function, values)
    alone = [applied(function, values[i : i + 1])[0] for i in range(len(values))]
    np.testing.assert_allclose(together, alone, rtol=2.3e-16, atol=0)
