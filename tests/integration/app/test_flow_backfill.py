from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from app.services.flow import FlowService, OpportunityFilters
from app.services.flow_backfill import BackfillProgress, FlowBackfill, SettableMoment, past_slots
from app.services.flow_scan import FlowScanService
from app.services.job_names import PAST_FLOW_TASK
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


def scan(backfill: FlowBackfill, *, sessions: int, most: int | None = None) -> int:
    """Make the scans that are missing, as workers do, `most` of them; return how many were made."""
    return sum(backfill.scan(slot) for slot in backfill.queue(sessions=sessions, until=UNTIL)[:most])


def queued(database: Database) -> list[str]:
    with database.connection() as connection:
        rows = connection.execute(
            "select args ->> 'slot' from procrastinate_jobs where task_name = %s order by id", [PAST_FLOW_TASK]
        ).fetchall()
    return [slot for (slot,) in rows]


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
    assert scan(backfill, sessions=1) == 26
    filled = flow.opportunities().drop(columns=["score_percentile"])
    same = [name for name in scanned.columns if name != "run_id"]
    pd.testing.assert_frame_equal(filled[same], scanned[same])


def test_backfilling_twice_changes_nothing(backfill: FlowBackfill, flow: FlowService, database: Database) -> None:
    made = scan(backfill, sessions=2)
    assert made > 26
    before = flow.opportunities(OpportunityFilters(limit=500))
    assert not before.empty
    assert before["score_percentile"].notna().all()
    assert scan(backfill, sessions=2) == 0
    pd.testing.assert_frame_equal(flow.opportunities(OpportunityFilters(limit=500)), before)
    scans = flow.scans(limit=200)
    assert len(scans) == made
    assert {(scan.state, scan.total, scan.succeeded, scan.failed) for scan in scans} == {("finished", 5, 4, 1)}
    assert flow.status().coverage == "4 of 5, ZZUNKNOWN: symbol not found"
    with database.connection() as connection:
        stored = opportunities_of_run(connection, scans[0].run_id, scans[0].timestamp)
    assert set(stored["occ_symbol"]) == set(before["occ_symbol"])


def test_a_backfill_that_is_cut_short_goes_on_later(backfill: FlowBackfill) -> None:
    assert scan(backfill, sessions=1, most=3) == 3
    assert scan(backfill, sessions=1) == 23


def test_what_pages_show_is_queued_first_and_nothing_twice(backfill: FlowBackfill, database: Database) -> None:
    slots = backfill.queue(sessions=3, until=UNTIL)
    assert queued(database) == [slot.at.isoformat() for slot in slots]
    assert [slot.at for slot in slots] == sorted((slot.at for slot in slots), reverse=True)
    assert backfill.queue(sessions=3, until=UNTIL) == slots
    assert len(queued(database)) == len(slots) == 28
    assert backfill.progress(slots) == BackfillProgress(total=28, made=0, waiting=28)


def test_a_scan_whose_job_was_lost_is_queued_again_and_made_once(backfill: FlowBackfill, database: Database) -> None:
    newest, *others = backfill.queue(sessions=1, until=UNTIL)
    assert backfill.scan(newest)
    assert not backfill.scan(newest)
    with database.connection() as connection:
        connection.execute("delete from procrastinate_jobs where args ->> 'slot' = %s", [newest.at.isoformat()])
        connection.execute(
            "update procrastinate_jobs set status = 'failed' where id = (select min(id) from procrastinate_jobs)"
        )
    assert backfill.progress([newest, *others]) == BackfillProgress(total=26, made=1, waiting=24)
    assert backfill.queue(sessions=1, until=UNTIL) == tuple(others)
    assert backfill.progress([newest, *others]) == BackfillProgress(total=26, made=1, waiting=25)


def test_the_newest_scan_is_shown_whatever_is_made_after_it(backfill: FlowBackfill, flow: FlowService) -> None:
    newest, *others = backfill.queue(sessions=1, until=UNTIL)
    backfill.scan(newest)
    shown = flow.opportunities().drop(columns=["score_percentile"])
    assert set(shown["timestamp"]) == {newest.at}
    backfill.scan(others[-1])
    pd.testing.assert_frame_equal(flow.opportunities().drop(columns=["score_percentile"]), shown)


def test_how_long_a_past_scan_took_is_not_known(backfill: FlowBackfill, flow: FlowService) -> None:
    """Its clock stands still at its slot."""
    scan(backfill, sessions=1, most=2)
    assert {one.seconds for one in flow.scans(limit=10)} == {None}


def test_before_the_first_slot_of_a_calendar_nothing_is_queued(backfill: FlowBackfill) -> None:
    assert backfill.queue(sessions=1, until=datetime(2026, 11, 20, 14, 31, tzinfo=UTC)) == ()
    assert backfill.progress(()) == BackfillProgress(total=0, made=0, waiting=0)
