from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pandas as pd
import pytest

from app.services.job_names import AFTER_RUN_TASK, REFERENCE_TASK, SYMBOL_TASK
from app.services.priced_chains import PricingInputs
from app.services.symbol_attempts import DOWN_AFTER, MAX_ATTEMPTS, MAX_CLAIMS
from app.services.sync import RunState, SyncProgress, SyncService
from db import premiums, run_symbols, snapshots
from db.engine import Database
from scanner.errors import (
    DatabaseTimeoutError,
    DatabaseUnreachableError,
    InputError,
    MalformedAnswerError,
    NoOptionsError,
    RateLimitedError,
    SourceTimeoutError,
    SourceUnavailableError,
    SymbolError,
    SymbolNotFoundError,
)
from scanner.premium_facts import premium_facts
from tests.integration.app.conftest import ScriptedSource, SettableClock

DOWN = SourceUnavailableError("simulated", "MSFT", "the network is down")


def jobs(database: Database, task: str) -> list[dict[str, object]]:
    """Arguments of the waiting jobs of a task, oldest first."""
    with database.connection() as connection:
        rows = connection.execute(
            "select args from procrastinate_jobs where task_name = %s and status = 'todo' order by id", [task]
        )
        return [arguments for (arguments,) in rows]


def stored(database: Database, *symbols: str) -> pd.DataFrame:
    with database.connection() as connection:
        return premiums.of_symbols(connection, symbols)


def at(sync: SyncService, run_id: int | None = None) -> SyncProgress:
    progress = sync.progress(run_id)
    assert progress is not None
    return progress


def do_all(sync: SyncService, run_id: int, *symbols: str) -> list[float | None]:
    return [sync.run_symbol(run_id, symbol) for symbol in symbols]


def test_a_symbol_is_stored_as_priced_and_the_last_one_ends_the_run(
    sync: SyncService, database: Database, inputs: PricingInputs, clock: SettableClock
) -> None:
    run_id = sync.start(["AAPL", "MSFT"])
    assert jobs(database, SYMBOL_TASK) == [{"run_id": run_id, "symbol": symbol} for symbol in ("AAPL", "MSFT")]
    assert at(sync).state is RunState.RUNNING
    assert do_all(sync, run_id, "AAPL") == [None]
    assert (at(sync).succeeded, at(sync).state) == (1, RunState.RUNNING)
    assert do_all(sync, run_id, "MSFT") == [None]
    progress = at(sync)
    assert (progress.succeeded, progress.failed, progress.total) == (2, 0, 2)
    assert progress.state is RunState.FINISHED
    assert progress.finished_at == clock.now
    with database.connection() as connection:
        snapshot = snapshots.latest(connection, "AAPL", as_of=clock.now)
    assert snapshot is not None
    expected = premium_facts(snapshot, calendar=inputs.calendar, rates=inputs.rates)
    order = ["expiration", "option_type", "strike"]
    pd.testing.assert_frame_equal(
        stored(database, "AAPL"), expected.sort_values(order, ignore_index=True), check_exact=True
    )
    assert progress.contracts == len(stored(database, "AAPL", "MSFT"))


def test_only_target_expirations_are_fetched(sync: SyncService, database: Database, clock: SettableClock) -> None:
    do_all(sync, sync.start(["AAPL"]), "AAPL")
    days = (stored(database, "AAPL")["expiration"].drop_duplicates() - pd.Timestamp("2026-11-20")).dt.days
    # Fridays nearest to 7, 14, 21, 30, 45 and 60 days from Friday 2026-11-20; 2027-01-01 is a holiday.
    assert days.tolist()[:4] == [7, 14, 21, 28]
    assert len(days) == 6
    assert days.max() <= 75


def test_a_second_start_joins_and_adds_what_is_missing(sync: SyncService, database: Database) -> None:
    first = sync.start(["AAPL", "MSFT"])
    assert sync.start(["MSFT", "NVDA"]) == first
    assert at(sync).total == 3
    assert [job["symbol"] for job in jobs(database, SYMBOL_TASK)] == ["AAPL", "MSFT", "NVDA"]


def test_a_start_after_the_end_is_a_new_run(sync: SyncService) -> None:
    first = sync.start(["AAPL"])
    do_all(sync, first, "AAPL")
    assert sync.start(["AAPL"]) != first


def test_without_symbols_the_whole_universe_is_synced(sync: SyncService, database: Database) -> None:
    with pytest.raises(InputError, match="no stock to sync"):
        sync.start()
    do_all(sync, sync.start(["AAPL", "MSFT"]), "AAPL", "MSFT")
    sync.start()
    assert at(sync).total == 2


def test_symbols_are_normalised_and_nonsense_is_refused(sync: SyncService) -> None:
    sync.start(["brk-b"])
    assert at(sync).total == 1
    with pytest.raises(SymbolError):
        sync.start(["not a symbol"])


def test_reference_data_is_asked_for_with_a_run(sync: SyncService, database: Database) -> None:
    sync.start(["AAPL"])
    assert len(jobs(database, REFERENCE_TASK)) == 1


@pytest.mark.parametrize(
    "error",
    [
        SymbolNotFoundError("simulated", "MSFT", "unknown"),
        NoOptionsError("simulated", "MSFT", "none listed"),
        MalformedAnswerError("simulated", "MSFT", "cut off"),
    ],
)
def test_a_lasting_failure_is_recorded_at_once_and_other_symbols_go_on(
    sync: SyncService, source: ScriptedSource, error: Exception
) -> None:
    source.failures["MSFT"] = [error]
    run_id = sync.start(["AAPL", "MSFT"])
    assert do_all(sync, run_id, "MSFT", "AAPL") == [None, None]
    progress = at(sync)
    assert (progress.state, progress.succeeded, progress.failed) == (RunState.FINISHED, 1, 1)
    assert progress.errors == {type(error).__name__: 1}
    (failure,) = progress.failures
    assert (failure.symbol, failure.error_class, failure.attempts) == ("MSFT", type(error).__name__, 1)
    assert failure.message == str(error)


def test_rows_of_a_failed_symbol_stay_with_their_age(
    sync: SyncService, source: ScriptedSource, database: Database, clock: SettableClock
) -> None:
    do_all(sync, sync.start(["MSFT"]), "MSFT")
    before = stored(database, "MSFT")
    clock.now += timedelta(hours=1)
    source.failures["MSFT"] = [MalformedAnswerError("simulated", "MSFT", "cut off")]
    do_all(sync, sync.start(["MSFT"]), "MSFT")
    pd.testing.assert_frame_equal(stored(database, "MSFT"), before)


def test_a_passing_failure_is_tried_again_later(sync: SyncService, source: ScriptedSource) -> None:
    source.failures["MSFT"] = [DOWN, SourceTimeoutError("simulated", "MSFT", "20 s")]
    run_id = sync.start(["MSFT"])
    assert [sync.run_symbol(run_id, "MSFT") for _ in range(3)] == [2.0, 6.0, None]
    assert (at(sync).succeeded, at(sync).state) == (1, RunState.FINISHED)


def test_a_failure_that_does_not_pass_ends_after_the_last_attempt(sync: SyncService, source: ScriptedSource) -> None:
    source.failures["MSFT"] = [DOWN] * 10
    run_id = sync.start(["MSFT"])
    waits = [sync.run_symbol(run_id, "MSFT") for _ in range(MAX_ATTEMPTS)]
    assert waits[-1] is None
    assert all(wait is not None for wait in waits[:-1])
    assert (at(sync).failed, at(sync).state) == (1, RunState.FINISHED)
    assert at(sync).failures[0].attempts == MAX_ATTEMPTS


def test_a_source_that_answers_nobody_is_not_asked_four_times_for_each(
    sync: SyncService, source: ScriptedSource
) -> None:
    symbols = [f"S{letter}" for letter in "ABCDEFGHIJKL"]
    for symbol in symbols:
        source.failures[symbol] = [DOWN] * MAX_ATTEMPTS
    run_id = sync.start(symbols)
    waits = do_all(sync, run_id, *symbols)
    assert [wait is not None for wait in waits] == [True] * DOWN_AFTER + [False] * (len(symbols) - DOWN_AFTER)
    assert do_all(sync, run_id, *symbols[:DOWN_AFTER]) == [None] * DOWN_AFTER
    assert (at(sync).failed, at(sync).state) == (len(symbols), RunState.FINISHED)
    source.failures.clear()
    again = sync.retry_failed(run_id)
    assert again is not None
    assert do_all(sync, again, *symbols) == [None] * len(symbols)
    assert at(sync).succeeded == len(symbols)


def test_the_vendors_wish_to_wait_is_granted(sync: SyncService, source: ScriptedSource) -> None:
    source.failures["MSFT"] = [RateLimitedError("simulated", "MSFT", "429", retry_after_seconds=40.0)]
    wait = sync.run_symbol(sync.start(["MSFT"]), "MSFT")
    assert wait is not None
    assert 40.0 <= wait <= 50.0


def test_a_fault_of_ours_is_recorded_and_raised(sync: SyncService, source: ScriptedSource) -> None:
    source.failures["MSFT"] = [ZeroDivisionError("oops")]
    run_id = sync.start(["MSFT"])
    with pytest.raises(ZeroDivisionError):
        sync.run_symbol(run_id, "MSFT")
    assert at(sync).errors == {"ZeroDivisionError": 1}
    assert at(sync).state is RunState.FINISHED


def test_a_refusal_of_the_database_is_tried_again_and_then_recorded(sync: SyncService, source: ScriptedSource) -> None:
    source.failures["MSFT"] = [DatabaseTimeoutError("a statement took too long")] * 10
    run_id = sync.start(["MSFT"])
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(DatabaseTimeoutError):
            sync.run_symbol(run_id, "MSFT")
    assert at(sync).state is RunState.RUNNING
    assert sync.run_symbol(run_id, "MSFT") is None
    assert at(sync).errors == {"DatabaseTimeoutError": 1}


def test_a_database_that_is_away_is_never_a_failure_of_the_symbol(sync: SyncService, source: ScriptedSource) -> None:
    source.failures["MSFT"] = [DatabaseUnreachableError("gone")] * MAX_ATTEMPTS
    run_id = sync.start(["MSFT"])
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(DatabaseUnreachableError):
            sync.run_symbol(run_id, "MSFT")
    assert sync.run_symbol(run_id, "MSFT") is None
    assert at(sync).succeeded == 1


def test_a_symbol_that_kills_its_workers_is_given_up(
    sync: SyncService, source: ScriptedSource, database: Database, clock: SettableClock
) -> None:
    run_id = sync.start(["MSFT"])
    with database.connection() as connection:
        for _ in range(MAX_CLAIMS):
            run_symbols.claim(connection, run_id, "MSFT", worker="dead:1", now=clock.now)
    assert sync.run_symbol(run_id, "MSFT") is None
    assert source.calls == []
    assert "workers died" in at(sync).failures[0].message


def test_doing_a_symbol_again_changes_nothing(sync: SyncService, source: ScriptedSource, database: Database) -> None:
    run_id = sync.start(["AAPL", "MSFT"])
    do_all(sync, run_id, "AAPL", "AAPL", "MSFT", "MSFT")
    assert source.calls == ["AAPL", "MSFT"]
    assert len(jobs(database, AFTER_RUN_TASK)) == 1


def test_a_worker_that_was_given_up_for_dead_changes_nothing(
    sync: SyncService, source: ScriptedSource, database: Database, clock: SettableClock
) -> None:
    run_id = sync.start(["MSFT"])

    def taken_over(symbol: str) -> None:
        source.before = lambda symbol: None
        clock.now += timedelta(seconds=1)
        assert sync.run_symbol(run_id, symbol) is None
        clock.now -= timedelta(seconds=1)

    source.before = taken_over
    assert sync.run_symbol(run_id, "MSFT") is None
    assert source.calls == ["MSFT", "MSFT"]
    assert (at(sync).succeeded, at(sync).failed) == (1, 0)
    assert set(stored(database, "MSFT")["fetched_at"]) == {pd.Timestamp(clock.now + timedelta(seconds=1))}


def test_the_run_ends_exactly_once_however_many_workers_finish_together(
    sync: SyncService, source: ScriptedSource, database: Database
) -> None:
    symbols = [f"S{letter}" for letter in "ABCDEF"]
    together = threading.Barrier(len(symbols))
    source.before = lambda symbol: together.wait(10)
    run_id = sync.start(symbols)
    with ThreadPoolExecutor(len(symbols)) as pool:
        list(pool.map(lambda symbol: sync.run_symbol(run_id, symbol), symbols))
    assert at(sync).state is RunState.FINISHED
    assert len(jobs(database, AFTER_RUN_TASK)) == 1


def test_cancel_leaves_what_is_done_and_drops_the_rest(sync: SyncService, database: Database) -> None:
    run_id = sync.start(["AAPL", "MSFT", "NVDA"])
    do_all(sync, run_id, "AAPL")
    assert sync.cancel(run_id) == 2
    progress = at(sync)
    assert (progress.state, progress.succeeded, progress.cancelled) == (RunState.CANCELLED, 1, 2)
    assert progress.done == progress.total
    assert jobs(database, SYMBOL_TASK) == []
    assert do_all(sync, run_id, "MSFT") == [None]
    assert stored(database, "MSFT").empty


def test_symbols_in_work_are_finished_after_a_cancel(sync: SyncService, source: ScriptedSource) -> None:
    run_id = sync.start(["AAPL", "MSFT"])
    source.before = lambda symbol: sync.cancel(run_id)
    do_all(sync, run_id, "AAPL")
    progress = at(sync)
    assert (progress.state, progress.succeeded, progress.cancelled) == (RunState.CANCELLED, 1, 1)


def test_retry_failed_takes_only_what_failed(sync: SyncService, source: ScriptedSource, database: Database) -> None:
    source.failures["MSFT"] = [MalformedAnswerError("simulated", "MSFT", "cut off")]
    first = sync.start(["AAPL", "MSFT"])
    do_all(sync, first, "AAPL", "MSFT")
    second = sync.retry_failed(first)
    assert second is not None
    assert at(sync, second).total == 1
    do_all(sync, second, "MSFT")
    assert at(sync, second).succeeded == 1
    assert sync.retry_failed(second) is None


def test_resume_takes_what_was_cancelled_and_no_more(sync: SyncService, database: Database) -> None:
    first = sync.start(["AAPL", "KO", "MSFT"])
    do_all(sync, first, "AAPL")
    assert sync.resume_cancelled(first) is None
    sync.cancel(first)
    second = sync.resume_cancelled(first)
    assert second is not None
    assert at(sync, second).total == 2
    do_all(sync, second, "KO", "MSFT")
    assert (at(sync, second).succeeded, at(sync, second).state) == (2, RunState.FINISHED)
    assert sync.resume_cancelled(second) is None
    assert (at(sync, first).succeeded, at(sync, first).cancelled) == (1, 2)


def test_resume_while_symbols_are_in_work_goes_on_with_the_same_run(
    sync: SyncService, source: ScriptedSource, database: Database
) -> None:
    run_id = sync.start(["AAPL", "MSFT"])

    def cancel_and_resume(symbol: str) -> None:
        source.before = lambda symbol: None
        assert sync.cancel(run_id) == 1
        assert sync.resume_cancelled(run_id) == run_id

    source.before = cancel_and_resume
    do_all(sync, run_id, "AAPL", "MSFT")
    assert (at(sync).succeeded, at(sync).cancelled, at(sync).state) == (2, 0, RunState.FINISHED)


def test_resume_queues_what_lost_its_job(sync: SyncService, database: Database) -> None:
    run_id = sync.start(["AAPL", "MSFT"])
    assert sync.resume() == 0
    with database.connection() as connection:
        connection.execute("delete from procrastinate_jobs where args ->> 'symbol' = 'MSFT'")
    assert sync.resume() == 1
    assert sorted(str(job["symbol"]) for job in jobs(database, SYMBOL_TASK)) == ["AAPL", "MSFT"]
    do_all(sync, run_id, "AAPL", "MSFT")
    assert sync.resume() == 0


def test_progress_tells_rate_and_time_left(sync: SyncService, clock: SettableClock) -> None:
    assert sync.progress() is None
    run_id = sync.start(["AAPL", "MSFT", "NVDA"])
    assert at(sync).rate_per_second is None
    do_all(sync, run_id, "AAPL")
    clock.now += timedelta(seconds=2)
    progress = at(sync)
    assert progress.rate_per_second == pytest.approx(0.5)
    assert progress.seconds_left == pytest.approx(4.0)
    assert progress.worker_alive is False
    assert sync.progress(run_id + 1) is None
