"""American Greeks against finite differences of accurate prices, at the boundary, and in the limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scanner.pricing import black_scholes
from scanner.pricing.american import Accuracy, greeks, price
from tests.reference.american_grid import american_grid
from tests.unit.scanner.pricing.american.test_price import both, options

NAMES = ("delta", "gamma", "theta", "vega")


def accurate(contract: dict[str, Any], **changes: Any) -> Any:
    return price(**{**contract, **changes}, accuracy=Accuracy.ACCURATE).price


def differences(contract: dict[str, Any]) -> dict[str, Any]:
    """Central differences; theta moves the spot along the forward."""
    spot, years, volatility = contract["spot"], contract["years"], contract["volatility"]
    drift = contract["rate"] - contract["dividend_yield"]
    h, v, t = 0.05, 1e-3, 1e-3 * years
    up, here, down = (accurate(contract, spot=spot + shift) for shift in (h, 0.0, -h))
    later = accurate(contract, years=years - t, spot=spot * np.exp(drift * t))
    sooner = accurate(contract, years=years + t, spot=spot * np.exp(-drift * t))
    more, less = accurate(contract, volatility=volatility + v), accurate(contract, volatility=volatility - v)
    return {
        "delta": (up - down) / (2 * h),
        "gamma": (up - 2 * here + down) / h**2,
        "theta": (later - sooner) / (2 * t) / 365,
        "vega": (more - less) / (2 * v) / 100,
    }


@both
def test_finite_differences_on_the_grid(accuracy: Accuracy) -> None:
    grid = american_grid()
    found, expected = greeks(**grid, accuracy=accuracy), differences(grid)
    kept = found.price > np.where(grid["is_call"], 1, -1) * (grid["spot"] - grid["strike"]) + 0.01
    assert kept.sum() > 350
    for name, allowed in (("delta", 1e-4), ("gamma", 5e-5), ("theta", 5e-5), ("vega", 2e-4)):
        error = np.abs(getattr(found, name) - expected[name])[kept]
        assert error.max() < allowed, name
        assert np.median(error) < allowed / 50, name


def test_price_and_premium_are_those_of_price() -> None:
    grid = american_grid()
    for accuracy in Accuracy:
        one, other = greeks(**grid, accuracy=accuracy), price(**grid, accuracy=accuracy)
        np.testing.assert_array_equal(one.price, other.price)
        np.testing.assert_array_equal(one.premium, other.premium)


def test_black_scholes_equation() -> None:
    """Theta, delta and gamma satisfy it by construction; the difference in time does so on its own."""
    grid = american_grid()
    found = greeks(**grid, accuracy=Accuracy.ACCURATE)
    kept = np.abs(found.delta) < 0.999
    assert np.abs(found.theta - differences(grid)["theta"])[kept].max() < 2e-6


@pytest.mark.parametrize("is_call", [False, True])
def test_right_at_the_boundary(is_call: bool) -> None:
    """Delta continues that of exercise; gamma jumps from 2 (r K - q B)/(sigma B)^2 of the put to 0."""
    r, q, sigma = 0.06, 0.02, 0.25
    low, high = (100.0, 300.0) if is_call else (30.0, 100.0)
    contract = options(strike=100.0, years=0.5, rate=q if is_call else r, dividend_yield=r if is_call else q)
    contract |= {"volatility": sigma, "is_call": is_call}
    for _ in range(60):
        middle = 0.5 * (low + high)
        exercised = abs(greeks(**{**contract, "spot": middle}, accuracy=Accuracy.ACCURATE).delta) == 1.0
        low, high = (low, middle) if exercised == is_call else (middle, high)
    bound = 0.5 * (low + high)
    kept = greeks(**{**contract, "spot": bound * (0.999999 if is_call else 1.000001)}, accuracy=Accuracy.ACCURATE)
    gone = greeks(**{**contract, "spot": bound * (1.000001 if is_call else 0.999999)}, accuracy=Accuracy.ACCURATE)
    gained = (r * bound - q * 100.0) if is_call else (r * 100.0 - q * bound)
    assert kept.delta == pytest.approx(1.0 if is_call else -1.0, abs=2e-5)
    assert kept.gamma == pytest.approx(2 * gained / (sigma * bound) ** 2, rel=2e-3)
    assert kept.vega == pytest.approx(0.0, abs=1e-4)
    assert gone.gamma == 0.0
    assert gone.vega == 0.0
    assert abs(gone.delta) == 1.0


def test_exercised_stands_still_while_the_spot_follows_the_forward() -> None:
    for contract in (
        options(strike=200.0, volatility=0.2),
        options(strike=40.0, volatility=0.2, is_call=True, rate=0.01, dividend_yield=0.08),
    ):
        found = greeks(**contract)
        sign = 1.0 if contract["is_call"] else -1.0
        drift = contract["rate"] - contract["dividend_yield"]
        assert found.delta == sign
        assert found.theta == pytest.approx(drift * 100.0 * sign / 365, rel=1e-12)


def test_european_where_never_exercised() -> None:
    contract = options(is_call=True, dividend_yield=0.0)
    found, european = greeks(**contract), black_scholes.greeks(**contract)
    for name in NAMES:
        assert getattr(found, name) == getattr(european, name)


def test_out_of_the_money_tends_to_european() -> None:
    contract = options(strike=60.0, years=0.1)
    found, european = greeks(**contract), black_scholes.greeks(**contract)
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(float(getattr(european, name)), rel=1e-2)


def test_without_randomness() -> None:
    found = greeks(**options(spot=[90.0, 105.0, 120.0], years=0.0))
    np.testing.assert_array_equal(found.delta, [-1.0, np.nan, 0.0])
    np.testing.assert_array_equal(found.gamma, [0.0, np.nan, 0.0])
    np.testing.assert_array_equal(found.vega, [0.0, np.nan, 0.0])
    waits = options(volatility=0.0, rate=0.03, dividend_yield=0.08, spot=50.0, strike=100.0, years=30.0)
    waits["spot"] = 40.0 / 0.8
    sure = greeks(**waits)
    h = 0.01
    up, here, down = (price(**{**waits, "spot": waits["spot"] + shift}).price for shift in (h, 0.0, -h))
    assert sure.delta == pytest.approx((up - down) / (2 * h), abs=1e-6)
    assert sure.gamma == pytest.approx((up - 2 * here + down) / h**2, abs=1e-6)
    assert sure.vega == 0.0


def test_unknown_stays_unknown() -> None:
    found = greeks(**options(rate=[-0.01, np.nan, 0.05], dividend_yield=-0.03))
    for name in ("price", "premium", *NAMES):
        assert np.isnan(getattr(found, name)).tolist() == [True, True, False]
