from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from db import jobs
from db.engine import Database
from db.workers import WorkerPresence, requeue_orphans, worker_count
from db.workers import alive as living
from scanner.errors import DatabaseUnreachableError

TASK = "sync_symbol"


class Queue:
    """A queue seen with a worker's eyes, one connection."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)

    def one(self, statement: str, *parameters: object) -> int:
        row = self.connection.execute(statement.encode(), parameters).fetchone()
        assert row is not None
        return int(row[0])

    def register(self) -> int:
        return self.one("select worker_id from procrastinate_register_worker_v1()")

    def take(self, worker_id: int) -> int:
        return self.one("select id from procrastinate_fetch_job_v2(null, %s)", worker_id)

    def age_heartbeat(self, worker_id: int, seconds: int) -> None:
        self.connection.execute(
            "update procrastinate_workers set last_heartbeat = now() - make_interval(secs => %s) where id = %s",
            [seconds, worker_id],
        )

    def states(self) -> list[str]:
        rows = self.connection.execute("select status::text from procrastinate_jobs order by id")
        return [state for (state,) in rows]


@pytest.fixture
def queue(database: Database) -> Iterator[Queue]:
    with database.connection() as connection:
        jobs.defer(connection, TASK, [{"run_id": 1, "symbol": symbol} for symbol in ("AAPL", "MSFT")])
    queue = Queue(database.dsn)
    yield queue
    queue.connection.close()


def alive(database: Database) -> int:
    with database.connection() as connection:
        return worker_count(connection)


def take_over(database: Database) -> int:
    with database.connection() as connection:
        return requeue_orphans(connection)


def test_a_worker_lives_as_long_as_its_connection(database: Database, queue: Queue) -> None:
    assert alive(database) == 0
    presence = WorkerPresence(database.dsn)
    assert alive(database) == 0
    presence.announce(queue.register())
    assert alive(database) == 1
    presence.close()
    assert alive(database) == 0


def test_jobs_of_the_living_are_left_alone(database: Database, queue: Queue) -> None:
    worker_id = queue.register()
    presence = WorkerPresence(database.dsn)
    presence.announce(worker_id)
    queue.take(worker_id)
    assert take_over(database) == 0
    assert queue.states() == ["doing", "todo"]
    presence.close()


def test_jobs_of_the_dead_are_queued_again_at_once(database: Database, queue: Queue) -> None:
    worker_id = queue.register()
    presence = WorkerPresence(database.dsn)
    presence.announce(worker_id)
    queue.take(worker_id)
    queue.take(worker_id)
    presence.close()
    survivor = WorkerPresence(database.dsn)
    survivor.announce(queue.register())
    assert survivor.take_over() == 2
    assert queue.states() == ["todo", "todo"]
    assert survivor.take_over() == 0
    survivor.close()


def test_jobs_of_a_worker_that_was_forgotten_are_queued_again(database: Database, queue: Queue) -> None:
    worker_id = queue.register()
    queue.take(worker_id)
    queue.connection.execute("delete from procrastinate_workers")
    assert take_over(database) == 1


def test_a_worker_that_hangs_is_taken_for_dead_after_half_a_minute(database: Database, queue: Queue) -> None:
    worker_id = queue.register()
    presence = WorkerPresence(database.dsn)
    presence.announce(worker_id)
    queue.take(worker_id)
    queue.age_heartbeat(worker_id, 29)
    assert (alive(database), take_over(database)) == (1, 0)
    queue.age_heartbeat(worker_id, 31)
    assert (alive(database), take_over(database)) == (0, 1)
    assert queue.one("select count(*) from procrastinate_workers") == 0
    presence.close()


def test_workers_of_other_databases_do_not_count(
    database: Database, queue: Queue, new_database: object, template: str
) -> None:
    assert callable(new_database)
    other = WorkerPresence(new_database(template))
    other.announce(queue.register())
    assert alive(database) == 0
    other.close()


def test_a_lost_connection_is_reported(database: Database, queue: Queue) -> None:
    presence = WorkerPresence(database.dsn)
    presence.announce(queue.register())
    queue.connection.execute(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objsubid = 2"
    )
    with pytest.raises(DatabaseUnreachableError):
        presence.take_over()
    presence.close()


def test_who_lives_and_what_waits(database: Database, queue: Queue) -> None:
    worker_id = queue.register()
    presence = WorkerPresence(database.dsn)
    presence.announce(worker_id)
    queue.take(worker_id)
    queue.age_heartbeat(worker_id, 12)
    with database.connection() as connection:
        jobs.defer(connection, "another", [{}])
        connection.execute(
            "update procrastinate_jobs set scheduled_at = now() + interval '1 h' where task_name = 'another'"
        )
        (worker,) = living(connection)
        lines = jobs.queue(connection)
    assert (worker.worker_id, worker.in_work) == (worker_id, 1)
    assert worker.heartbeat_seconds >= 12
    assert lines == (jobs.QueueLine("another", 0, 1, 0, 0), jobs.QueueLine(TASK, 1, 0, 1, 0))
    presence.close()
