from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import InputError
from scanner.pricing.black_scholes import Greeks, all_greeks, greeks, price
from tests.reference import european
from tests.reference.european import Option
from tests.reference.shared_data import shared_path

GREEKS = ("price", "delta", "gamma", "theta", "vega", "rho")
SECOND_ORDER = ("vanna", "volga", "charm")
MINUTE = 1 / (365 * 24 * 60)
CALL: dict[str, Any] = {
    "spot": 105.0,
    "strike": 100.0,
    "years": 0.5,
    "rate": 0.1,
    "dividend_yield": 0.04,
    "volatility": 0.36,
    "is_call": True,
}
PUT = {**CALL, "is_call": False}

options = st.builds(
    Option,
    spot=st.floats(1, 1000),
    strike=st.floats(1, 1000),
    years=st.floats(1 / 365, 3),
    rate=st.floats(-0.02, 0.12),
    dividend_yield=st.floats(0.001, 0.1),
    volatility=st.floats(0.05, 2),
    is_call=st.booleans(),
)

everything = st.builds(
    Option,
    spot=st.floats(1, 1000),
    strike=st.floats(1, 1000),
    years=st.floats(np.log(MINUTE), np.log(3)).map(np.exp).map(float),
    rate=st.floats(-0.02, 0.12),
    dividend_yield=st.floats(0.001, 0.1),
    volatility=st.floats(np.log(0.01), np.log(5)).map(np.exp).map(float),
    is_call=st.booleans(),
)


def arguments(option: Option) -> dict[str, Any]:
    return {name: getattr(option, name) for name in option.__dataclass_fields__}


def assert_close(actual: Any, expected: Any, spot: Any, relative: float = 1e-9) -> None:
    """Within `relative`, or 1e-13 x spot where the value vanishes."""
    error = np.abs(np.asarray(actual) - np.asarray(expected))
    allowed = np.maximum(relative * np.abs(expected), 1e-13 * np.asarray(spot))
    assert bool(np.all(error <= allowed)), f"largest excess {np.max(error / allowed)}"


class TestPublishedValues:
    def test_table_of_1500_options_at_50_digits(self) -> None:
        table = pd.read_csv(shared_path("reference/bsm_mpmath/bsm_random_1500.csv"))
        spot, rate, dividend_yield = table["S"].to_numpy(), table["r"].to_numpy(), table["q"].to_numpy()
        result = all_greeks(
            spot=spot,
            strike=table["K"].to_numpy(),
            years=table["T"].to_numpy(),
            rate=rate,
            dividend_yield=dividend_yield,
            volatility=table["sigma"].to_numpy(),
            is_call=(table["cp"] == "C").to_numpy(),
        )
        theta_at_fixed_spot = table["theta_per_year"].to_numpy()
        carried_by_the_spot = (rate - dividend_yield) * spot * table["delta"].to_numpy()
        expected = {
            "price": (result.price, table["price"], spot),
            "delta": (result.delta, table["delta"], 1.0),
            "gamma": (result.gamma, table["gamma"], 1.0),
            "theta": (result.theta * 365, theta_at_fixed_spot + carried_by_the_spot, spot),
            "vega": (result.vega * 100, table["vega_per_1.0"], spot),
            "rho": (result.rho * 100, table["rho_per_1.0"], spot),
            "vanna": (result.vanna * 100, table["vanna"], 1.0),
            "volga": (result.volga * 10_000, table["volga"], spot),
            "charm": (result.charm * 365, table["charm"], 1.0),
        }
        for ours, exact, scale in expected.values():
            assert_close(ours, np.asarray(exact), scale, relative=1e-12)

    def test_prices_of_haug(self) -> None:
        table = pd.read_csv(shared_path("reference/haug/haug_european_values.csv"))
        errors = np.abs(price(**_haug_arguments(table)) - table["value"].to_numpy())
        assert np.all(errors <= table["tol"].to_numpy())
        printed_one_too_high = table["value"] == 1.8734  # 1.8733446 in 40 digits: his normal distribution has fewer
        assert np.all(errors[~printed_one_too_high] <= 0.500001e-4)
        assert european.price(Option(100.0, 100.0, 0.1, 0.1, 0.1, 0.15, True)) == pytest.approx(1.8733446, abs=5e-8)

    def test_greeks_of_haug_to_their_printed_digits(self) -> None:
        table = pd.read_csv(shared_path("reference/haug/haug_european_greeks.csv")).set_index("greek")
        result = greeks(**_haug_arguments(table))
        spot, rate, dividend_yield = (table[name].to_numpy() for name in ("spot", "r", "q"))
        theta_at_fixed_spot = result.theta * 365 - (rate - dividend_yield) * spot * result.delta
        ours = {
            "delta": result.delta,
            "gamma": result.gamma,
            "vega": result.vega * 100,
            "theta": theta_at_fixed_spot,
            "theta per day": theta_at_fixed_spot / 365,
            "rho": result.rho * 100,
            "elasticity": result.delta * spot / result.price,
        }
        for name, values in ours.items():
            rows = table.index == name
            assert rows.any(), name
            np.testing.assert_allclose(values[rows], table.loc[rows, "value"], rtol=0, atol=0.500001e-4, err_msg=name)

    @pytest.mark.parametrize(("is_call", "prefix"), [(True, "C"), (False, "P")])
    def test_table_of_py_vollib(self, is_call: bool, prefix: str) -> None:
        recorded = json.loads(shared_path("reference/py_vollib/test_data.json").read_text())
        table = pd.DataFrame(recorded["data"], columns=recorded["columns"])
        spot, years = table["S"].to_numpy(), table["t"].to_numpy()
        rate = table["R"].to_numpy()
        result = greeks(
            spot=spot,
            strike=table["K"].to_numpy(),
            years=years,
            rate=rate,
            dividend_yield=0.0,
            volatility=table["v"].to_numpy(),
            is_call=is_call,
        )
        expected = {
            "bs_call" if is_call else "bs_put": result.price,
            f"{prefix}D": result.delta,
            f"{prefix}G": result.gamma,
            f"{prefix}T": result.theta * 365 - rate * spot * result.delta,
            f"{prefix}V": result.vega * 100,
            f"{prefix}R": result.rho * 100,
        }
        for column, values in expected.items():
            np.testing.assert_allclose(values, table[column], rtol=2e-6, atol=1.1e-7, err_msg=column)


def _haug_arguments(table: pd.DataFrame) -> dict[str, Any]:
    return {
        "spot": table["spot"].to_numpy(),
        "strike": table["strike"].to_numpy(),
        "years": table["t"].to_numpy(),
        "rate": table["r"].to_numpy(),
        "dividend_yield": table["q"].to_numpy(),
        "volatility": table["vol"].to_numpy(),
        "is_call": (table["type"] == "Call").to_numpy(),
    }


class TestAgainstFortyDigits:
    """Greeks against numerical derivatives of the price in 40 digits, with a yield that is never zero."""

    @settings(max_examples=80, deadline=None)
    @given(st.one_of(options, everything))
    def test_price_and_greeks(self, option: Option) -> None:
        result = greeks(**arguments(option))
        assert_close(result.price, european.price(option), option.spot)
        assert_close(result.delta, european.delta(option), 1.0)
        assert_close(result.gamma, european.gamma(option), 1.0)
        assert_close(result.vega * 100, european.vega(option), option.spot)
        assert_close(result.rho * 100, european.rho(option), option.spot)
        assert_close(result.theta * 365, european.theta_at_fixed_forward(option), option.spot)

    @settings(max_examples=40, deadline=None)
    @given(st.one_of(options, everything))
    def test_greeks_of_second_order(self, option: Option) -> None:
        result = all_greeks(**arguments(option))
        assert_close(result.vanna * 100, european.vanna(option), 1.0)
        assert_close(result.volga * 10_000, european.volga(option), option.spot)
        assert_close(result.charm * 365, european.charm(option), 1.0)

    @pytest.mark.parametrize("known", [CALL, PUT])
    def test_finite_differences_of_our_own_functions(self, known: dict[str, Any]) -> None:
        """Central differences with a yield of 4 %: the Greeks belong to the prices of this module."""
        result, step = all_greeks(**known), 1e-4

        def slope(name: str, of: str = "price") -> float:
            up, down = (getattr(all_greeks(**{**known, name: known[name] + sign * step}), of) for sign in (1, -1))
            return float((up - down) / (2 * step))

        assert slope("spot") == pytest.approx(float(result.delta), rel=1e-7)
        assert slope("spot", "delta") == pytest.approx(float(result.gamma), rel=1e-7)
        assert slope("volatility") / 100 == pytest.approx(float(result.vega), rel=1e-6)
        assert slope("rate") / 100 == pytest.approx(float(result.rho), rel=1e-6)
        assert slope("volatility", "delta") / 100 == pytest.approx(float(result.vanna), rel=1e-6)
        assert slope("volatility", "vega") / 100 == pytest.approx(float(result.volga), rel=1e-6)
        assert -slope("years", "delta") / 365 == pytest.approx(float(result.charm), rel=1e-6)
        at_fixed_spot = -slope("years") / 365
        carried = (known["rate"] - known["dividend_yield"]) * known["spot"] * float(result.delta) / 365
        assert at_fixed_spot + carried == pytest.approx(float(result.theta), rel=1e-6)

    def test_price_of_a_contract_far_out_of_the_money_keeps_its_digits(self) -> None:
        option = Option(100.0, 250.0, 0.1, 0.04, 0.01, 0.3, True)
        expected = european.price(option)
        assert 0 < expected < 1e-18
        assert float(price(**arguments(option))) == pytest.approx(expected, rel=1e-9)


class TestRelations:
    @given(options)
    def test_put_call_parity(self, option: Option) -> None:
        both = {**arguments(option), "is_call": np.array([True, False])}
        call, put = price(**both)
        forward_value = option.spot * np.exp(-option.dividend_yield * option.years)
        strike_value = option.strike * np.exp(-option.rate * option.years)
        assert call - put == pytest.approx(forward_value - strike_value, abs=1e-12 * (option.spot + option.strike))

    @given(options)
    def test_price_lies_between_its_bounds(self, option: Option) -> None:
        value = float(price(**arguments(option)))
        forward_value = option.spot * np.exp(-option.dividend_yield * option.years)
        strike_value = option.strike * np.exp(-option.rate * option.years)
        least = max(forward_value - strike_value if option.is_call else strike_value - forward_value, 0.0)
        rounding = 1e-13 * (option.spot + option.strike)
        assert least - rounding <= value <= (forward_value if option.is_call else strike_value) + rounding

    @given(options)
    def test_price_is_monotone(self, option: Option) -> None:
        rising = np.linspace(0.5, 2.0, 40)
        rounding = 1e-13 * (option.spot + option.strike)
        known = arguments(option)
        by_spot = price(**{**known, "spot": option.spot * rising})
        by_strike = price(**{**known, "strike": option.strike * rising})
        by_volatility = price(**{**known, "volatility": option.volatility * rising})
        sign = 1 if option.is_call else -1
        assert np.all(sign * np.diff(by_spot) >= -rounding)
        assert np.all(sign * np.diff(by_strike) <= rounding)
        assert np.all(np.diff(by_volatility) >= -rounding)

    @given(options)
    def test_signs_of_the_greeks(self, option: Option) -> None:
        result = greeks(**arguments(option))
        assert result.delta >= 0 if option.is_call else result.delta <= 0
        assert abs(result.delta) <= 1
        assert result.gamma >= 0
        assert result.vega >= 0
        assert result.rho >= 0 if option.is_call else result.rho <= 0

    def test_black_76_is_the_case_of_a_yield_equal_to_the_rate(self) -> None:
        """Haug (2007), section 1.1.4: futures at 19, strike 19, 9 months, r 10 %, volatility 28 %: 1.7011."""
        black = {**CALL, "spot": 19.0, "strike": 19.0, "years": 0.75, "dividend_yield": 0.1, "volatility": 0.28}
        assert float(price(**black)) == pytest.approx(1.7011, abs=5e-5)


class TestLimits:
    @pytest.mark.parametrize("which", ["years", "volatility"])
    @pytest.mark.parametrize(
        ("is_call", "spot", "holds"), [(True, 120.0, 1), (True, 80.0, 0), (False, 80.0, -1), (False, 120.0, 0)]
    )
    def test_without_time_or_volatility(self, which: str, is_call: bool, spot: float, holds: int) -> None:
        known = {**CALL, "spot": spot, "is_call": is_call, which: 0.0}
        years = known["years"]
        spot_value, strike_value = spot * np.exp(-0.04 * years), 100.0 * np.exp(-0.1 * years)
        result = greeks(**known)
        assert float(price(**known)) == pytest.approx(holds * (spot_value - strike_value), rel=1e-14)
        assert float(result.delta) == pytest.approx(holds * np.exp(-0.04 * years), rel=1e-15)
        assert float(result.gamma) == 0
        assert float(result.vega) == 0
        assert float(result.theta) == pytest.approx(0.1 * holds * (spot_value - strike_value) / 365, rel=1e-13)
        assert float(result.rho) == pytest.approx(holds * years * strike_value / 100, rel=1e-15)

    @pytest.mark.parametrize("which", ["years", "volatility"])
    @pytest.mark.parametrize(("is_call", "spot", "holds"), [(True, 120.0, 1), (True, 80.0, 0), (False, 80.0, -1)])
    def test_greeks_of_second_order_without_time_or_volatility(
        self, which: str, is_call: bool, spot: float, holds: int
    ) -> None:
        result = all_greeks(**{**CALL, "spot": spot, "is_call": is_call, which: 0.0})
        years = 0.0 if which == "years" else CALL["years"]
        assert float(result.vanna) == 0
        assert float(result.volga) == 0
        assert float(result.charm) == pytest.approx(holds * 0.04 * np.exp(-0.04 * years) / 365, rel=1e-14)

    @pytest.mark.parametrize("which", ["years", "volatility"])
    def test_at_the_kink_the_price_is_zero_and_greeks_do_not_exist(self, which: str) -> None:
        known = {**CALL, "spot": 100.0, "dividend_yield": 0.1, which: 0.0}
        result = all_greeks(**known)
        assert float(result.price) == 0
        assert all(np.isnan(getattr(result, name)) for name in (*GREEKS, *SECOND_ORDER) if name != "price")

    def test_huge_volatility_gives_the_upper_bound(self) -> None:
        assert float(price(**{**CALL, "volatility": 1e3})) == pytest.approx(105 * np.exp(-0.02), rel=1e-14)
        assert float(price(**{**PUT, "volatility": 1e3})) == pytest.approx(100 * np.exp(-0.05), rel=1e-14)

    def test_values_approach_the_limit_of_no_time(self) -> None:
        values = price(**{**CALL, "years": np.array([1e-3, 1e-5, 1e-7, 0.0])})
        assert np.all(np.diff(np.abs(values - 5.0)) <= 0)
        assert values[-1] == 5.0


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *((name, np.nan) for name in CALL if name != "is_call"),
            *((name, np.inf) for name in CALL if name != "is_call"),
            *((name, -1.0) for name in ("spot", "strike", "years", "volatility")),
            *((name, 0.0) for name in ("spot", "strike")),
        ],
    )
    def test_an_impossible_element_is_unknown_and_spoils_no_other(self, name: str, value: float) -> None:
        known = {**CALL, name: np.array([value, CALL[name]])}
        result, alone = greeks(**known), greeks(**CALL)
        for greek in GREEKS:
            values = getattr(result, greek)
            assert np.isnan(values[0]), greek
            assert values[1] == getattr(alone, greek)
        assert np.isnan(price(**known)).tolist() == [True, False]

    def test_shapes_that_do_not_broadcast(self) -> None:
        with pytest.raises(InputError, match="broadcast"):
            price(**{**CALL, "strike": np.ones(3), "years": np.ones(2)})
        with pytest.raises(InputError, match="broadcast"):
            price(**{**CALL, "strike": np.ones(3), "is_call": np.array([True, False])})

    @pytest.mark.parametrize("flag", [1, "call", np.array([1.0, 0.0]), None])
    def test_a_side_that_is_no_boolean(self, flag: Any) -> None:
        with pytest.raises(InputError, match="is_call"):
            price(**{**CALL, "is_call": flag})

    @pytest.mark.parametrize("value", [None, "100", np.array([1j]), np.array([True])])
    def test_a_number_that_is_none(self, value: Any) -> None:
        with pytest.raises(InputError, match="strike"):
            greeks(**{**CALL, "strike": value})

    def test_positional_arguments_are_not_accepted(self) -> None:
        with pytest.raises(TypeError):
            price(*CALL.values())  # type: ignore[call-arg]


def test_arguments_broadcast() -> None:
    strikes, years = np.array([90.0, 100.0, 110.0]), np.array([[0.1], [0.5]])
    result = greeks(**{**CALL, "strike": strikes, "years": years})
    assert {getattr(result, name).shape for name in GREEKS} == {(2, 3)}
    one = greeks(**{**CALL, "strike": 110.0, "years": 0.5})
    assert isinstance(result, Greeks)
    assert [getattr(result, name)[1, 2] for name in GREEKS] == [getattr(one, name) for name in GREEKS]


def test_empty_arrays_give_empty_arrays() -> None:
    assert price(**{**CALL, "strike": np.array([])}).shape == (0,)


def test_all_greeks_are_the_greeks_and_three_more() -> None:
    strikes = np.linspace(50, 200, 301)
    first, all_of_them = greeks(**{**CALL, "strike": strikes}), all_greeks(**{**CALL, "strike": strikes})
    for name in GREEKS:
        np.testing.assert_allclose(getattr(all_of_them, name), getattr(first, name), rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(price(**{**CALL, "strike": strikes}), first.price, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    "changes",
    [{"spot": 1e101}, {"strike": 1e-101}, {"rate": 1401.0}, {"dividend_yield": -1401.0}, {"years": 1e4}],
)
def test_beyond_the_range_of_a_float64_is_unknown_not_wrong(changes: dict[str, float]) -> None:
    result = all_greeks(**{**CALL, **changes})
    assert all(np.isnan(getattr(result, name)) for name in (*GREEKS, *SECOND_ORDER))
