from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scanner.errors import InputError
from scanner.pricing.black_scholes import price
from scanner.pricing.model_free import ModelFreeVariance, model_free_variance, volatility_index
from tests.reference.shared_data import shared_path

MINUTES = 365 * 24 * 60


def white_paper(days: int, minutes: int) -> ModelFreeVariance:
    options = pd.read_csv(shared_path("reference/vix_2009/options.csv"))
    options = options[options["Days"] == days]
    return model_free_variance(
        strike=options["Strike"],
        call_bid=options["Call Bid"],
        call_ask=options["Call Ask"],
        put_bid=options["Put Bid"],
        put_ask=options["Put Ask"],
        years=minutes / MINUTES,
        rate=0.0038,
    )


def test_the_white_papers_example_of_2009() -> None:
    """Times, forwards, variances and the index as printed on its pages 5 to 9: 8:30 in the morning, 9 and 37 days."""
    near_minutes, far_minutes = 930 + 510 + 11_520, 930 + 510 + 51_840
    near, far = white_paper(9, near_minutes), white_paper(37, far_minutes)
    assert near.forward == pytest.approx(920.50005, abs=1e-5)
    assert far.forward == pytest.approx(921.00039, abs=1e-5)
    assert near.variance == pytest.approx(0.4727679, abs=1e-6)
    assert far.variance == pytest.approx(0.3668180, abs=1e-6)
    index = volatility_index(
        near_years=near_minutes / MINUTES,
        near_variance=near.variance,
        far_years=far_minutes / MINUTES,
        far_variance=far.variance,
    )
    assert 100 * index == pytest.approx(61.22, abs=0.01)


def strip(volatility: float = 0.3, **changes: Any) -> ModelFreeVariance:
    strike = np.arange(20.0, 400.0, 1.0)
    both = {
        side: price(
            spot=100.0,
            strike=strike,
            years=0.25,
            rate=0.03,
            dividend_yield=0.01,
            volatility=volatility,
            is_call=side == "call",
        )
        for side in ("call", "put")
    }
    quotes = {f"{side}_{end}": values for side, values in both.items() for end in ("bid", "ask")}
    return model_free_variance(**{"strike": strike, **quotes, "years": 0.25, "rate": 0.03, **changes})


@pytest.mark.parametrize("volatility", [0.1, 0.3, 0.6])
def test_a_flat_smiles_variance_is_its_own(volatility: float) -> None:
    found = strip(volatility)
    assert math.sqrt(found.variance) == pytest.approx(volatility, rel=0.005)
    assert found.forward == pytest.approx(100 * math.exp(0.02 * 0.25), rel=1e-9)


def test_the_order_of_strikes_does_not_matter() -> None:
    mixed = np.random.default_rng(2).permutation(5)
    strike = np.array([90.0, 95.0, 100.0, 105.0, 110.0])
    call, put = np.array([11.0, 7.0, 4.0, 2.0, 1.0]), np.array([1.0, 2.0, 4.0, 7.0, 11.0])
    ordered, other = (
        model_free_variance(
            strike=strike[at],
            call_bid=call[at],
            call_ask=call[at],
            put_bid=put[at],
            put_ask=put[at],
            years=0.1,
            rate=0.0,
        )
        for at in (np.arange(5), mixed)
    )
    assert ordered == other
    by_hand = 5 * (1 / 90**2 + 2 / 95**2 + 4 / 100**2 + 2 / 105**2 + 1 / 110**2) * 2 / 0.1
    assert ordered.variance == pytest.approx(by_hand)
    assert ordered.strikes == 5


def test_two_zero_bids_in_a_row_end_the_strip_and_single_ones_are_left_out() -> None:
    strike = np.arange(70.0, 135.0, 5.0)
    call = np.array([30, 25, 20, 15.2, 11, 7, 4, 2, 1, 0.5, 0.3, 0.2, 0.1])
    put = call[::-1].copy()
    call_bid, put_bid = call.copy(), put.copy()
    put_bid[3] = 0.0
    call_bid[[9, 10]] = 0.0
    found = model_free_variance(
        strike=strike, call_bid=call_bid, call_ask=call, put_bid=put_bid, put_ask=put, years=0.1, rate=0.0
    )
    assert found.strikes == 13 - 1 - 4


def test_unknown_where_nothing_quotes_both_sides() -> None:
    nothing = np.full(380, np.nan)
    found = strip(put_bid=nothing)
    assert math.isnan(found.variance)
    assert math.isnan(found.forward)
    assert found.strikes == 0


@pytest.mark.parametrize("years", [0.0, -0.1, math.nan, math.inf])
def test_senseless_time_raises(years: float) -> None:
    with pytest.raises(InputError, match="years must be positive"):
        strip(years=years)


def test_lengths_that_differ_raise() -> None:
    with pytest.raises(InputError):
        strip(strike=np.arange(3.0))


def test_the_index_is_linear_in_total_variance() -> None:
    found = volatility_index(near_years=0.05, near_variance=0.09, far_years=0.1, far_variance=0.04, years=0.075)
    assert found == pytest.approx(math.sqrt((0.05 * 0.09 + 0.1 * 0.04) / 2 / 0.075))
    assert math.isnan(volatility_index(near_years=0.05, near_variance=math.nan, far_years=0.1, far_variance=0.04))
    with pytest.raises(InputError, match="near expiration"):
        volatility_index(near_years=0.1, near_variance=0.04, far_years=0.05, far_variance=0.04)
