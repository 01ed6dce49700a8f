"""The chain behind a scan: what is computed from it again is what the scan found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.services.flow import FlowService
from app.services.flow_chain import FlowChainService
from app.services.flow_scan import FlowScanService
from db.engine import Database
from scanner.calendar import MarketCalendar
from scanner.schema import FLOW, STRIKE_FLOW, validate
from scanner.signals.strikes import by_strike, walls
from tests.integration.app.conftest import FLOW_SYMBOLS, SettableClock, scan_flow

SLOT = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)


@pytest.fixture
def kept(database: Database, calendar: MarketCalendar) -> FlowChainService:
    return FlowChainService(database=database, calendar=calendar)


@pytest.fixture
def scanned(flow_scans: FlowScanService, clock: SettableClock) -> None:
    scan_flow(flow_scans, clock, SLOT)


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("symbol", FLOW_SYMBOLS)
def test_sums_by_strike_are_those_of_the_expirations(symbol: str, kept: FlowChainService, flow: FlowService) -> None:
    chain = kept.latest(symbol)
    assert chain is not None
    assert (chain.symbol, chain.source, chain.timestamp) == (symbol, "simulated", SLOT)
    validate(chain.contracts, FLOW)
    stored = flow.skew([symbol])
    assert len(stored) == chain.contracts["expiration"].nunique()
    for row in stored.to_dict("records"):
        strikes = validate(by_strike(chain.contracts[chain.contracts["expiration"] == row["expiration"]]), STRIKE_FLOW)
        assert strikes["net_gex"].sum() == pytest.approx(row["net_gex"], rel=1e-9)
        for name in ("call_volume", "put_volume", "call_open_interest", "put_open_interest"):
            assert strikes[name].sum() == row[name]
        assert (walls(strikes).call, walls(strikes).put) == (row["call_wall"], row["put_wall"])


@pytest.mark.usefixtures("scanned")
def test_scores_of_the_chain_are_those_that_were_stored(kept: FlowChainService, flow: FlowService) -> None:
    chain = kept.latest("SPY")
    assert chain is not None
    whale = flow.whale_flows(["SPY"]).set_index("occ_symbol")["whale_exact"]
    assert len(whale)
    again = chain.contracts.set_index("occ_symbol")["whale_exact"]
    assert again[whale.index].tolist() == pytest.approx(whale.tolist(), rel=1e-9)


@pytest.mark.usefixtures("scanned")
def test_a_chain_that_was_not_kept_is_not_replaced_by_another(
    kept: FlowChainService, flow_scans: FlowScanService, clock: SettableClock, database: Database
) -> None:
    scan_flow(flow_scans, clock, SLOT + timedelta(minutes=15))
    with database.connection() as connection:
        connection.execute("delete from chain_snapshots where symbol = 'KO' and fetched_at > %s", [SLOT])
    newest = kept.latest("SPY")
    assert newest is not None
    assert newest.timestamp == SLOT + timedelta(minutes=15)
    assert kept.latest("KO") is None


def test_without_a_scan_there_is_no_chain(kept: FlowChainService) -> None:
    assert kept.latest("SPY") is None
    assert kept.latest("no symbol'; --") is None


def test_percentiles_say_of_how_many_scores_they_are(
    flow_scans: FlowScanService, flow: FlowService, clock: SettableClock, database: Database
) -> None:
    scan_flow(flow_scans, clock, SLOT)
    assert flow.earlier_scores() == dict.fromkeys(FLOW_SYMBOLS, 0)
    assert flow.opportunities()["score_percentile"].isna().all()
    scan_flow(flow_scans, clock, SLOT + timedelta(minutes=15))
    with database.connection() as connection:
        stored = connection.execute(
            "select symbol, count(*) from opportunities where timestamp = %s group by symbol", [SLOT]
        ).fetchall()
    assert stored
    assert flow.earlier_scores() == dict.fromkeys(FLOW_SYMBOLS, 0) | dict(stored)
