"""American implied volatility: round trips, and a reason wherever there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.pricing.american import Accuracy, implied_volatility, price
from scanner.pricing.implied_volatility import IV_REASON_CODE, IvReason
from scanner.pricing.implied_volatility import implied_volatility as european_volatility
from tests.reference.american_grid import american_grid
from tests.unit.scanner.pricing.american.test_price import both, options


def without_volatility(**changes: Any) -> dict[str, Any]:
    contract = options(**changes)
    del contract["volatility"]
    return contract


def reason(code: Any) -> IvReason | None:
    return None if code == 0 else list(IvReason)[int(code) - 1]


@both
def test_round_trip_on_the_grid(accuracy: Accuracy) -> None:
    grid = american_grid(3000)
    volatility = grid.pop("volatility")
    value = price(**grid, volatility=volatility, accuracy=accuracy).price
    found = implied_volatility(price=value, **grid, accuracy=accuracy)
    pays = np.where(grid["is_call"], 1, -1) * (grid["spot"] - grid["strike"])
    with_time_value = value > pays + 1e-3
    assert found.unconverged == 0
    assert np.all(found.reason[with_time_value] == 0)
    error = np.abs(found.volatility - volatility)
    assert np.nanmedian(error) < 1e-12
    assert np.nanmax(error[with_time_value]) < 1e-6
    assert np.all((found.reason == 0) == ~np.isnan(found.volatility))


def test_known_volatility_reproduces_the_price_over_the_whole_domain() -> None:
    random = np.random.default_rng(12)
    count = 5000
    volatility = np.exp(random.uniform(np.log(0.01), np.log(5), count))
    years = np.exp(random.uniform(np.log(1 / 525_600), np.log(3), count))
    moneyness = np.clip(random.normal(0, 1.2, count) * volatility * np.sqrt(years), -2, 2)
    contract: dict[str, Any] = {
        "spot": 100 * np.exp(moneyness),
        "strike": 100.0,
        "years": years,
        "rate": random.uniform(-0.02, 0.2, count),
        "dividend_yield": random.uniform(-0.02, 0.2, count),
        "is_call": random.random(count) < 0.5,
    }
    value = price(**contract, volatility=volatility).price
    found = implied_volatility(price=value, **contract)
    assert found.unconverged == 0
    known = found.reason == 0
    assert known.mean() > 0.8
    again = price(**contract, volatility=found.volatility).price
    np.testing.assert_allclose(again[known], value[known], rtol=1e-7, atol=1e-9)
    assert np.abs(found.volatility - volatility)[known].max() < 2e-3


@given(
    spot=st.floats(50, 200),
    years=st.floats(1 / 525_600, 3),
    rate=st.floats(-0.03, 0.2),
    dividend_yield=st.floats(-0.03, 0.2),
    is_call=st.booleans(),
    quoted=st.floats(0, 150),
)
def test_any_quote_has_a_volatility_or_a_reason(quoted: float, **contract: Any) -> None:
    found = implied_volatility(price=quoted, strike=100.0, **contract)
    assert found.unconverged == 0
    if found.reason == 0:
        again = price(strike=100.0, volatility=found.volatility, **contract).price
        assert again == pytest.approx(quoted, rel=1e-6, abs=1e-6)
    else:
        assert np.isnan(found.volatility)


class TestReasons:
    @pytest.mark.parametrize("quoted", [1e-14, 1e-30, 1.13e-140])
    def test_at_the_money_a_vanishing_price_says_nothing(self, quoted: float) -> None:
        """The search walks down for ever there: its end is no failure to converge."""
        found = implied_volatility(
            price=quoted, spot=100.0, strike=100.0, years=1.0, rate=0.125, dividend_yield=0.125, is_call=False
        )
        assert reason(found.reason) is IvReason.VEGA_NEGLIGIBLE
        assert found.unconverged == 0

    def test_at_and_below_what_exercise_pays(self) -> None:
        found = implied_volatility(price=[20.0, 19.99, 20.5], **without_volatility(strike=120.0))
        assert [reason(code) for code in found.reason] == [IvReason.VEGA_NEGLIGIBLE, IvReason.BELOW_INTRINSIC, None]

    def test_a_hair_above_exercise_says_nothing(self) -> None:
        found = implied_volatility(price=20.0 + 1e-9, **without_volatility(strike=120.0))
        assert reason(found.reason) is IvReason.VEGA_NEGLIGIBLE

    def test_most_a_put_and_a_call_can_cost(self) -> None:
        put = implied_volatility(price=[105.0, 106.0], **without_volatility())
        call = implied_volatility(price=[100.0, 101.0], **without_volatility(is_call=True))
        for found in (put, call):
            assert [reason(code) for code in found.reason] == [IvReason.ABOVE_MAXIMUM] * 2

    def test_beyond_the_european_maximum(self) -> None:
        discounted = 105.0 * np.exp(-0.05 * 0.75)
        found = implied_volatility(price=discounted + 0.5, **without_volatility())
        assert found.reason == 0
        assert price(**options(volatility=found.volatility)).price == pytest.approx(discounted + 0.5, abs=1e-6)

    def test_nothing_left_and_nothing_known(self) -> None:
        found = implied_volatility(
            price=[6.0, np.nan, 6.0, 6.0, -1.0, 0.0, np.inf],
            **without_volatility(
                years=[0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
                rate=[0.05, 0.05, -0.01, np.nan, 0.05, 0.05, 0.05],
                dividend_yield=[0.0, 0.0, -0.02, 0.0, 0.0, 0.0, 0.0],
                spot=110.0,
            ),
        )
        assert [reason(code) for code in found.reason] == [
            IvReason.NO_TIME,
            IvReason.INVALID_INPUT,
            IvReason.DOUBLE_BOUNDARY,
            IvReason.INVALID_INPUT,
            IvReason.BELOW_INTRINSIC,
            IvReason.VEGA_NEGLIGIBLE,
            IvReason.INVALID_INPUT,
        ]
        assert np.all(np.isnan(found.volatility))

    def test_codes_are_those_of_the_european_solver(self) -> None:
        assert IV_REASON_CODE[IvReason.UNCONVERGED] == len(IvReason)


def test_european_where_never_exercised() -> None:
    contract = without_volatility(is_call=True, dividend_yield=0.0, spot=100.0)
    found = implied_volatility(price=9.0, **contract)
    forward = 100.0 * np.exp(0.05 * 0.75)
    european = european_volatility(price=9.0, forward=forward, strike=105.0, years=0.75, rate=0.05, is_call=True)
    assert found.volatility == pytest.approx(float(european.volatility), rel=1e-9)
