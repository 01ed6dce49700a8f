"""Jobs of the queue, written with plain SQL so that they appear in the same transaction as what they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


def defer(
    connection: Connection[Any],
    task: str,
    arguments: Sequence[Mapping[str, Any]],
    *,
    queue: str = "default",
    priority: int = 0,
) -> tuple[int, ...]:
    """Queue one job of `task` for each of `arguments` (JSON values), in that order; return the ids of the jobs.

    Workers see them when the transaction commits, and are notified then. Higher priorities run first.
    """
    if not arguments:
        return ()
    row = connection.execute(
        """
        select procrastinate_defer_jobs_v1(array(
            select row(%s, %s, %s, null, null, job, null)::procrastinate_job_to_defer_v1
            from unnest(%s::jsonb[]) with ordinality as given (job, position)
            order by position
        ))
        """,
        [queue, task, priority, [json.dumps(dict(one)) for one in arguments]],
    ).fetchone()
    return () if row is None else tuple(row[0])


def cancel_waiting(connection: Connection[Any], task: str, run_id: int) -> int:
    """Remove the jobs of `task` with the argument `run_id` that nobody has begun; return how many."""
    rows = connection.execute(
        """
        select procrastinate_cancel_job_v1(id, false, true)
        from procrastinate_jobs
        where status = 'todo' and task_name = %s and (args ->> 'run_id')::bigint = %s
        """,
        [task, run_id],
    ).fetchall()
    return sum(1 for (job,) in rows if job is not None)


def symbols_with_job(connection: Connection[Any], task: str, run_id: int) -> frozenset[str]:
    """Symbols of a run that have a job waiting or begun: what a resumed run need not queue again."""
    rows = connection.execute(
        """
        select args ->> 'symbol'
        from procrastinate_jobs
        where status in ('todo', 'doing') and task_name = %s and (args ->> 'run_id')::bigint = %s
        """,
        [task, run_id],
    ).fetchall()
    return frozenset(symbol for (symbol,) in rows)


def slots_with_job(connection: Connection[Any], task: str) -> frozenset[datetime]:
    """Instants, the argument `slot`, for which a job of `task` is waiting or begun."""
    rows = connection.execute(
        "select args ->> 'slot' from procrastinate_jobs where status in ('todo', 'doing') and task_name = %s", [task]
    ).fetchall()
    return frozenset(datetime.fromisoformat(slot) for (slot,) in rows)


@dataclass(frozen=True, slots=True)
class QueueLine:
    """Jobs of one kind: `waiting` may begin now, `later` are put off, `in_work` are begun, `failed` have given up."""

    task: str
    waiting: int
    later: int
    in_work: int
    failed: int


def queue(connection: Connection[Any]) -> tuple[QueueLine, ...]:
    """What is in the queue, by kind of job; failed ones of the last seven days."""
    cursor = connection.cursor(row_factory=class_row(QueueLine))
    cursor.execute(
        """
        select task_name as task,
            count(*) filter (where status = 'todo' and coalesce(scheduled_at, now()) <= now())::int as waiting,
            count(*) filter (where status = 'todo' and scheduled_at > now())::int as later,
            count(*) filter (where status = 'doing')::int as in_work,
            count(*) filter (where status = 'failed')::int as failed
        from procrastinate_jobs
        where status in ('todo', 'doing', 'failed')
        group by task_name
        order by task_name
        """
    )
    return tuple(cursor)
