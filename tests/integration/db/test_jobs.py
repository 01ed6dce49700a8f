from __future__ import annotations

import psycopg

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
