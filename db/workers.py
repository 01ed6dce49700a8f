"""Which worker processes are alive, and the jobs of those that are not.

A living worker holds an advisory lock on its Procrastinate id in a connection of its own. The server releases the
lock the moment the process dies, however it dies and on whatever machine, so nobody has to wait for a time-out; the
heartbeat only covers workers that live and hang.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from db.connect import connect, translated
from scanner.errors import DatabaseUnreachableError

_LOCK_CLASS: Final = 72_403
"""First half of the advisory lock's key; the second is the worker's id."""

HEARTBEAT_SECONDS: Final = 30.0
"""A worker without a heartbeat for this long is taken for dead even when its connection is open."""

_ALIVE: Final = sql.SQL(
    """
    select lock.objid::bigint as worker_id
    from pg_locks as lock
    join procrastinate_workers as worker on worker.id = lock.objid::bigint
    where lock.locktype = 'advisory' and lock.classid = %(lock_class)s and lock.objsubid = 2 and lock.granted
        and lock.database = (select oid from pg_database where datname = current_database())
        and worker.last_heartbeat > now() - make_interval(secs => %(heartbeat_seconds)s)
    """
)
_PARAMETERS: Final = {"lock_class": _LOCK_CLASS, "heartbeat_seconds": HEARTBEAT_SECONDS}


class WorkerPresence:
    """The connection by which one worker shows that it lives. One thread at a time."""

    def __init__(self, dsn: str) -> None:
        """Errors: those of `connect`."""
        self._dsn = dsn
        self._connection = connect(dsn, autocommit=True)

    def announce(self, worker_id: int) -> None:
        """Show that the worker with this Procrastinate id lives, until `close` or the end of the process."""
        with translated(self._dsn):
            self._connection.execute("select pg_advisory_lock(%s, %s)", [_LOCK_CLASS, worker_id])

    def take_over(self) -> int:
        """Queue again what dead workers left half done; return how many jobs. Errors: DatabaseUnreachableError."""
        with translated(self._dsn):
            return requeue_orphans(self._connection)

    def close(self) -> None:
        self._connection.close()


def queue_pool(dsn: str) -> AsyncConnectionPool:
    """Connections for Procrastinate, not yet open: each statement commits itself, none is checked before its use.

    A worker whose connection breaks ends and is started again, so a check before each of thousands of statements
    would only cost time.
    """

    async def configure(connection: psycopg.AsyncConnection) -> None:
        await connection.set_autocommit(True)

    return AsyncConnectionPool(dsn, min_size=2, max_size=4, open=False, configure=configure)


def worker_count(connection: psycopg.Connection[Any]) -> int:
    """How many workers are alive on this database."""
    row = connection.execute(sql.SQL("select count(*) from ({}) as alive").format(_ALIVE), _PARAMETERS).fetchone()
    if row is None:
        raise DatabaseUnreachableError("the server gave no answer")
    return int(row[0])


def requeue_orphans(connection: psycopg.Connection[Any]) -> int:
    """Put jobs in work whose worker is dead back into the queue, and forget dead workers. Safe to run anywhere."""
    with connection.transaction():
        requeued = connection.execute(
            sql.SQL(
                """
                with orphan as materialized (
                    select id from procrastinate_jobs
                    where status = 'doing' and (worker_id is null or worker_id not in ({alive}))
                    order by id
                    for update skip locked
                )
                select count(procrastinate_retry_job_v2(id, null, null, null, null)) from orphan
                """
            ).format(alive=_ALIVE),
            _PARAMETERS,
        ).fetchone()
        connection.execute(
            sql.SQL(
                "delete from procrastinate_workers "
                "where last_heartbeat < now() - make_interval(secs => %(heartbeat_seconds)s) and id not in ({alive})"
            ).format(alive=_ALIVE),
            _PARAMETERS,
        )
    return int(requeued[0]) if requeued else 0


@dataclass(frozen=True, slots=True)
class AliveWorker:
    """`in_work` jobs it has begun; `heartbeat_seconds` since its last sign of life."""

    worker_id: int
    heartbeat_seconds: float
    in_work: int


def alive(connection: psycopg.Connection[Any]) -> tuple[AliveWorker, ...]:
    """The workers that are alive on this database, whatever machine they are on."""
    cursor = connection.cursor(row_factory=class_row(AliveWorker))
    cursor.execute(
        sql.SQL(
            """
            select worker.id as worker_id,
                extract(epoch from now() - worker.last_heartbeat)::float8 as heartbeat_seconds,
                (select count(*) from procrastinate_jobs as job
                    where job.status = 'doing' and job.worker_id = worker.id)::int as in_work
            from procrastinate_workers as worker
            where worker.id in ({alive})
            order by worker.id
            """
        ).format(alive=_ALIVE),
        _PARAMETERS,
    )
    return tuple(cursor)
