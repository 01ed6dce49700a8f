from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from db import jobs
from db.engine import Database

TASK = "sync_symbol"


def test_jobs_appear_with_the_transaction_in_the_given_order(database: Database, database_dsn: str) -> None:
    with psycopg.connect(database_dsn, autocommit=True) as worker:
        worker.execute('listen "procrastinate_queue_v1#default"')
        with database.connection() as connection:
            ids = jobs.defer(connection, TASK, [{"run_id": 7, "symbol": one} for one in ("KO", "AAPL", "AMD")])
            assert worker.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)
        rows = worker.execute(
            "select id, task_name, queue_name, args ->> 'symbol', status::text from procrastinate_jobs order by id"
        ).fetchall()
        notified = next(iter(worker.notifies(timeout=5, stop_after=1)), None)
    assert [row[0] for row in rows] == list(ids)
    assert [row[1:] for row in rows] == [(TASK, "default", one, "todo") for one in ("KO", "AAPL", "AMD")]
    assert notified is not None


@pytest.mark.parametrize("known", [1, 2, 2_000])
def test_the_next_job_is_found_among_many_without_reading_them_all(database_dsn: str, known: int) -> None:
    """`known`: how many jobs there were when the planner's statistics were taken."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        ids = jobs.defer(connection, TASK, [{"run_id": 7, "symbol": "KO"}] * 2_000)
        connection.execute("delete from procrastinate_jobs where id <> all(%s)", [list(ids[:known])])
        connection.execute("analyze procrastinate_jobs")
        connection.execute("delete from procrastinate_jobs")
        first, *_ = jobs.defer(connection, TASK, [{"run_id": 8, "symbol": "KO"}] * 2_000)
    with psycopg.connect(database_dsn) as worker:
        found = worker.execute("select id from procrastinate_fetch_job_v2(null, null)").fetchone()
        read = worker.execute(
            "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = 'procrastinate_jobs'"
        ).fetchone()
    assert found == (first,)
    assert read is not None
    assert read[0] < 20


def test_no_arguments_are_no_jobs(database: Database) -> None:
    with database.connection() as connection:
        assert jobs.defer(connection, TASK, []) == ()


def test_jobs_of_a_transaction_that_rolls_back_are_never_seen(database: Database) -> None:
    with database.connection() as connection:
        jobs.defer(connection, TASK, [{"run_id": 7, "symbol": "KO"}])
        connection.rollback()
    with database.connection() as connection:
        assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)


def test_waiting_jobs_of_one_run_are_cancelled_and_others_stay(database: Database) -> None:
    with database.connection() as connection:
        begun, *_ = jobs.defer(connection, TASK, [{"run_id": 7, "symbol": one} for one in ("KO", "AAPL", "AMD")])
        jobs.defer(connection, TASK, [{"run_id": 8, "symbol": "KO"}])
        jobs.defer(connection, "refresh_reference", [{}])
        connection.execute("update procrastinate_jobs set status = 'doing' where id = %s", [begun])
        assert jobs.symbols_with_job(connection, TASK, 7) == {"KO", "AAPL", "AMD"}
        assert jobs.cancel_waiting(connection, TASK, 7) == 2
        assert jobs.cancel_waiting(connection, TASK, 7) == 0
        assert jobs.symbols_with_job(connection, TASK, 7) == {"KO"}
        assert jobs.symbols_with_job(connection, TASK, 8) == {"KO"}


def test_slots_with_a_job_that_is_not_over(database: Database) -> None:
    first, second = (datetime(2026, 11, 20, hour, 0, tzinfo=UTC) for hour in (20, 21))
    with database.connection() as connection:
        assert jobs.slots_with_job(connection, "scan_past_flow") == frozenset()
        begun, _ = jobs.defer(connection, "scan_past_flow", [{"slot": one.isoformat()} for one in (first, second)])
        jobs.defer(connection, TASK, [{"slot": "2026-11-19T20:00:00+00:00"}])
        connection.execute("update procrastinate_jobs set status = 'doing' where id = %s", [begun])
        assert jobs.slots_with_job(connection, "scan_past_flow") == {first, second}
        connection.execute("update procrastinate_jobs set status = 'failed' where id = %s", [begun])
        assert jobs.slots_with_job(connection, "scan_past_flow") == {second}
