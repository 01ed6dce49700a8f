"""Flow scans driven by a settable clock, on the simulated market and a real PostgreSQL."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.services.flow import FlowService, OpportunityFilters
from app.services.flow_scan import FlowScanService
from app.services.job_names import FLOW_SYMBOL_TASK
from app.services.premiums import PremiumService
from app.services.priced_chains import PricingInputs
from app.services.sync import SyncService
from db import flow_runs, premiums, snapshots
from db.engine import Database
from db.run_kinds import FLOW
from db.scan_runs import RunState
from scanner.calendar import MarketCalendar, flow_expirations, market_date
from scanner.errors import RateLimitedError, SymbolNotFoundError
from scanner.model import ChainSnapshot, PremiumFilters
from scanner.premium_facts import premium_facts
from scanner.schema import FLOW_ROWS, SKEW_HISTORY, TOP_OPPORTUNITY, validate
from scanner.sources.simulated.planted import Case
from tests.integration.app.conftest import FLOW_SYMBOLS, ScriptedSource, SettableClock
from tests.reference import signals as reference

SLOT = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
"""Three in the afternoon of a Friday in New York."""

QUARTER = timedelta(minutes=15)


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connection() as connection:
        return connection.execute(query).fetchall()


def do_scan(scans: FlowScanService, symbols: tuple[str, ...] = FLOW_SYMBOLS) -> int:
    run_id = scans.begin_due()
    assert run_id is not None
    for symbol in symbols:
        scans.run_symbol(run_id, symbol)
    return run_id


@pytest.fixture
def at_slot(clock: SettableClock) -> SettableClock:
    clock.now = SLOT
    return clock


@pytest.mark.usefixtures("at_slot")
def test_the_queries_of_the_contract_run_as_written(flow_scans: FlowScanService, database: Database) -> None:
    do_scan(flow_scans)
    top = rows(
        database,
        "SELECT symbol, composite_score, signal_type FROM top_opportunities ORDER BY composite_score DESC LIMIT 10;",
    )
    assert {symbol for symbol, *_ in top} == {"AAPL", "SPY", "TSLA"}
    assert rows(database, "SELECT MAX(timestamp) FROM whale_flows;") == [(SLOT,)]
    ((timestamp, name, mean, deviation, count, *_),) = rows(database, "SELECT * FROM market_sentiment;")
    assert (timestamp, count) == (SLOT, 4)
    assert name in ("EXTREME_FEAR", "ELEVATED_FEAR", "NEUTRAL", "BULLISH", "EUPHORIA")
    assert mean is not None
    assert deviation is not None
    for view in ("latest_scan", "stock_skew_history", "scan_performance", "oi_flows", "skew_metrics"):
        assert rows(database, f"select * from {view}"), view


@pytest.mark.usefixtures("at_slot")
def test_planted_flow_is_found_and_only_it(
    flow_scans: FlowScanService, flow: FlowService, source: ScriptedSource
) -> None:
    do_scan(flow_scans)
    planted = {
        case.occ_symbol
        for symbol in FLOW_SYMBOLS
        for case in source.market.planted_cases(symbol)
        if case.case is Case.UNUSUAL_FLOW
    }
    found = validate(flow.opportunities(), TOP_OPPORTUNITY)
    assert set(found["occ_symbol"]) == planted
    assert len(planted) == 3
    assert found["composite_score"].is_monotonic_decreasing
    assert (found["timestamp"] == SLOT).all()
    assert found["score_percentile"].isna().all()
    assert (found["mode"] == "simulated").all()


@pytest.mark.usefixtures("at_slot")
def test_stored_scores_are_those_of_an_independent_computation_from_the_stored_chains(
    flow_scans: FlowScanService, flow: FlowService, database: Database, inputs: PricingInputs
) -> None:
    do_scan(flow_scans)
    shown = flow.opportunities().set_index("occ_symbol")
    skew = flow.skew()
    checked = 0
    for symbol in FLOW_SYMBOLS:
        with database.connection() as connection:
            chain = snapshots.latest(connection, symbol, as_of=SLOT, kind=FLOW)
        assert chain is not None
        expected_days = flow_expirations(chain.listed_expirations, now=SLOT, root=symbol, calendar=inputs.calendar)
        assert {day.date() for day in chain.contracts["expiration"]} == set(expected_days)
        for expiration, contracts in contracts_by_expiration(chain, inputs).items():
            (row,) = skew[(skew["symbol"] == symbol) & (skew["expiration"] == expiration)].to_dict("records")
            forward = row["forward"]
            expected_skew = reference.skew_25d(list(contracts.values()), forward)
            ratio = reference.volume_ratio(list(contracts.values()))
            assert row["skew_25d"] == same(expected_skew)
            assert row["vol_ratio"] == same(ratio)
            assert row["call_wall"] == same(reference.wall(list(contracts.values()), "call"))
            for code, one in contracts.items():
                assert (code in shown.index) == reference.is_opportunity(one)
                if code not in shown.index:
                    continue
                stored = shown.loc[code]
                parts = reference.points(one, expected_skew)
                assert (stored["whale_points"], stored["fresh_points"], stored["skew_points"]) == parts
                assert stored["composite_score"] == sum(parts)
                assert stored["whale_exact"] == pytest.approx(reference.whale_exact(one))
                assert stored["signal_type"] == reference.signal(one.side, expected_skew, ratio)
                checked += 1
    assert checked == len(shown) == 3


def same(expected: float | None) -> Any:
    """What an unknown or nearly the expected number in a frame is equal to."""
    return pytest.approx(math.nan if expected is None else expected, nan_ok=True)


def contracts_by_expiration(chain: ChainSnapshot, inputs: PricingInputs) -> dict[Any, dict[str, reference.Contract]]:
    """The stored chain as contracts of the reference, by expiration and OCC symbol."""
    facts = premium_facts(chain, calendar=inputs.calendar, rates=inputs.rates)
    found: dict[Any, dict[str, reference.Contract]] = {}
    for row in facts[~facts["adjusted"]].to_dict("records"):
        known = {name: None if value != value else value for name, value in row.items()}
        found.setdefault(row["expiration"], {})[row["occ_symbol"]] = reference.Contract(
            side=row["option_type"],
            strike=row["strike"],
            spot=known["spot"],
            mark=known["mid"],
            iv=known["iv"],
            delta=known["delta"],
            gamma=known["gamma"],
            volume=known["volume"],
            interest=known["open_interest"],
            multiplier=row["multiplier"],
            shares=chain.underlying.volume,
            clean=row["quote_grade"] in "ABC",
        )
    return found


@pytest.mark.parametrize(
    ("session", "runs", "first"),
    [
        (date(2026, 11, 20), 26, datetime(2026, 11, 20, 14, 45, tzinfo=UTC)),
        (date(2026, 11, 27), 14, datetime(2026, 11, 27, 14, 45, tzinfo=UTC)),  # closes at 13:00
        (date(2026, 10, 30), 26, datetime(2026, 10, 30, 13, 45, tzinfo=UTC)),  # summer time
        (date(2026, 11, 2), 26, datetime(2026, 11, 2, 14, 45, tzinfo=UTC)),  # after the change
    ],
)
def test_a_trading_day(
    session: date,
    runs: int,
    first: datetime,
    flow_scans: FlowScanService,
    flow: FlowService,
    clock: SettableClock,
    database: Database,
) -> None:
    """Asked every five minutes around the clock, as a worker asks."""
    begun = []
    clock.now = datetime(session.year, session.month, session.day, 5, 2, tzinfo=UTC)
    while market_date(clock.now) == session:
        if (run_id := flow_scans.begin_due()) is not None:
            begun.append(run_id)
            for symbol in FLOW_SYMBOLS[:2]:
                flow_scans.run_symbol(run_id, symbol)
            for symbol in FLOW_SYMBOLS[2:]:
                flow_scans.run_symbol(run_id, symbol)
        clock.now += timedelta(minutes=5)
    assert len(begun) == runs
    scans = flow.scans(limit=100)
    assert [scan.timestamp for scan in reversed(scans)] == [first + QUARTER * number for number in range(runs)]
    assert {(scan.state, scan.succeeded, scan.failed) for scan in scans} == {("finished", 4, 0)}
    assert rows(database, "select count(*), count(distinct timestamp) from market_moods") == [(runs, runs)]
    assert flow.status().missed == ()
    history = validate(flow.skew_history("SPY", since=first), SKEW_HISTORY)
    # The week after is in every scan; the others come and go in the last hour of an expiration.
    one = history[history["expiration"] == history["expiration"].mode().iloc[0]]
    assert len(one) == runs
    assert (one["previous_timestamp"].iloc[1:].to_numpy() == one["timestamp"].iloc[:-1].to_numpy()).all()
    expected = one["skew_25d"].diff().iloc[1:].to_numpy()
    assert one["skew_change"].iloc[1:].to_numpy() == pytest.approx(expected, nan_ok=True)


def test_missed_slots_are_not_caught_up_but_shown(
    flow_scans: FlowScanService, flow: FlowService, clock: SettableClock
) -> None:
    clock.now = datetime(2026, 11, 20, 14, 45, tzinfo=UTC)
    do_scan(flow_scans)
    clock.now = datetime(2026, 11, 20, 15, 31, tzinfo=UTC)
    do_scan(flow_scans)
    assert [scan.timestamp.strftime("%H:%M") for scan in flow.scans()] == ["15:30", "14:45"]
    assert [slot.strftime("%H:%M") for slot in flow.status().missed] == ["15:00", "15:15"]
    assert flow.status().next_slot == datetime(2026, 11, 20, 15, 45, tzinfo=UTC)


def test_a_failed_symbol_keeps_its_rows_with_their_time(
    flow_scans: FlowScanService, flow: FlowService, at_slot: SettableClock, source: ScriptedSource
) -> None:
    do_scan(flow_scans)
    at_slot.now = SLOT + QUARTER
    source.failures["TSLA"] = [SymbolNotFoundError("simulated", "TSLA", "gone")]
    do_scan(flow_scans)
    times = flow.opportunities().set_index("symbol")["timestamp"]
    assert times["TSLA"] == SLOT
    assert times["AAPL"] == times["SPY"] == SLOT + QUARTER
    assert flow.status().coverage == "3 of 4, TSLA: symbol not found"
    mood = flow.market_sentiment()
    assert mood is not None
    assert (mood.timestamp, mood.n) == (SLOT + QUARTER, 3)


def test_a_scan_half_done_hides_no_symbol(
    flow_scans: FlowScanService, flow: FlowService, at_slot: SettableClock
) -> None:
    do_scan(flow_scans)
    at_slot.now = SLOT + QUARTER
    do_scan(flow_scans, ("AAPL",))
    times = flow.opportunities().set_index("symbol")["timestamp"]
    assert times.to_dict() == {"AAPL": SLOT + QUARTER, "SPY": SLOT, "TSLA": SLOT}
    assert flow.status().coverage == "1 of 4, 3 not done yet"
    mood = flow.market_sentiment()
    assert mood is not None
    assert mood.timestamp == SLOT


def test_a_scan_that_hangs_is_ended_and_does_not_stop_the_next(
    flow_scans: FlowScanService, flow: FlowService, at_slot: SettableClock, database: Database
) -> None:
    first = do_scan(flow_scans, ("AAPL",))
    at_slot.now = SLOT + timedelta(minutes=13, seconds=59)
    assert flow_scans.begin_due() is None
    assert flow.status().latest is not None
    assert flow.scans()[0].state == RunState.RUNNING
    at_slot.now = SLOT + timedelta(minutes=14)
    assert flow_scans.begin_due() is None
    assert flow.status().coverage == "1 of 4, KO: scan overtaken, SPY: scan overtaken, TSLA: scan overtaken"
    assert rows(database, f"select count(*) from procrastinate_jobs where task_name = '{FLOW_SYMBOL_TASK}'") == [(0,)]
    at_slot.now = SLOT + QUARTER
    second = do_scan(flow_scans)
    assert second != first
    assert flow.status().coverage == "4 of 4"


def test_who_is_overtaken_while_at_work_stores_nothing(
    flow_scans: FlowScanService, at_slot: SettableClock, database: Database, source: ScriptedSource
) -> None:
    run_id = flow_scans.begin_due()
    assert run_id is not None

    def hang(_: str) -> None:
        at_slot.now = SLOT + timedelta(minutes=14)
        flow_scans.begin_due()

    source.before = hang
    assert flow_scans.run_symbol(run_id, "SPY") is None
    assert rows(database, "select count(*) from skew_metrics") == [(0,)]
    assert rows(database, "select count(*) from chain_snapshots") == [(0,)]
    assert rows(database, "select error_class from scan_run_symbols where symbol = 'SPY'") == [("ScanOvertakenError",)]


@pytest.mark.usefixtures("at_slot")
def test_a_symbol_whose_worker_died_is_taken_over(
    flow_scans: FlowScanService, database: Database, source: ScriptedSource
) -> None:
    run_id = flow_scans.begin_due()
    assert run_id is not None

    def die(_: str) -> None:
        source.before = lambda _: None
        assert flow_scans.run_symbol(run_id, "SPY") is None  # another worker, which is quicker

    source.before = die
    assert flow_scans.run_symbol(run_id, "SPY") is None
    assert rows(database, "select state, attempts from scan_run_symbols where symbol = 'SPY'") == [("succeeded", 2)]
    assert rows(database, "select count(*), count(distinct (root, expiration)) from skew_metrics") == [(4, 4)]


@pytest.mark.usefixtures("at_slot")
def test_lost_jobs_are_queued_again_and_passing_failures_tried_again(
    flow_scans: FlowScanService, database: Database, source: ScriptedSource
) -> None:
    run_id = flow_scans.begin_due()
    assert run_id is not None
    assert flow_scans.resume() == 0
    rows(database, "delete from procrastinate_jobs where args ->> 'symbol' = 'KO' returning id")
    assert flow_scans.resume() == 1
    source.failures["KO"] = [RateLimitedError("simulated", "KO", "too many calls", 20.0)]
    assert flow_scans.run_symbol(run_id, "KO") == pytest.approx(22.5)
    assert flow_scans.run_symbol(run_id, "KO") is None


def test_two_processes_begin_a_slot_once(database: Database, database_dsn: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.integration.app.flow_program", database_dsn, SLOT.isoformat()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=120)[0].splitlines()[-1] for process in processes]
    assert sorted(answers, key=len)[-1] == "None"
    assert rows(database, "select count(*) from scan_runs") == [(1,)]
    assert rows(database, f"select count(*) from procrastinate_jobs where task_name = '{FLOW_SYMBOL_TASK}'") == [(2,)]


def test_syncs_and_flow_scans_do_not_meet(
    sync: SyncService,
    flow_scans: FlowScanService,
    at_slot: SettableClock,
    database: Database,
    inputs: PricingInputs,
) -> None:
    run_id = sync.start(["SPY"])
    sync.run_symbol(run_id, "SPY")
    with database.connection() as connection:
        before = premiums.of_symbols(connection, ["SPY"])
    do_scan(flow_scans)
    assert sync.progress() is not None
    with database.connection() as connection:
        after = premiums.of_symbols(connection, ["SPY"])
        chain = snapshots.latest(connection, "SPY", as_of=at_slot.now)
    assert after.equals(before)
    assert chain is not None
    assert {day.date() for day in chain.contracts["expiration"]} == {day.date() for day in before["expiration"]}
    progress = sync.progress()
    assert progress is not None
    assert progress.run_id == run_id
    service = PremiumService(database=database, inputs=inputs, clock=at_slot)
    assert service.scan(["SPY"], PremiumFilters()).fetched == len(before)


def test_filters_and_the_percentile_of_a_symbols_own_history(
    flow_scans: FlowScanService, flow: FlowService, at_slot: SettableClock, database: Database
) -> None:
    for _ in range(3):
        do_scan(flow_scans)
        at_slot.now += QUARTER
    whole = flow.opportunities()
    (spy,) = flow.opportunities(OpportunityFilters(symbols=("SPY",))).to_dict("records")
    earlier = rows(
        database,
        f"select composite_score from opportunities where symbol = 'SPY' and timestamp < '{spy['timestamp']}'",
    )
    lower = sum(score < spy["composite_score"] for (score,) in earlier)
    same = sum(score == spy["composite_score"] for (score,) in earlier)
    assert spy["score_percentile"] == pytest.approx((lower + same / 2) / len(earlier) * 100)
    least = int(whole["composite_score"].max())
    assert (flow.opportunities(OpportunityFilters(min_composite_score=least))["composite_score"] == least).all()
    assert len(flow.opportunities(OpportunityFilters(limit=1))) == 1
    kind = whole["signal_type"].iloc[0]
    assert set(flow.opportunities(OpportunityFilters(signal_types=(kind,)))["signal_type"]) == {kind}
    assert flow.opportunities(OpportunityFilters(expirations=(date(2030, 1, 4),))).empty


@pytest.mark.usefixtures("at_slot")
def test_whale_fresh_and_new_tables_are_apart(flow_scans: FlowScanService, flow: FlowService) -> None:
    do_scan(flow_scans)
    whale, fresh = validate(flow.whale_flows(), FLOW_ROWS), validate(flow.fresh_open_interest(), FLOW_ROWS)
    assert (whale["whale_exact"] >= 50).all()
    assert fresh["oi_score"].notna().all()
    assert (fresh["volume"] >= 100).all()
    assert (validate(flow.new_strikes(), FLOW_ROWS)["flags"] == "new_strike").all()


def test_contracts_without_a_score_are_counted_by_what_is_missing(
    flow_scans: FlowScanService, at_slot: SettableClock, database: Database
) -> None:
    do_scan(flow_scans)
    for (counted,) in rows(database, "select score_null from scan_run_symbols"):
        assert set(counted) <= {
            *("no_spot", "volume_unknown", "oi_unknown", "new_strike", "no_two_sided_quote"),
            *("no_implied_volatility", "underlying_volume_unknown"),
        }
    assert at_slot.now == SLOT


def test_before_the_first_scan_everything_is_empty(flow: FlowService) -> None:
    assert flow.opportunities().empty
    assert flow.skew().empty
    assert flow.whale_flows().empty
    assert flow.market_sentiment() is None
    assert flow.scans() == ()
    assert flow.status().coverage == "no scan yet"


def test_no_scan_is_due_outside_of_hours(flow_scans: FlowScanService, clock: SettableClock) -> None:
    for closed in (
        datetime(2026, 11, 20, 14, 44, 59, tzinfo=UTC),
        datetime(2026, 11, 20, 21, 15, tzinfo=UTC),
        datetime(2026, 11, 21, 16, 0, tzinfo=UTC),
        datetime(2026, 11, 26, 16, 0, tzinfo=UTC),
    ):
        clock.now = closed
        assert flow_scans.begin_due() is None


def test_the_calendar_of_these_tests_knows_the_half_day(calendar: MarketCalendar) -> None:
    assert calendar.session_close(date(2026, 11, 27)) == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


def test_runs_are_found_by_slot(database: Database, flow_scans: FlowScanService, at_slot: SettableClock) -> None:
    run_id = do_scan(flow_scans)
    with database.connection() as connection:
        assert flow_runs.slot_of(connection, run_id) == SLOT
        assert flow_runs.slots_between(connection, SLOT, at_slot.now) == {SLOT}
        assert flow_runs.running(connection) is None
