from __future__ import annotations

import math

import pandas as pd
import pytest

from scanner.schema import FLOW, STRIKE_FLOW, validate
from scanner.signals.flow import contract_flow
from scanner.signals.strikes import Walls, by_strike, walls
from tests.reference.signals import Contract
from tests.unit.scanner.signals.frames import facts


def flow(*contracts: Contract) -> pd.DataFrame:
    return contract_flow(facts(contracts), underlying_volume=1e6)


def test_a_worked_example() -> None:
    """Gamma exposure of 200 contracts: 0.02 x 200 x 100 x 100^2 x 0.01 = 40,000; of 50: 10,000."""
    found = validate(
        by_strike(
            flow(
                Contract("put", 100.0, interest=50.0, volume=7.0),
                Contract("call", 100.0, interest=200.0, volume=30.0),
                Contract("call", 105.0, interest=50.0, volume=1.0),
            )
        ),
        STRIKE_FLOW,
    )
    at, above = found.to_dict("records")
    assert (at["strike"], above["strike"]) == (100.0, 105.0)
    assert (at["call_volume"], at["put_volume"]) == (30.0, 7.0)
    assert (at["call_open_interest"], at["put_open_interest"]) == (200.0, 50.0)
    assert at["call_gex"] == pytest.approx(40_000)
    assert at["put_gex"] == pytest.approx(-10_000)
    assert at["net_gex"] == pytest.approx(30_000)
    assert above["net_gex"] == above["call_gex"] == pytest.approx(10_000)
    assert math.isnan(above["put_open_interest"])


def test_expirations_are_added_and_unknown_is_no_zero() -> None:
    """200 + 50 are known of three; the put's sum has nothing known."""
    found = by_strike(
        flow(
            Contract("call", 100.0, interest=200.0),
            Contract("call", 100.0, interest=50.0),
            Contract("call", 100.0, interest=None),
            Contract("put", 100.0, interest=None),
        )
    ).iloc[0]
    assert found["call_open_interest"] == 250.0
    assert found["net_gex"] == pytest.approx(50_000)
    assert math.isnan(found["put_open_interest"])
    assert math.isnan(found["put_gex"])


def test_walls_are_the_lowest_strike_with_most_and_none_without_any() -> None:
    found = by_strike(
        flow(
            Contract("call", 110.0, interest=300.0),
            Contract("call", 105.0, interest=300.0),
            Contract("call", 100.0, interest=10.0),
            Contract("put", 95.0, interest=0.0),
            Contract("put", 90.0, interest=None),
        )
    )
    assert walls(found) == Walls(call=105.0, put=None)


def test_no_contract_gives_no_strike() -> None:
    found = validate(by_strike(FLOW.empty()), STRIKE_FLOW)
    assert found.empty
    assert walls(found) == Walls(None, None)
