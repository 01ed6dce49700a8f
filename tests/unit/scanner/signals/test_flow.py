from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scanner import schema
from scanner.signals.flow import contract_flow, unknown_scores
from tests.reference import signals as reference
from tests.reference.signals import Contract
from tests.unit.scanner.signals.frames import facts

MAYBE = st.none() | st.just(0.0)

CONTRACTS = st.builds(
    Contract,
    side=st.sampled_from(["call", "put"]),
    strike=st.floats(80, 120),
    spot=st.floats(50, 150) | st.none(),
    mark=st.floats(0.01, 50) | MAYBE,
    iv=st.floats(0.01, 5) | st.none(),
    delta=st.floats(-1, 1) | st.none(),
    gamma=st.floats(0, 1) | st.none(),
    volume=st.integers(0, 100_000).map(float) | st.none(),
    interest=st.integers(0, 100_000).map(float) | st.none(),
    multiplier=st.sampled_from([10.0, 100.0]),
    shares=st.integers(0, 10**9).map(float) | st.none(),
)


def flow(*contracts: Contract) -> pd.DataFrame:
    return contract_flow(facts(contracts), underlying_volume=contracts[0].shares)


def same(value: float, expected: float | None) -> bool:
    return math.isnan(value) if expected is None else value == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(CONTRACTS)
def test_every_score_is_what_the_definitions_say(one: Contract) -> None:
    row = flow(one).iloc[0]
    assert same(row["vol_oi_ratio"], reference.vol_oi_ratio(one))
    assert same(row["whale_exact"], reference.whale_exact(one))
    exact = reference.oi_exact(one)
    assert math.isnan(row["oi_score"]) if exact is None else abs(row["oi_score"] - exact) <= 0.5 + 1e-6 * exact


def test_a_worked_example() -> None:
    """|0.5| x 100 / 2 x 0.3 = 7.5; 1000 / 200 = 5; 1000 x 2 x 100 / (100 x 1e6) = 0.002; x 1000 = 75."""
    row = flow(Contract("call", 101.0)).iloc[0]
    assert row["valr"] == pytest.approx(7.5)
    assert row["vol_oi_ratio"] == 5.0
    assert row["notional"] == 200_000.0
    assert row["dollar_ratio"] == pytest.approx(0.002)
    assert row["whale_score"] == 75
    assert row["oi_score"] == 1_000
    assert row["gex"] == pytest.approx(0.02 * 200 * 100 * 100**2 * 0.01)


@pytest.mark.parametrize(
    ("strike", "whale_known", "fresh_known"),
    [(95.0, True, True), (94.99, False, True), (105.0, True, True), (90.0, False, True), (89.99, False, False)],
)
def test_only_strikes_near_the_spot_have_scores(strike: float, whale_known: bool, fresh_known: bool) -> None:
    row = flow(Contract("put", strike)).iloc[0]
    assert (not math.isnan(row["whale_score"])) is whale_known
    assert (not math.isnan(row["oi_score"])) is fresh_known


@pytest.mark.parametrize(("interest", "flag"), [(0.0, "new_strike"), (None, "oi_unknown"), (1.0, "")])
def test_a_new_strike_is_told_from_an_unknown_one(interest: float | None, flag: str) -> None:
    row = flow(Contract("call", 100.0, interest=interest)).iloc[0]
    assert row["flags"] == flag
    assert math.isnan(row["vol_oi_ratio"]) is bool(flag)


@pytest.mark.parametrize("missing", ["spot", "mark", "iv", "delta", "volume", "interest", "shares"])
def test_a_missing_input_leaves_the_whale_score_unknown(missing: str) -> None:
    one = dataclasses.replace(Contract("call", 100.0), **{missing: None})  # type: ignore[arg-type]
    assert math.isnan(flow(one).iloc[0]["whale_score"])


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (Contract("call", 100.0, spot=None, volume=None, shares=None), "no_spot"),
        (Contract("put", 1.0, spot=None), "no_spot"),  # near or far: without a spot nobody can tell
        (Contract("call", 100.0, volume=None, interest=None), "volume_unknown"),
        (Contract("call", 100.0, interest=None, mark=None), "oi_unknown"),
        (Contract("call", 100.0, interest=0.0, mark=None), "new_strike"),
        (Contract("call", 100.0, mark=None, iv=None), "no_two_sided_quote"),
        (Contract("call", 100.0, iv=None, delta=None, shares=None), "no_implied_volatility"),
        (Contract("call", 100.0, shares=None), "underlying_volume_unknown"),
        (Contract("call", 100.0, mark=0.0), "no_price_or_shares"),
        (Contract("call", 100.0, shares=0.0), "no_price_or_shares"),
    ],
)
def test_an_unknown_score_is_counted_under_the_first_input_that_is_missing(one: Contract, reason: str) -> None:
    assert unknown_scores(flow(one)) == {reason: 1}


def test_unknown_scores_of_a_chain_by_hand() -> None:
    """Of nine contracts two have a score and two are further than 5 % from the spot of 100; five are counted."""
    chain = flow(
        Contract("call", 100.0),
        Contract("put", 95.0),
        Contract("call", 105.01, volume=None),
        Contract("put", 90.0, iv=None),
        Contract("call", 105.0, volume=None),
        Contract("put", 95.0, volume=None),
        Contract("call", 101.0, interest=0.0),
        Contract("call", 102.0, interest=None),
        Contract("put", 99.0, iv=None),
    )
    assert chain["whale_exact"].notna().sum() == 2
    assert unknown_scores(chain) == {"volume_unknown": 2, "new_strike": 1, "oi_unknown": 1, "no_implied_volatility": 1}


def test_no_contracts_and_no_unknown_scores_are_an_empty_account() -> None:
    assert unknown_scores(flow(Contract("call", 100.0))) == {}
    assert unknown_scores(schema.FLOW.empty()) == {}


@given(st.lists(CONTRACTS, min_size=1, max_size=12))
def test_scores_and_reasons_add_up_to_the_contracts_near_the_spot(contracts: list[Contract]) -> None:
    contracts = [dataclasses.replace(one, shares=contracts[0].shares) for one in contracts]
    known = sum(reference.whale_exact(one) is not None for one in contracts)
    near = sum(one.spot is None or reference.near(one, 5) for one in contracts)
    assert sum(unknown_scores(flow(*contracts)).values()) == near - known


KNOWN = st.builds(
    Contract,
    side=st.sampled_from(["call", "put"]),
    strike=st.floats(95, 105),
    iv=st.floats(0.01, 5),
    delta=st.floats(-1, 1),
    volume=st.floats(0, 1e5),
    interest=st.floats(1, 1e5),
    shares=st.floats(1, 1e9),
)


@given(KNOWN, st.floats(1.01, 10))
def test_more_volume_never_lowers_and_more_open_interest_never_raises_the_score(one: Contract, times: float) -> None:
    base = flow(one).iloc[0]["whale_exact"]
    assert flow(dataclasses.replace(one, volume=(one.volume or 0) * times)).iloc[0]["whale_exact"] >= base
    assert flow(dataclasses.replace(one, interest=(one.interest or 0) * times)).iloc[0]["whale_exact"] <= base


@given(CONTRACTS, st.sampled_from([0.01, 10.0, 1000.0]))
def test_prices_in_other_units_leave_the_whale_score_alone(one: Contract, scale: float) -> None:
    other = dataclasses.replace(
        one,
        strike=one.strike * scale,
        spot=None if one.spot is None else one.spot * scale,
        mark=None if one.mark is None else one.mark * scale,
    )
    assume(one.spot is None or abs(abs(one.strike / one.spot - 1) - 0.05) > 1e-9)
    before, after = (flow(contract).iloc[0]["whale_exact"] for contract in (one, other))
    assert same(after, None if math.isnan(before) else before)


def test_one_tick_of_the_quote_moves_the_score_not_at_all_at_a_given_volatility() -> None:
    before, after = (flow(Contract("call", 100.0, mark=mark)).iloc[0]["whale_exact"] for mark in (2.0, 2.01))
    assert after == pytest.approx(before, rel=1e-12)


def test_the_order_of_contracts_does_not_matter() -> None:
    contracts = [Contract("call", 95.0 + strike, volume=100.0 * strike) for strike in range(10)]
    forwards, backwards = flow(*contracts), flow(*contracts[::-1])
    pd.testing.assert_frame_equal(forwards, backwards[::-1].reset_index(drop=True))


def test_adjusted_contracts_are_left_out_and_an_empty_chain_is_fine() -> None:
    frame = contract_flow(facts([Contract("call", 100.0)], adjusted=True), underlying_volume=1.0)
    assert frame.empty
    schema.validate(frame, schema.FLOW)
    schema.validate(flow(Contract("put", 100.0)), schema.FLOW)
    assert np.isnan(contract_flow(facts([Contract("call", 100.0)]), underlying_volume=None)["whale_score"]).all()
