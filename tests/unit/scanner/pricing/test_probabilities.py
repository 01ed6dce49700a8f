from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import InputError
from scanner.pricing.probabilities import prob_otm, prob_profit, prob_touch
from tests.reference import european

DISTRIBUTION: dict[str, Any] = {"forward": 101.0, "years": 0.25, "volatility": 0.4}
TOUCH: dict[str, Any] = {
    "spot": 100.0,
    "strike": 90.0,
    "years": 0.25,
    "rate": 0.05,
    "dividend_yield": 0.01,
    "volatility": 0.4,
    "is_call": False,
}


def normal(value: float) -> float:
    return float(mpmath.ncdf(value))


class TestProbOtm:
    def test_is_the_probability_of_the_lognormal_density_beyond_the_strike(self) -> None:
        """The density of S_T integrated from the strike up, an independent way to N(d2)."""
        deviation = 0.4 * 0.5
        mean = float(mpmath.log(101)) - deviation**2 / 2

        def density(price: Any) -> Any:
            return mpmath.npdf(mpmath.log(price), mean, deviation) / price

        above = float(mpmath.quad(density, [90, 100, 120, 200, 1000]))
        put, call = prob_otm(**DISTRIBUTION, strike=90.0, is_call=np.array([False, True]))
        assert put == pytest.approx(above, rel=1e-9)
        assert call == pytest.approx(1 - above, rel=1e-8)

    def test_at_the_forward_it_is_not_one_half(self) -> None:
        assert float(prob_otm(**DISTRIBUTION, strike=101.0, is_call=False)) == pytest.approx(normal(-0.1), rel=1e-14)

    @pytest.mark.parametrize("which", ["years", "volatility"])
    def test_a_certain_forward(self, which: str) -> None:
        known = {**DISTRIBUTION, which: 0.0}
        strikes = np.array([90.0, 101.0, 110.0])
        np.testing.assert_array_equal(prob_otm(**known, strike=strikes, is_call=False), [1, np.nan, 0])
        np.testing.assert_array_equal(prob_otm(**known, strike=strikes, is_call=True), [0, np.nan, 1])

    def test_far_tail_is_not_rounded_to_zero(self) -> None:
        expected = normal((float(mpmath.log(101) - mpmath.log(500))) / 0.2 - 0.1)
        assert 0 < expected < 1e-14
        assert float(prob_otm(**DISTRIBUTION, strike=500.0, is_call=False)) == pytest.approx(expected, rel=1e-12)


class TestProbProfit:
    def test_is_the_probability_of_ending_above_the_break_even(self) -> None:
        as_put = prob_otm(**DISTRIBUTION, strike=88.5, is_call=False)
        assert prob_profit(**DISTRIBUTION, break_even=88.5) == as_put

    def test_a_break_even_below_zero_is_always_exceeded(self) -> None:
        values = prob_profit(**DISTRIBUTION, break_even=np.array([-3.0, 0.0, 1e-9, np.nan]))
        np.testing.assert_array_equal(values, [1, 1, 1, np.nan])

    def test_an_unknown_volatility_stays_unknown_even_then(self) -> None:
        assert np.isnan(prob_profit(forward=101.0, years=0.25, volatility=np.nan, break_even=-3.0))


class TestProbTouch:
    @settings(max_examples=40, deadline=None)
    @given(
        distance=st.floats(0.01, 0.7),
        upwards=st.booleans(),
        years=st.floats(0.01, 3),
        rate=st.floats(-0.05, 0.15),
        dividend_yield=st.floats(0.0, 0.1),
        volatility=st.floats(0.1, 1.5),
    )
    def test_against_the_integral_of_the_first_passage_density(
        self, distance: float, upwards: bool, years: float, rate: float, dividend_yield: float, volatility: float
    ) -> None:
        strike = 100.0 * float(np.exp(distance if upwards else -distance))
        expected = european.prob_touch(
            spot=100.0, strike=strike, years=years, drift=rate - dividend_yield, volatility=volatility
        )
        ours = prob_touch(
            spot=100.0,
            strike=strike,
            years=years,
            rate=rate,
            dividend_yield=dividend_yield,
            volatility=volatility,
            is_call=upwards,
        )
        assert float(ours) == pytest.approx(expected, rel=1e-7, abs=1e-12)

    @pytest.mark.parametrize(("is_call", "strike"), [(True, 110.0), (False, 90.0)])
    def test_without_log_drift_it_is_the_reflection_principle(self, is_call: bool, strike: float) -> None:
        known = {**TOUCH, "is_call": is_call, "strike": strike, "rate": 0.08, "dividend_yield": 0.0}
        distance = abs(float(mpmath.log(strike / 100)))
        expected = 2 * normal(-distance / (0.4 * 0.5))
        assert float(prob_touch(**known)) == pytest.approx(expected, rel=1e-13)

    @pytest.mark.parametrize(
        ("is_call", "strike", "drift"), [(False, 90.0, 2.0), (True, 110.0, -2.0), (True, 150.0, -1.0)]
    )
    def test_after_a_very_long_time_against_the_drift(self, is_call: bool, strike: float, drift: float) -> None:
        """Ever touched: exp(2 mu b / sigma^2) for a barrier the drift leads away from."""
        known = {**TOUCH, "is_call": is_call, "strike": strike, "rate": drift, "dividend_yield": 0.0, "years": 500.0}
        mu = drift - 0.08
        expected = float(mpmath.exp(2 * mu * mpmath.log(strike / 100) / 0.16))
        assert float(prob_touch(**known)) == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize(
        ("is_call", "strike", "rate"),
        [(False, 50.0, 3.0), (False, 50.0, -3.0), (True, 200.0, 3.0), (True, 200.0, -3.0)],
    )
    def test_extreme_drift_over_volatility_neither_overflows_nor_loses_the_value(
        self, is_call: bool, strike: float, rate: float
    ) -> None:
        known = {**TOUCH, "is_call": is_call, "strike": strike, "rate": rate, "dividend_yield": 0.0, "volatility": 0.01}
        value = float(prob_touch(**known))
        distance = float(np.log(strike / 100))
        reached = abs(rate * 0.25) > abs(distance) and rate * distance > 0
        assert value == pytest.approx(1.0 if reached else 0.0, abs=1e-12)

    def test_tiny_probability_keeps_its_digits(self) -> None:
        known = {**TOUCH, "strike": 30.0, "volatility": 0.2, "dividend_yield": 0.0}
        expected = european.prob_touch(spot=100.0, strike=30.0, years=0.25, drift=0.05, volatility=0.2)
        assert 0 < expected < 1e-20
        assert float(prob_touch(**known)) == pytest.approx(expected, rel=1e-7)

    @given(strike=st.floats(20, 300), volatility=st.floats(0.01, 5), years=st.floats(1e-6, 3), is_call=st.booleans())
    def test_touching_is_at_least_as_likely_as_ending_there(
        self, strike: float, volatility: float, years: float, is_call: bool
    ) -> None:
        known = {**TOUCH, "strike": strike, "volatility": volatility, "years": years, "is_call": is_call}
        forward = 100.0 * float(np.exp(0.04 * years))
        ends_out = prob_otm(forward=forward, strike=strike, years=years, volatility=volatility, is_call=not is_call)
        touched = float(prob_touch(**known))
        assert ends_out - 1e-12 <= touched <= 1

    @pytest.mark.parametrize(("is_call", "strike"), [(True, 99.0), (True, 100.0), (False, 101.0), (False, 100.0)])
    def test_in_or_at_the_money_is_certain(self, is_call: bool, strike: float) -> None:
        assert float(prob_touch(**{**TOUCH, "is_call": is_call, "strike": strike})) == 1
        assert float(prob_touch(**{**TOUCH, "is_call": is_call, "strike": strike, "years": 0.0})) == 1

    @pytest.mark.parametrize(("rate", "expected"), [(-0.5, 1), (-0.1, 0), (0.5, 0)])
    def test_without_volatility_the_path_decides(self, rate: float, expected: float) -> None:
        known = {**TOUCH, "volatility": 0.0, "rate": rate, "dividend_yield": 0.0}
        assert float(prob_touch(**known)) == expected
        assert float(prob_touch(**{**known, "years": 0.0})) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
@pytest.mark.parametrize("name", ["forward", "years", "volatility", "strike"])
def test_an_impossible_element_is_unknown(name: str, bad: float) -> None:
    known = {**DISTRIBUTION, "strike": 90.0, "is_call": True}
    assert np.isnan(prob_otm(**{**known, name: np.array([bad, known[name]])})).tolist() == [True, False]
    if name != "strike":
        mixed = {**DISTRIBUTION, "break_even": 90.0, name: np.array([bad, known[name]])}
        assert np.isnan(prob_profit(**mixed)).tolist() == [True, False]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
@pytest.mark.parametrize("name", ["spot", "strike", "years", "volatility", "rate"])
def test_an_impossible_touch_is_unknown(name: str, bad: float) -> None:
    value = float(prob_touch(**{**TOUCH, name: bad}))
    assert np.isnan(value) == (name != "rate" or bad != -1.0)


def test_contradictory_arguments_raise() -> None:
    with pytest.raises(InputError, match="broadcast"):
        prob_otm(**DISTRIBUTION, strike=np.ones(3), is_call=np.array([True, False]))
    with pytest.raises(InputError, match="broadcast"):
        prob_profit(forward=np.ones(2), years=np.ones(3), volatility=0.2, break_even=90.0)
    with pytest.raises(InputError, match="is_call"):
        prob_touch(**{**TOUCH, "is_call": "put"})
