"""Expected values are computed by hand from definitions 2."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import returns
from scanner.pricing.arrays import Floats

NAN = float("nan")


def floats(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


# a put at 95 and a covered call at 105 on a stock at 100, sold at 1.90
IS_PUT = np.array([True, False])
STRIKE = floats(95, 105)
SPOT = floats(100, 100)
PREMIUM = floats(1.90, 1.90)
COLLATERAL = returns.collateral(strike=STRIKE, spot=SPOT, is_put=IS_PUT)


def test_both_strategies_by_hand() -> None:
    np.testing.assert_array_equal(COLLATERAL, [95, 100])
    percent = returns.premium_pct(premium=PREMIUM, collateral=COLLATERAL)
    np.testing.assert_allclose(percent, [2.0, 1.9], rtol=1e-15)
    even = returns.break_even(premium=PREMIUM, collateral=COLLATERAL)
    np.testing.assert_allclose(even, [93.10, 98.10], rtol=1e-15)
    np.testing.assert_allclose(returns.downside_protection(spot=SPOT, break_even=even), [6.9, 1.9], rtol=1e-13)
    called = returns.if_called_return(premium=PREMIUM, strike=STRIKE, spot=SPOT, is_put=IS_PUT)
    np.testing.assert_allclose(called, [NAN, 6.9], rtol=1e-14)


def test_scaling_by_hand() -> None:
    percent, days = floats(2.0, 2.0, 2.0, NAN), floats(20, 0, -3, 20)
    daily = returns.scaled_return(premium_pct=percent, dte=days, days=1)
    np.testing.assert_allclose(daily, [0.1, NAN, NAN, NAN], rtol=1e-15)
    np.testing.assert_allclose(returns.scaled_return(premium_pct=percent, dte=days, days=30)[0], 3.0, rtol=1e-15)
    np.testing.assert_allclose(returns.scaled_return(premium_pct=percent, dte=days, days=365)[0], 36.5, rtol=1e-15)


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        # two-sided, locked, zero bid, no bid, no ask, crossed
        (0.0, [1.00, 2.00, NAN, NAN, 1.00, 3.00]),
        (0.5, [1.05, 2.00, NAN, NAN, NAN, NAN]),
        (0.25, [1.025, 2.00, NAN, NAN, NAN, NAN]),
        (1.0, [1.10, 2.00, NAN, NAN, NAN, NAN]),
    ],
)
def test_basis(fraction: float, expected: list[float]) -> None:
    bid = floats(1.00, 2.00, 0.00, NAN, 1.00, 3.00)
    ask = floats(1.10, 2.00, 0.05, 1.00, NAN, 2.50)
    np.testing.assert_allclose(returns.seller_premium(bid=bid, ask=ask, fraction=fraction), expected, rtol=1e-15)


def test_unknown_stays_unknown() -> None:
    nothing, two = floats(NAN, NAN), floats(2.0, 2.0)
    collateral = returns.collateral(strike=STRIKE, spot=nothing, is_put=IS_PUT)
    np.testing.assert_array_equal(collateral, [95, NAN])
    np.testing.assert_array_equal(np.isnan(returns.premium_pct(premium=two, collateral=collateral)), [False, True])
    np.testing.assert_array_equal(np.isnan(returns.break_even(premium=nothing, collateral=COLLATERAL)), [True, True])
    assert np.isnan(returns.downside_protection(spot=nothing, break_even=two)).all()
    assert np.isnan(returns.if_called_return(premium=two, strike=STRIKE, spot=nothing, is_put=IS_PUT)).all()


def test_zero_collateral_has_no_percentage() -> None:
    assert np.isnan(returns.premium_pct(premium=floats(1.0), collateral=floats(0.0))).all()
    assert np.isnan(returns.downside_protection(spot=floats(0.0), break_even=floats(0.0))).all()


@given(
    bid=st.floats(0.01, 1e3),
    width=st.floats(0.0, 1e3),
    low=st.floats(0.0, 1.0),
    high=st.floats(0.0, 1.0),
)
def test_more_fill_never_pays_less(bid: float, width: float, low: float, high: float) -> None:
    quotes = {"bid": floats(bid), "ask": floats(bid + width)}
    worse = returns.seller_premium(**quotes, fraction=min(low, high))
    better = returns.seller_premium(**quotes, fraction=max(low, high))
    assert worse[0] <= better[0] + 1e-9
    assert bid <= worse[0]
    assert better[0] <= bid + width + 1e-9
