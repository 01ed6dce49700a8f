from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from db import data_version, run_progress, run_symbols, scan_runs
from db.engine import Database
from db.run_symbols import SymbolAccount
from db.scan_runs import RunState, RunTicket
from scanner.errors import InputError
from tests.integration.db.conftest import NOW, SETTINGS

ACCOUNT = SymbolAccount(source="simulated", fetched=120, unreadable={"no strike": 2}, stored=118, iv_null={"x": 3})


def start(database: Database, symbols: Sequence[str]) -> RunTicket:
    with database.connection() as connection:
        return scan_runs.start_or_join(connection, symbols, SETTINGS, now=NOW)


def claim(database: Database, run_id: int, symbol: str, *, worker: str = "w:1") -> int | None:
    with database.connection() as connection:
        return run_symbols.claim(connection, run_id, symbol, worker=worker, now=NOW)


def succeed(database: Database, run_id: int, symbol: str, attempt: int = 1) -> bool:
    with database.connection() as connection:
        cursor = run_symbols.succeed(connection, run_id, symbol, attempt, ACCOUNT, now=NOW + timedelta(seconds=2))
        return cursor.rowcount == 1


def fail(database: Database, run_id: int, symbol: str, attempt: int = 1, error: str = "SourceTimeoutError") -> bool:
    with database.connection() as connection:
        return run_symbols.fail(
            connection, run_id, symbol, attempt=attempt, error_class=error, message="no answer in 5 s", now=NOW
        )


def finish(database: Database, run_id: int) -> bool:
    with database.connection() as connection:
        return scan_runs.finish_if_done(connection, run_id, now=NOW)


def progress(database: Database, run_id: int) -> run_progress.RunProgress:
    with database.connection() as connection:
        found = run_progress.progress(connection, run_id, now=NOW + timedelta(seconds=10))
    assert found is not None
    return found


def test_a_run_is_the_list_of_its_symbols(database: Database, universe: tuple[str, ...]) -> None:
    ticket = start(database, ["KO", "AAPL", "KO"])
    assert ticket == RunTicket(ticket.run_id, joined=False, added=("KO", "AAPL"))
    found = progress(database, ticket.run_id)
    assert (found.state, found.kind, found.total, found.pending) == (RunState.RUNNING, "sync", 2, 2)
    assert (found.started_at, found.finished_at, found.current) == (None, None, ())


def test_a_second_start_joins_and_adds_what_is_missing(database: Database, universe: tuple[str, ...]) -> None:
    first = start(database, ["KO", "AAPL"])
    claim(database, first.run_id, "KO")
    succeed(database, first.run_id, "KO")
    second = start(database, ["KO", "TSLA"])
    assert second == RunTicket(first.run_id, joined=True, added=("TSLA",))
    assert progress(database, first.run_id).total == 3


def test_many_starts_at_once_are_one_run(database: Database, universe: tuple[str, ...]) -> None:
    barrier = threading.Barrier(6)

    def begin(_: int) -> RunTicket:
        barrier.wait()
        return start(database, universe)

    with ThreadPoolExecutor(6) as pool:
        tickets = list(pool.map(begin, range(6)))
    assert len({ticket.run_id for ticket in tickets}) == 1
    assert sorted(ticket.joined for ticket in tickets) == [False, True, True, True, True, True]
    assert sorted(symbol for ticket in tickets for symbol in ticket.added) == sorted(universe)


def test_another_kind_of_run_is_another_run(database: Database, universe: tuple[str, ...]) -> None:
    one = start(database, universe)
    with database.connection() as connection:
        other = scan_runs.start_or_join(connection, universe, SETTINGS, now=NOW, kind="flow")
        assert not other.joined
        assert scan_runs.running_run(connection) == one.run_id
        assert scan_runs.running_run(connection, kind="flow") == other.run_id


@pytest.mark.parametrize("symbols", [[], ["AAPL", "NOPE"]])
def test_a_run_needs_symbols_of_the_universe(database: Database, universe: tuple[str, ...], symbols: list[str]) -> None:
    with pytest.raises(InputError, match=r"no stock to sync|NOPE"):
        start(database, symbols)
    with database.connection() as connection:
        assert scan_runs.latest_run(connection) is None


def test_each_claim_has_a_number_and_only_the_latest_counts(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO"]).run_id
    assert claim(database, run_id, "KO", worker="w:1") == 1
    assert claim(database, run_id, "KO", worker="w:2") == 2
    assert not succeed(database, run_id, "KO", 1)
    assert not fail(database, run_id, "KO", 1)
    assert succeed(database, run_id, "KO", 2)
    assert claim(database, run_id, "KO") is None
    assert claim(database, run_id, "AAPL") is None


def test_a_released_symbol_is_tried_again(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO"]).run_id
    claim(database, run_id, "KO")
    with database.connection() as connection:
        assert run_symbols.release(connection, run_id, "KO", attempt=1)
        assert not run_symbols.release(connection, run_id, "KO", attempt=1)
        assert run_symbols.open_symbols(connection, run_id) == ("KO",)
    assert not succeed(database, run_id, "KO", 1)
    assert claim(database, run_id, "KO") == 2


def test_the_run_ends_with_its_last_symbol(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO", "AAPL", "TSLA"]).run_id
    with database.connection() as connection:
        before = data_version.current(connection)
    for symbol in ("KO", "AAPL"):
        claim(database, run_id, symbol)
        succeed(database, run_id, symbol)
        assert not finish(database, run_id)
    claim(database, run_id, "TSLA")
    assert not finish(database, run_id)
    fail(database, run_id, "TSLA")
    assert finish(database, run_id)
    assert not finish(database, run_id)
    found = progress(database, run_id)
    assert (found.state, found.finished_at) == (RunState.FINISHED, NOW)
    assert (found.succeeded, found.failed, found.contracts) == (2, 1, 236)
    with database.connection() as connection:
        assert data_version.current(connection) == before + 1
        assert connection.execute(
            "select total, succeeded, failed, cancelled, contracts from scan_runs"
        ).fetchall() == [(3, 2, 1, 0, 236)]
    assert not start(database, ["KO"]).joined


def test_exactly_one_of_many_ends_a_run(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, universe).run_id
    for symbol in universe:
        claim(database, run_id, symbol)
    barrier = threading.Barrier(len(universe))

    def end(symbol: str) -> bool:
        barrier.wait()
        succeed(database, run_id, symbol)
        return finish(database, run_id)

    with ThreadPoolExecutor(len(universe)) as pool:
        assert sum(pool.map(end, universe)) == 1


def test_a_run_does_not_end_while_a_symbol_joins_it(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO"]).run_id
    claim(database, run_id, "KO")
    succeed(database, run_id, "KO")
    ended: list[bool] = []
    with database.connection() as joining:
        ticket = scan_runs.start_or_join(joining, ["AAPL"], SETTINGS, now=NOW)
        assert ticket == RunTicket(run_id, joined=True, added=("AAPL",))
        ending = threading.Thread(target=lambda: ended.append(finish(database, run_id)))
        ending.start()
        ending.join(0.3)
        assert ending.is_alive()
    ending.join()
    assert ended == [False]


def test_progress_counts_and_names(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, universe).run_id
    for symbol in ("KO", "AAPL", "TSLA", "AMD"):
        claim(database, run_id, symbol)
    succeed(database, run_id, "KO")
    fail(database, run_id, "TSLA", error="RateLimitedError")
    fail(database, run_id, "AAPL")
    found = progress(database, run_id)
    assert (found.total, found.pending, found.running, found.succeeded, found.failed) == (5, 1, 1, 1, 2)
    assert (found.current, found.contracts, found.started_at) == (("AMD",), 118, NOW)
    assert found.errors == {"RateLimitedError": 1, "SourceTimeoutError": 1}
    assert [(one.symbol, one.error_class, one.attempts) for one in found.failures] == [
        ("AAPL", "SourceTimeoutError", 1),
        ("TSLA", "RateLimitedError", 1),
    ]
    assert found.recent == 3
    with database.connection() as connection:
        later = run_progress.progress(connection, run_id, now=NOW + timedelta(hours=1), recent_seconds=5, failures=1)
        assert run_progress.progress(connection, run_id + 1, now=NOW) is None
    assert later is not None
    assert (later.recent, later.recent_seconds, len(later.failures)) == (0, 5, 1)


def test_cancelling_stops_what_has_not_begun(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, universe).run_id
    claim(database, run_id, "KO")
    with database.connection() as connection:
        assert scan_runs.cancel(connection, run_id, now=NOW) == 4
        assert not scan_runs.finish_if_done(connection, run_id, now=NOW)
        assert scan_runs.cancel(connection, run_id, now=NOW) == 0
    assert claim(database, run_id, "AAPL") is None
    found = progress(database, run_id)
    assert (found.state, found.cancel_requested, found.cancelled, found.running) == (RunState.RUNNING, True, 4, 1)
    assert succeed(database, run_id, "KO")
    assert finish(database, run_id)
    assert progress(database, run_id).state is RunState.CANCELLED
    with database.connection() as connection:
        assert scan_runs.cancel(connection, run_id, now=NOW) == 0


def test_with_nothing_in_work_a_cancelled_run_ends_at_once(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, universe).run_id
    with database.connection() as connection:
        assert scan_runs.cancel(connection, run_id, now=NOW) == 5
        assert scan_runs.finish_if_done(connection, run_id, now=NOW)


def test_a_start_during_a_cancellation_goes_on_with_its_symbols(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO", "AAPL", "TSLA"]).run_id
    claim(database, run_id, "KO")
    with database.connection() as connection:
        scan_runs.cancel(connection, run_id, now=NOW)
    assert start(database, ["KO", "AAPL", "SPY"]) == RunTicket(run_id, joined=True, added=("AAPL", "SPY"))
    found = progress(database, run_id)
    assert (found.cancel_requested, found.cancelled, found.pending, found.total) == (False, 1, 2, 4)


def test_retrying_a_finished_run_is_a_run_of_its_failed_symbols(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO", "AAPL"]).run_id
    for symbol in ("KO", "AAPL"):
        claim(database, run_id, symbol)
    succeed(database, run_id, "KO")
    fail(database, run_id, "AAPL")
    finish(database, run_id)
    with database.connection() as connection:
        ticket = scan_runs.retry_failed(connection, run_id, SETTINGS, now=NOW)
        assert ticket is not None
        assert (ticket.joined, ticket.added) == (False, ("AAPL",))
        assert connection.execute("select retry_of from scan_runs where run_id = %s", [ticket.run_id]).fetchone() == (
            run_id,
        )
    assert progress(database, run_id).failed == 1


def test_retrying_a_running_run_opens_its_failed_symbols_again(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO", "AAPL"]).run_id
    claim(database, run_id, "AAPL")
    with database.connection() as connection:
        assert scan_runs.retry_failed(connection, run_id, SETTINGS, now=NOW) is None
    fail(database, run_id, "AAPL")
    with database.connection() as connection:
        assert scan_runs.retry_failed(connection, run_id, SETTINGS, now=NOW) == RunTicket(run_id, True, ("AAPL",))
    assert claim(database, run_id, "AAPL") == 2


def test_a_transaction_that_rolls_back_leaves_no_run(database: Database, universe: tuple[str, ...]) -> None:
    with database.connection() as connection:
        scan_runs.start_or_join(connection, universe, SETTINGS, now=NOW)
        connection.rollback()
    with database.connection() as connection:
        assert scan_runs.running_run(connection) is None


def test_a_run_of_a_few_chosen_symbols_is_not_yet_a_sync_of_the_universe(
    database: Database, universe: tuple[str, ...]
) -> None:
    with database.connection() as connection:
        assert scan_runs.mostly_untried(connection)
        scan_runs.start_or_join(connection, universe[:2], SETTINGS, now=NOW)
        assert scan_runs.mostly_untried(connection)
        scan_runs.start_or_join(connection, universe[:3], SETTINGS, now=NOW)
        assert not scan_runs.mostly_untried(connection)


def test_an_empty_universe_has_nothing_untried(database: Database) -> None:
    with database.connection() as connection:
        assert not scan_runs.mostly_untried(connection)


def wait_at_most(connection: Connection[Any], milliseconds: int = 2000) -> None:
    connection.execute(f"set local lock_timeout = {milliseconds}")


def test_who_joins_a_run_does_not_wait_for_symbols_in_work(database: Database, universe: tuple[str, ...]) -> None:
    """A worker that has changed a symbol may be about to lock the run: waiting for it would be a deadlock."""
    run_id = start(database, ["KO"]).run_id
    assert claim(database, run_id, "KO") == 1
    with database.connection() as worker, database.connection() as joining:
        assert run_symbols.fail(worker, run_id, "KO", attempt=1, error_class="SourceError", message="no", now=NOW)
        wait_at_most(joining)
        ticket = scan_runs.start_or_join(joining, ["KO", "AAPL"], SETTINGS, now=NOW)
    assert ticket == RunTicket(run_id, joined=True, added=("AAPL",))


def test_a_claim_does_not_wait_for_who_has_locked_the_run(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO"]).run_id
    with database.connection() as joining, database.connection() as worker:
        scan_runs.start_or_join(joining, ["AAPL"], SETTINGS, now=NOW)
        wait_at_most(worker)
        assert run_symbols.claim(worker, run_id, "KO", worker="w:1", now=NOW) == 1
    assert progress(database, run_id).started_at is None
    assert claim(database, run_id, "AAPL") == 1
    assert progress(database, run_id).started_at == NOW


def test_a_run_whose_start_nobody_could_note_knows_it_at_its_end(database: Database, universe: tuple[str, ...]) -> None:
    run_id = start(database, ["KO"]).run_id
    with database.connection() as joining, database.connection() as worker:
        scan_runs.start_or_join(joining, ["KO"], SETTINGS, now=NOW)
        assert run_symbols.claim(worker, run_id, "KO", worker="w:1", now=NOW) == 1
    assert succeed(database, run_id, "KO")
    assert finish(database, run_id)
    assert progress(database, run_id).started_at == NOW
