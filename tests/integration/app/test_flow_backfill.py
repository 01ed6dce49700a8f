from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from app.services.flow import FlowService, OpportunityFilters
from app.services.flow_backfill import FlowBackfill, SettableMoment, past_slots
from app.services.flow_scan import FlowScanService
from app.services.priced_chains import PricedChains, PricingInputs
from db.engine import Database
from db.flow_reading import opportunities_of_run
from scanner.calendar import MarketCalendar
from scanner.sources.account import SourceAccount
from scanner.sources.simulated import SimulatedSource
from tests.integration.app.conftest import FLOW_SYMBOLS, SETTINGS, SettableClock

UNTIL = datetime(2026, 11, 20, 21, 10, tzinfo=UTC)


@pytest.fixture
def backfill(database: Database, calendar: MarketCalendar, inputs: PricingInputs) -> FlowBackfill:
    moment = SettableMoment(UNTIL)
    market = SimulatedSource(1, moment, calendar)
    chains = PricedChains(
        database=database,
        source=lambda: market,
        inputs=inputs,
        account=SourceAccount(lambda _: None, moment),
    )
    return FlowBackfill(
        database=database, settings=SETTINGS, chains=chains, moment=moment, symbols=(*FLOW_SYMBOLS, "ZZUNKNOWN")
    )


def test_past_slots_are_whole_for_the_latest_session_and_end_at_the_close(calendar: MarketCalendar) -> None:
    slots = list(past_slots(calendar, sessions=3, until=UNTIL))
    by_day = pd.Series([slot.at.date().isoformat() for slot in slots]).value_counts().sort_index()
    assert by_day.iloc[-1] == 26
    assert by_day.iloc[0] == by_day.iloc[1] < 26
    assert [slot.at for slot in slots] == sorted(slot.at for slot in slots)
    assert slots[-1].at == datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    assert datetime(2026, 11, 18, 21, 0, tzinfo=UTC) in {slot.at for slot in slots}
    assert list(past_slots(calendar, sessions=1, until=datetime(2026, 11, 20, 14, 31, tzinfo=UTC))) == []


def test_a_past_scan_is_what_a_scan_would_have_found(
    backfill: FlowBackfill,
    flow_scans: FlowScanService,
    flow: FlowService,
    clock: SettableClock,
    database: Database,
) -> None:
    """The slot before is filled in; the last one is scanned as a worker would, and filled in on another day's copy."""
    clock.now = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    run_id = flow_scans.begin_due()
    assert run_id is not None
    for symbol in FLOW_SYMBOLS:
        flow_scans.run_symbol(run_id, symbol)
    scanned = flow.opportunities().drop(columns=["score_percentile"])
    with database.connection() as connection:
        connection.execute("update scan_runs set kind = 'other' where run_id = %s", [run_id])
        for table in ("whale_flows", "oi_flows", "skew_metrics", "opportunities", "market_moods", "flow_chains"):
            connection.execute(f"delete from {table}")
    assert backfill.run(sessions=1, until=UNTIL) == 26
    filled = flow.opportunities().drop(columns=["score_percentile"])
    same = [name for name in scanned.columns if name != "run_id"]
    pd.testing.assert_frame_equal(filled[same], scanned[same])


def test_backfilling_twice_changes_nothing(backfill: FlowBackfill, flow: FlowService, database: Database) -> None:
    made = backfill.run(sessions=2, until=UNTIL)
    assert made > 26
    before = flow.opportunities(OpportunityFilters(limit=500))
    assert not before.empty
    assert before["score_percentile"].notna().all()
    assert backfill.run(sessions=2, until=UNTIL) == 0
    pd.testing.assert_frame_equal(flow.opportunities(OpportunityFilters(limit=500)), before)
    scans = flow.scans(limit=200)
    assert len(scans) == made
    assert {(scan.state, scan.total, scan.succeeded, scan.failed) for scan in scans} == {("finished", 5, 4, 1)}
    assert flow.status().coverage == "4 of 5, ZZUNKNOWN: symbol not found"
    with database.connection() as connection:
        stored = opportunities_of_run(connection, scans[0].run_id, scans[0].timestamp)
    assert set(stored["occ_symbol"]) == set(before["occ_symbol"])


def test_a_backfill_that_is_cut_short_goes_on_later(backfill: FlowBackfill) -> None:
    asked = iter([False, False, False, True])
    assert backfill.run(sessions=1, until=UNTIL, stopped=lambda: next(asked)) == 3
    assert backfill.run(sessions=1, until=UNTIL) == 23
