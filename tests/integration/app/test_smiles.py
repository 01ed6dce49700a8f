"""Smiles out of kept chains: their points are the quotes' own, their curve is near them and free of arbitrage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app.services.flow import FlowService
from app.services.flow_scan import FlowScanService
from app.services.smiles import SmileService
from db.engine import Database
from scanner.calendar import MarketCalendar
from tests.integration.app.conftest import FLOW_SYMBOLS, SettableClock, scan_flow

SLOT = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)


@pytest.fixture
def smiles(database: Database, calendar: MarketCalendar) -> SmileService:
    return SmileService(database=database, calendar=calendar)


@pytest.mark.parametrize("symbol", FLOW_SYMBOLS)
def test_the_smile_of_every_expiration(
    symbol: str, flow_scans: FlowScanService, clock: SettableClock, smiles: SmileService, flow: FlowService
) -> None:
    scan_flow(flow_scans, clock, SLOT)
    for row in flow.skew([symbol]).to_dict("records"):
        found = smiles.at(symbol, row["root"], row["expiration"].date(), as_of=SLOT + timedelta(hours=1))
        assert found is not None
        assert found.forward == pytest.approx(row["forward"])
        puts, calls = (found.points[found.points["option_type"] == side] for side in ("put", "call"))
        assert (puts["of_forward"] <= 1).all()
        assert (calls["of_forward"] >= 1).all()
        assert found.points["strike"].is_monotonic_increasing
        if found.reason is None:
            assert np.isfinite(found.curve["iv"]).all()
            assert np.interp(1.0, found.curve["of_forward"], found.curve["iv"]) == pytest.approx(
                row["atm_iv"], abs=0.02
            )
        else:
            assert found.curve.empty


def test_at_an_earlier_instant_it_is_the_earlier_chain(
    flow_scans: FlowScanService, clock: SettableClock, smiles: SmileService, flow: FlowService
) -> None:
    scan_flow(flow_scans, clock, SLOT)
    scan_flow(flow_scans, clock, SLOT + timedelta(minutes=15))
    row = flow.skew(["SPY"]).iloc[0]
    day = row["expiration"].date()
    earlier = smiles.at("SPY", "SPY", day, as_of=SLOT + timedelta(minutes=5))
    later = smiles.at("SPY", "SPY", day, as_of=SLOT + timedelta(minutes=20))
    assert earlier is not None
    assert later is not None
    assert earlier.fetched_at < later.fetched_at
    assert not earlier.points.equals(later.points)


def test_without_a_chain_or_the_expiration_there_is_none(
    flow_scans: FlowScanService, clock: SettableClock, smiles: SmileService, flow: FlowService
) -> None:
    scan_flow(flow_scans, clock, SLOT)
    day = flow.skew(["SPY"]).iloc[0]["expiration"].date()
    assert smiles.at("SPY", "SPY", day, as_of=SLOT - timedelta(minutes=1)) is None
    assert smiles.at("NVDA", "NVDA", day, as_of=SLOT + timedelta(hours=1)) is None
    assert smiles.at("SPY", "SPY", day + timedelta(days=1), as_of=SLOT + timedelta(hours=1)) is None
    assert smiles.at("SPY", "XSP", day, as_of=SLOT + timedelta(hours=1)) is None
