from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import schema
from scanner.signals.expirations import expiration_signals
from scanner.signals.flow import contract_flow
from tests.reference import signals as reference
from tests.reference.signals import Contract
from tests.unit.scanner.signals.frames import facts

WINGS = [
    Contract("put", 90.0, delta=-0.15, iv=0.42),
    Contract("put", 95.0, delta=-0.35, iv=0.36),
    Contract("put", 100.0, delta=-0.49, iv=0.30),
    Contract("call", 100.0, delta=0.51, iv=0.30),
    Contract("call", 105.0, delta=0.30, iv=0.28),
    Contract("call", 110.0, delta=0.20, iv=0.27),
]


def signals(contracts: Sequence[Contract], **changes: object) -> pd.DataFrame:
    frame = facts(contracts, **changes)  # type: ignore[arg-type]
    return expiration_signals(frame, contract_flow(frame, underlying_volume=1e6))


def same(value: float, expected: float | None) -> bool:
    return math.isnan(value) if expected is None else value == pytest.approx(expected)


def test_a_worked_example() -> None:
    """Put: halfway from 0.36 to 0.42; call: halfway from 0.28 to 0.27; at the money 0.30."""
    row = signals(WINGS).iloc[0]
    assert row["iv_25d_put"] == pytest.approx(0.39)
    assert row["iv_25d_call"] == pytest.approx(0.275)
    assert row["atm_iv"] == pytest.approx(0.30)
    assert row["skew_25d"] == pytest.approx(11.5)
    assert row["put_skew"] == pytest.approx(9.0)
    assert row["call_skew"] == pytest.approx(-2.5)
    assert row["skew_25d_norm"] == pytest.approx(0.115 / 0.30 * 100)
    assert (row["contracts"], row["clean_contracts"]) == (6, 6)


def test_a_wing_that_is_not_bracketed_is_unknown_and_never_zero() -> None:
    row = signals([one for one in WINGS if one.strike != 90.0]).iloc[0]
    assert math.isnan(row["iv_25d_put"])
    assert math.isnan(row["skew_25d"])
    assert row["call_skew"] == pytest.approx(-2.5)


def test_quotes_that_are_not_clean_do_not_count() -> None:
    wild = Contract("put", 93.0, delta=-0.26, iv=0.99, clean=False)
    assert signals([*WINGS, wild]).iloc[0]["iv_25d_put"] == pytest.approx(0.39)


@given(st.permutations(WINGS))
def test_the_order_of_contracts_does_not_matter(shuffled: list[Contract]) -> None:
    pd.testing.assert_frame_equal(signals(shuffled), signals(WINGS))


SIDES = st.lists(
    st.builds(
        Contract,
        side=st.sampled_from(["call", "put"]),
        strike=st.integers(80, 120).map(float),
        volume=st.integers(0, 3).map(float) | st.none(),
        interest=st.integers(0, 3).map(float) | st.none(),
        delta=st.floats(-1, 1),
        iv=st.floats(0.1, 1),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda one: (one.side, one.strike),
)


@given(SIDES)
def test_sums_ratios_and_walls_are_what_the_definitions_say(contracts: list[Contract]) -> None:
    row = signals(contracts).iloc[0]
    for side in ("call", "put"):
        own = [one for one in contracts if one.side == side]
        assert same(row[f"{side}_volume"], reference.known_sum([one.volume for one in own]))
        assert same(row[f"{side}_open_interest"], reference.known_sum([one.interest for one in own]))
        assert same(row[f"{side}_wall"], reference.wall(contracts, side))
        assert same(row[f"{side}_volume_wall"], reference.wall(contracts, side, volume=True))
    ratio = reference.volume_ratio(contracts)
    assert same(row["vol_ratio"], ratio)
    assert ratio is None or -100 <= ratio <= 100


def test_ratios_are_unknown_where_the_call_side_is_zero() -> None:
    puts = Contract("put", 95.0, volume=10.0, interest=7.0)
    row = signals([puts, Contract("call", 105.0, volume=0.0, interest=0.0)]).iloc[0]
    assert math.isnan(row["put_call_vol_ratio"])
    assert math.isnan(row["put_call_oi_ratio"])
    assert row["vol_ratio"] == 100.0
    assert math.isnan(row["call_wall"])


def test_calls_add_gamma_and_puts_take_it_away() -> None:
    one = Contract("call", 100.0, gamma=0.02, interest=300.0)
    other = Contract("put", 100.0, gamma=0.02, interest=100.0)
    per_contract = 0.02 * 100 * 100**2 * 0.01
    assert signals([one, other]).iloc[0]["net_gex"] == pytest.approx(200 * per_contract)


def test_roots_and_expirations_are_never_mixed() -> None:
    frames = [
        facts(WINGS, symbol="SPX", root="SPX", expiration=date(2026, 12, 18)),
        facts(WINGS, symbol="SPX", root="SPXW", expiration=date(2026, 12, 18)),
        facts(WINGS, symbol="SPX", root="SPXW", expiration=date(2026, 12, 4)),
    ]
    frame = pd.concat(frames, ignore_index=True)
    found = expiration_signals(frame, contract_flow(frame, underlying_volume=None))
    assert list(zip(found["expiration"].dt.day, found["root"], strict=True)) == [(4, "SPXW"), (18, "SPX"), (18, "SPXW")]
    assert np.allclose(found["skew_25d"], 11.5)
    schema.validate(found, schema.EXPIRY_SIGNALS)


def test_a_chain_without_standard_contracts_gives_no_row() -> None:
    found = signals(WINGS, adjusted=True)
    assert found.empty
    schema.validate(found, schema.EXPIRY_SIGNALS)
