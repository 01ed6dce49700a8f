from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scanner import schema
from scanner.signals.composite import Band, band, opportunities, signal_types, skew_points
from scanner.signals.expirations import expiration_signals
from scanner.signals.flow import contract_flow
from tests.reference import signals as reference
from tests.reference.signals import Contract
from tests.unit.scanner.signals.frames import facts

SIDE = st.sampled_from(["call", "put"])
SKEW = st.floats(-20, 20) | st.sampled_from([-1.0, 0.0, 3.0, 4.0, 5.0, 6.0]) | st.none()
RATIO = st.floats(-100, 100) | st.sampled_from([-30.0, 30.0]) | st.none()


def array(value: float | None) -> np.ndarray:
    return np.array([math.nan if value is None else value])


@given(SIDE, SKEW)
def test_skew_points(side: str, skew: float | None) -> None:
    assert skew_points(array(skew), np.array([side == "call"]))[0] == reference.skew_points(side, skew)


@given(SIDE, SKEW, RATIO)
def test_the_first_signal_that_matches(side: str, skew: float | None, ratio: float | None) -> None:
    found = signal_types(array(skew), array(ratio), np.array([side == "call"]))
    assert found == [reference.signal(side, skew, ratio)]


def scored(contracts: list[Contract], skew: float | None) -> pd.DataFrame:
    frame = facts(contracts)
    flow = contract_flow(frame, underlying_volume=contracts[0].shares)
    expirations = expiration_signals(frame, flow).assign(skew_25d=math.nan if skew is None else skew)
    return opportunities(flow, expirations)


CONTRACTS = st.builds(
    Contract,
    side=SIDE,
    strike=st.floats(95, 105),
    volume=st.sampled_from([99.0, 100.0, 299.0, 300.0, 600.0, 800.0, 2_000.0]),
    interest=st.sampled_from([0.0, 25.0, 33.0, 100.0, 200.0]) | st.none(),
    shares=st.sampled_from([1e4, 1e5, 1e6, 1e7]),
    iv=st.floats(0.05, 2),
    delta=st.floats(-1, 1),
)


@given(CONTRACTS, SKEW)
def test_an_opportunity_and_its_points_are_what_the_definitions_say(one: Contract, skew: float | None) -> None:
    whale = reference.whale_exact(one)
    assume(whale is None or all(abs(whale / limit - 1) > 1e-9 for limit in (50, 100, 200)))
    found = scored([one], skew)
    schema.validate(found, schema.OPPORTUNITY)
    assert len(found) == reference.is_opportunity(one)
    if len(found):
        row, parts = found.iloc[0], reference.points(one, skew)
        assert (row["whale_points"], row["fresh_points"], row["skew_points"]) == parts
        assert row["composite_score"] == sum(parts)
        assert 25 <= row["composite_score"] <= 100
        if one.side == "put" and (skew is None or skew >= 0):
            assert row["composite_score"] <= 75


@given(CONTRACTS.filter(reference.is_opportunity), SKEW, st.sampled_from([1.5, 2.0, 5.0]))
def test_more_volume_never_lowers_the_score(one: Contract, skew: float | None, times: float) -> None:
    busier = dataclasses.replace(one, volume=(one.volume or 0) * times)
    assert scored([busier], skew).iloc[0]["composite_score"] >= scored([one], skew).iloc[0]["composite_score"]


def test_the_threshold_is_met_before_rounding() -> None:
    """1000 x 100 x 0.5 x 0.3 x 1000^2 / (200 x shares): 49.6 rounds to 50 and is no opportunity."""
    shares = 1000 * 100 * 0.5 * 0.3 * 1000**2 / (200 * 49.6)
    one = Contract("call", 100.0, shares=shares)
    assert round(reference.whale_exact(one) or 0) == 50
    assert scored([one], 2.0).empty
    assert len(scored([dataclasses.replace(one, shares=shares * 49.6 / 50.01)], 2.0)) == 1


def test_the_best_come_first() -> None:
    contracts = [
        Contract("call", 99.0, volume=600.0),
        Contract("call", 100.0, volume=3_000.0),
        Contract("call", 101.0, volume=1_500.0),
    ]
    found = scored(contracts, 7.0)
    assert list(found["composite_score"]) == sorted(found["composite_score"], reverse=True)
    assert found["strike"].iloc[0] == 100.0


@pytest.mark.parametrize(
    ("score", "name"),
    [
        (100, "extreme"),
        (80, "extreme"),
        (79, "strong"),
        (60, "strong"),
        (59, "moderate"),
        (40, "moderate"),
        (39, "low"),
    ],
)
def test_bands(score: int, name: str) -> None:
    assert band(score) is Band(name)
