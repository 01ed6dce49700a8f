"""Cash dividends: the bounds hold and the stated limits are met against a binomial tree of the same model."""

from __future__ import annotations

import numpy as np
import pytest

from scanner.errors import InputError
from scanner.pricing.american import escrowed_spot, price, price_with_dividends
from scanner.pricing.implied_volatility import IV_REASON_CODE, IvReason
from tests.reference import american

STRIKES = np.array([80.0, 90.0, 100.0, 110.0, 120.0, 130.0])
STEPS = 400
TREE_ERROR = 3e-3


def quarterly(first: float, amount: float) -> list[tuple[float, float]]:
    return [(first + 0.25 * number, amount) for number in range(4)]


@pytest.mark.parametrize("is_call", [False, True])
@pytest.mark.parametrize("amount", [0.25, 1.0])
@pytest.mark.parametrize(("years", "first"), [(0.1, 0.05), (0.25, 0.2), (0.5, 0.2), (1.0, 0.05), (1.0, 0.2)])
@pytest.mark.parametrize("volatility", [0.2, 0.4])
def test_limits_against_a_tree(is_call: bool, amount: float, years: float, first: float, volatility: float) -> None:
    dividends = quarterly(first, amount)
    found = price_with_dividends(
        spot=100.0,
        strike=STRIKES,
        years=years,
        rate=0.05,
        volatility=volatility,
        is_call=is_call,
        dividends=dividends,
    )
    tree = np.array(
        [
            american.american(
                100.0, strike, years, 0.05, 0.0, volatility, is_call=is_call, steps=STEPS, dividends=dividends
            )
            for strike in STRIKES.tolist()
        ]
    )
    assert np.all(found.lower <= tree + TREE_ERROR)
    assert np.all(tree <= found.upper + TREE_ERROR)
    assert np.all((found.lower <= found.price) & (found.price <= found.upper))
    off = np.abs(found.price - tree).max()
    assert off < (0.35 if is_call else 0.75)
    if amount == 0.25:
        assert off < (0.05 if is_call else 0.16)


@pytest.mark.parametrize("amount", [0.25, 1.0])
@pytest.mark.parametrize("volatility", [0.15, 0.3])
@pytest.mark.parametrize(("days", "first"), [(30, 0.02), (60, 0.02), (60, 0.06)])
def test_puts_out_of_the_money_of_up_to_sixty_days(amount: float, volatility: float, days: int, first: float) -> None:
    strikes = np.array([85.0, 90.0, 95.0])
    years = days / 365
    found = price_with_dividends(
        spot=100.0,
        strike=strikes,
        years=years,
        rate=0.05,
        volatility=volatility,
        is_call=False,
        dividends=[(first, amount)],
    )
    tree = [
        american.american(
            100.0, strike, years, 0.05, 0.0, volatility, is_call=False, steps=STEPS, dividends=[(first, amount)]
        )
        for strike in strikes.tolist()
    ]
    assert np.abs(found.price - tree).max() <= 0.03 + TREE_ERROR


def test_the_tree_without_dividends_is_the_model_without() -> None:
    plain = price(spot=100.0, strike=STRIKES, years=0.5, rate=0.05, dividend_yield=0.0, volatility=0.3, is_call=False)
    none = price_with_dividends(
        spot=100.0, strike=STRIKES, years=0.5, rate=0.05, volatility=0.3, is_call=False, dividends=[]
    )
    late = price_with_dividends(
        spot=100.0,
        strike=STRIKES,
        years=0.5,
        rate=0.05,
        volatility=0.3,
        is_call=False,
        dividends=[(0.51, 9.0), (0.0, 9.0)],
    )
    for found in (none, late):
        np.testing.assert_allclose(found.price, plain.price, rtol=1e-12)
        np.testing.assert_allclose(found.premium, plain.premium, rtol=1e-9, atol=1e-12)


def test_call_is_exercised_before_a_large_dividend() -> None:
    found = price_with_dividends(
        spot=100.0, strike=80.0, years=0.5, rate=0.03, volatility=0.1, is_call=True, dividends=[(0.01, 5.0)]
    )
    assert found.price == pytest.approx(100 - 80 * np.exp(-0.03 * 0.01), abs=1e-6)
    assert found.premium > 3.0


def test_escrowed_spot_counts_what_goes_ex_within_the_life() -> None:
    dividends = [(-0.1, 1.0), (0.0, 1.0), (0.25, 2.0), (0.5, 3.0)]
    rest = escrowed_spot(spot=100.0, years=[0.2, 0.25, 0.5], rate=0.04, dividends=dividends)
    first, second = 2.0 * np.exp(-0.01), 3.0 * np.exp(-0.02)
    np.testing.assert_allclose(rest, [100.0, 100.0 - first, 100.0 - first - second], rtol=1e-14)


def test_dividends_worth_the_stock_are_refused() -> None:
    found = price_with_dividends(
        spot=[10.0, 100.0], strike=10.0, years=1.0, rate=0.0, volatility=0.3, is_call=False, dividends=[(0.5, 10.0)]
    )
    assert found.reason.tolist() == [IV_REASON_CODE[IvReason.INVALID_INPUT], 0]
    for column in (found.price, found.lower, found.upper, found.premium):
        assert np.isnan(column).tolist() == [True, False]


@pytest.mark.parametrize("dividend", [(0.5, -1.0), (np.nan, 1.0), (0.5, np.inf)])
def test_impossible_dividends_raise(dividend: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="dividend"):
        escrowed_spot(spot=100.0, years=1.0, rate=0.0, dividends=[dividend])
