from __future__ import annotations

import numpy as np
import pytest

from scanner.errors import InputError
from scanner.pricing.rates import RateCurve

CURVE = RateCurve((0.25, 1.0, 2.0), (0.05, 0.04, 0.03))


def test_linear_between_points_and_flat_outside() -> None:
    years = np.array([[0.0, 0.25, 0.625], [1.5, 2.0, 30.0]])
    np.testing.assert_allclose(CURVE.rate(years), [[0.05, 0.05, 0.045], [0.035, 0.03, 0.03]], rtol=1e-15)


@pytest.mark.parametrize("curve", [CURVE, RateCurve.flat(-0.005)])
def test_an_unknown_time_has_an_unknown_rate(curve: RateCurve) -> None:
    assert np.isnan(curve.rate(np.array([np.nan, 1.0]))).tolist() == [True, False]


def test_flat_curve_is_the_same_at_all_times() -> None:
    assert RateCurve.flat(0.043).rate([0.0, 0.5, 5.0]).tolist() == [0.043, 0.043, 0.043]


@pytest.mark.parametrize(
    ("years", "rates"),
    [
        ((), ()),
        ((0.0, 1.0), (0.04,)),
        ((1.0, 0.5), (0.04, 0.04)),
        ((1.0, 1.0), (0.04, 0.04)),
        ((-0.1,), (0.04,)),
        ((float("inf"),), (0.04,)),
        ((1.0,), (float("nan"),)),
        ((1.0,), (4.3,)),
    ],
)
def test_contradictory_curves_are_refused(years: tuple[float, ...], rates: tuple[float, ...]) -> None:
    with pytest.raises(InputError):
        RateCurve(years, rates)


def test_times_must_be_numbers() -> None:
    with pytest.raises(InputError, match="years"):
        CURVE.rate(["soon"])
