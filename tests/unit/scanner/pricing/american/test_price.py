"""American prices: against QuantLib's published values, QuantLib itself, a binomial tree, and what must hold."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import InputError
from scanner.pricing import black_scholes
from scanner.pricing.american import Accuracy, price
from scanner.pricing.implied_volatility import IV_REASON_CODE, IvReason
from tests.reference import american
from tests.reference.american_grid import QuantLibOptions, american_grid, quantlib
from tests.reference.shared_data import shared_path

both = pytest.mark.parametrize("accuracy", list(Accuracy))
PLAIN: dict[str, Any] = {
    "spot": 100.0,
    "strike": 105.0,
    "years": 0.75,
    "rate": 0.05,
    "dividend_yield": 0.02,
    "volatility": 0.3,
    "is_call": False,
}


def options(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, **changes}


class TestReferences:
    @pytest.mark.parametrize(("accuracy", "allowed"), [(Accuracy.ACCURATE, 5e-6), (Accuracy.FAST, 2e-4)])
    def test_published_values(self, accuracy: Accuracy, allowed: float) -> None:
        with shared_path("reference/american/american_values.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        names = {"spot": "spot", "strike": "strike", "t": "years", "r": "rate", "q": "dividend_yield"}
        columns: dict[str, Any] = {name: [float(row[key]) for row in rows] for key, name in names.items()}
        columns["volatility"] = [float(row["vol"]) for row in rows]
        columns["is_call"] = [row["type"] == "Call" for row in rows]
        exact = [float(row["qdfp_exact"]) for row in rows]
        assert len(rows) > 90
        assert np.abs(price(**columns, accuracy=accuracy).price - exact).max() < allowed

    @pytest.mark.parametrize(("accuracy", "mean", "largest"), [("fast", 1e-5, 2e-4), ("accurate", 2e-7, 1e-5)])
    def test_quantlib_high_precision_on_the_grid(self, accuracy: str, mean: float, largest: float) -> None:
        ql = quantlib()
        if ql is None:
            pytest.skip("QuantLib is not installed (requirements-dev.txt)")
        grid = american_grid()
        errors = np.abs(
            price(**grid, accuracy=Accuracy(accuracy)).price - QuantLibOptions(ql, grid, "highPrecision").prices()
        )
        assert errors.mean() < mean
        assert errors.max() < largest

    @pytest.mark.parametrize(
        ("rate", "dividend_yield"),
        [
            (0.05, 0.0),
            (0.05, 0.02),
            (0.02, 0.06),
            (0.04, 0.04),
            (0.0, -0.05),
            (0.03, -0.04),
            (0.0, 0.0),
            (0.0, 0.03),
            (-0.01, 0.02),
            (-0.02, -0.02),
            (0.15, 0.0),
        ],
    )
    @pytest.mark.parametrize("strike", [90.0, 105.0])
    def test_binomial_tree_for_rates_of_any_sign(self, rate: float, dividend_yield: float, strike: float) -> None:
        for is_call, r, q in ((False, rate, dividend_yield), (True, dividend_yield, rate)):
            own = price(**options(strike=strike, rate=r, dividend_yield=q, is_call=is_call), accuracy=Accuracy.ACCURATE)
            tree = american.american(100.0, strike, 0.75, r, q, 0.3, is_call=is_call)
            assert own.price == pytest.approx(tree, abs=2e-4)
            assert own.reason == 0

    def test_low_volatility_against_strong_drift(self) -> None:
        tree = american.american(100.0, 101.0, 2.0, 0.06, 0.0, 0.05, is_call=False, steps=8000)
        contract = options(strike=101.0, years=2.0, rate=0.06, dividend_yield=0.0, volatility=0.05)
        assert price(**contract, accuracy=Accuracy.ACCURATE).price == pytest.approx(tree, abs=2e-4)
        assert price(**contract).price == pytest.approx(tree, abs=1e-3)


class TestRegions:
    @both
    def test_european_where_early_exercise_never_pays(self, accuracy: Accuracy) -> None:
        for contract in (
            options(rate=0.0, dividend_yield=0.0),
            options(rate=-0.02, dividend_yield=0.01),
            options(rate=-0.03, dividend_yield=-0.03),
            options(is_call=True, dividend_yield=0.0),
            options(is_call=True, dividend_yield=-0.01, rate=0.03),
        ):
            found = price(**contract, accuracy=accuracy)
            assert found.price == black_scholes.price(**contract)
            assert found.premium == 0.0

    def test_two_boundaries_are_refused(self) -> None:
        put = price(**options(rate=-0.01, dividend_yield=-0.03))
        call = price(**options(rate=-0.03, dividend_yield=-0.01, is_call=True))
        for found in (put, call):
            assert np.isnan(found.price)
            assert found.reason == IV_REASON_CODE[IvReason.DOUBLE_BOUNDARY]

    def test_exercise_pays_exactly(self) -> None:
        found = price(**options(strike=200.0, volatility=0.2))
        assert found.price == 100.0
        assert found.premium > 0

    def test_perpetual_limit(self) -> None:
        """McKean's formula: K/(1+l) ((1+l) x/l)^-l with l the root of the characteristic equation."""
        r, q, sigma = 0.06, 0.02, 0.3
        half = (r - q) / sigma**2 - 0.5
        power = half + np.sqrt(half**2 + 2 * r / sigma**2)
        bound = power / (1 + power)
        perpetual = 100 * (1 - bound) * (1.0 / bound) ** -power
        contract = options(strike=100.0, years=120.0, rate=r, dividend_yield=q, volatility=sigma)
        assert price(**contract, accuracy=Accuracy.ACCURATE).price == pytest.approx(perpetual, rel=1e-4)


class TestDegenerate:
    def test_no_time(self) -> None:
        found = price(**options(spot=[90.0, 105.0, 120.0], years=0.0))
        assert found.price.tolist() == [15.0, 0.0, 0.0]
        assert found.premium.tolist() == [0.0, 0.0, 0.0]

    def test_no_volatility_takes_the_best_time(self) -> None:
        for contract in (
            options(volatility=0.0, rate=0.03, dividend_yield=0.08, spot=98.0, strike=100.0, years=5.0),
            options(volatility=0.0, rate=0.05, dividend_yield=0.01, spot=98.0, strike=100.0),
            options(volatility=0.0, rate=0.05, dividend_yield=0.01, spot=101.0, strike=100.0, is_call=True),
        ):
            times = np.linspace(0, contract["years"], 200_001)
            sign = 1.0 if contract["is_call"] else -1.0
            gains = sign * (
                contract["spot"] * np.exp(-contract["dividend_yield"] * times)
                - contract["strike"] * np.exp(-contract["rate"] * times)
            )
            assert price(**contract).price == pytest.approx(max(gains.max(), 0.0), abs=1e-8)

    @pytest.mark.parametrize("deviation", [2e-7, 1e-6, 1e-5, 1e-4])
    def test_small_volatility_is_near_none(self, deviation: float) -> None:
        random = np.random.default_rng(1)
        contract = options(
            spot=100 * np.exp(random.normal(0, 3 * deviation, 500)),
            strike=100.0,
            years=random.uniform(0.01, 3, 500),
            rate=random.uniform(0.001, 0.2, 500),
            dividend_yield=random.uniform(-0.1, 0.2, 500),
        )
        some = price(**{**contract, "volatility": deviation / np.sqrt(contract["years"])}).price
        none = price(**{**contract, "volatility": 0.0}).price
        assert np.all(some >= none - 1e-9)
        assert np.all(some <= none + 40.0 * deviation + 1e-9)

    @pytest.mark.parametrize("name", ["spot", "strike", "years", "rate", "dividend_yield", "volatility"])
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_bad_numbers_spoil_their_element_only(self, name: str, value: float) -> None:
        columns: dict[str, Any] = {key: np.full(3, number) for key, number in PLAIN.items() if key != "is_call"}
        columns[name][1] = value
        found = price(**columns, is_call=False)
        assert found.reason.tolist() == [0, IV_REASON_CODE[IvReason.INVALID_INPUT], 0]
        assert np.isnan(found.price).tolist() == [False, True, False]
        assert found.price[0] == price(**PLAIN).price

    @pytest.mark.parametrize(
        "changes",
        [{"spot": -1.0}, {"spot": 0.0}, {"strike": 0.0}, {"years": -0.1}, {"volatility": -0.2}, {"rate": 1e4}],
    )
    def test_values_outside_their_domain(self, changes: dict[str, float]) -> None:
        found = price(**options(**changes))
        assert np.isnan(found.price)
        assert found.reason == IV_REASON_CODE[IvReason.INVALID_INPUT]

    @pytest.mark.parametrize(
        "changes", [{"spot": "100"}, {"is_call": 1}, {"spot": [1.0, 2.0], "strike": [1.0, 2.0, 3.0]}]
    )
    def test_wrong_arguments_raise(self, changes: dict[str, Any]) -> None:
        with pytest.raises(InputError):
            price(**options(**changes))


anything = {
    "spot": st.floats(20, 400),
    "years": st.floats(1 / 525_600, 3),
    "rate": st.floats(-0.05, 0.25),
    "dividend_yield": st.floats(-0.05, 0.25),
    "volatility": st.floats(0.01, 5),
    "is_call": st.booleans(),
}


class TestProperties:
    @given(**anything)
    def test_bounds(self, **contract: Any) -> None:
        found = price(strike=100.0, **contract)
        if found.reason:
            return
        sign = 1.0 if contract["is_call"] else -1.0
        most = contract["spot"] if contract["is_call"] else 100.0
        european = black_scholes.price(strike=100.0, **contract)
        assert found.price >= sign * (contract["spot"] - 100.0) - 1e-12
        assert found.price >= european - 1e-9
        assert found.price <= max(most, float(european)) * (1 + 1e-12)
        assert found.premium == pytest.approx(float(found.price - european), abs=1e-9)

    @given(**anything)
    def test_call_is_a_put_with_everything_exchanged(self, **contract: Any) -> None:
        twin = {
            "spot": 100.0,
            "strike": contract["spot"],
            "rate": contract["dividend_yield"],
            "dividend_yield": contract["rate"],
            "years": contract["years"],
            "volatility": contract["volatility"],
            "is_call": not contract["is_call"],
        }
        own, other = price(strike=100.0, **contract), price(**twin)
        assert own.reason == other.reason
        if not own.reason:
            assert own.price == pytest.approx(float(other.price), rel=1e-12, abs=1e-12)

    @given(**anything, scale=st.floats(1e-3, 1e3))
    def test_scales_with_the_currency(self, scale: float, **contract: Any) -> None:
        own = price(strike=100.0, **contract).price
        scaled = price(strike=100.0 * scale, **{**contract, "spot": contract["spot"] * scale}).price
        np.testing.assert_allclose(scaled, own * scale, rtol=1e-9, atol=1e-9 * scale)

    def test_monotone_and_convex(self) -> None:
        spots = np.linspace(40, 200, 801)
        for is_call in (False, True):
            for r, q in ((0.05, 0.0), (0.05, 0.03), (0.02, 0.07)):
                contract = options(rate=r, dividend_yield=q, is_call=is_call)
                values = price(**{**contract, "spot": spots}, accuracy=Accuracy.ACCURATE).price
                slopes = np.diff(values) * (1 if is_call else -1)
                assert np.all(slopes >= -1e-7)
                assert np.all(np.diff(values, 2) >= -1e-6)
                by_time = price(**{**contract, "years": np.linspace(0.0, 3.0, 301)}, accuracy=Accuracy.ACCURATE).price
                assert np.all(np.diff(by_time) >= -1e-6)
                by_volatility = price(
                    **{**contract, "volatility": np.linspace(0.0, 3.0, 601)}, accuracy=Accuracy.ACCURATE
                ).price
                assert np.all(np.diff(by_volatility) >= -1e-6)

    def test_settings_agree_over_the_whole_domain(self) -> None:
        random = np.random.default_rng(4)
        count = 4000
        volatility = np.exp(random.uniform(np.log(0.01), np.log(5), count))
        years = np.exp(random.uniform(np.log(1 / 525_600), np.log(3), count))
        moneyness = np.clip(random.normal(0, 1.2, count) * volatility * np.sqrt(years), -2, 2)
        contract: dict[str, Any] = {
            "spot": np.exp(moneyness),
            "strike": 1.0,
            "years": years,
            "rate": np.exp(random.uniform(np.log(1e-6), np.log(0.3), count)),
            "dividend_yield": random.uniform(-0.1, 0.2, count),
            "volatility": volatility,
            "is_call": False,
        }
        gap = np.abs(price(**contract).price - price(**contract, accuracy=Accuracy.ACCURATE).price)
        assert np.median(gap) < 1e-9
        assert np.quantile(gap, 0.99) < 5e-6
        assert gap.max() < 3e-4
