"""Where a run stands, in one consistent look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from db.scan_runs import RunState
from scanner.model import Mode


@dataclass(frozen=True, slots=True)
class Failure:
    symbol: str
    error_class: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a run stands, in one consistent look. `recent` symbols were done in the last `recent_seconds`."""

    run_id: int
    kind: str
    state: RunState
    mode: Mode
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    total: int
    pending: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    contracts: int
    recent: int
    recent_seconds: float
    current: tuple[str, ...]
    failures: tuple[Failure, ...] = ()
    errors: Mapping[str, int] = field(default_factory=dict)


def progress(
    connection: Connection[Any], run_id: int, *, now: datetime, recent_seconds: float = 30.0, failures: int = 200
) -> RunProgress | None:
    """Where a run stands, in one query; None for an unknown run. At most `failures` failures, alphabetically."""
    cursor = connection.cursor(row_factory=dict_row)
    row = cursor.execute(
        """
        select run.run_id, run.kind, run.state, run.mode, run.requested_at, run.started_at, run.finished_at,
            run.cancel_requested_at is not null as cancel_requested, run.total, symbols.*, problems.*
        from scan_runs as run
        cross join lateral (
            select count(*) filter (where state = 'pending') as pending,
                count(*) filter (where state = 'running') as running,
                count(*) filter (where state = 'succeeded') as succeeded,
                count(*) filter (where state = 'failed') as failed,
                count(*) filter (where state = 'cancelled') as cancelled,
                coalesce(sum(stored), 0) as contracts,
                count(*) filter (where state in ('succeeded', 'failed') and finished_at > %(since)s) as recent,
                coalesce(array_agg(symbol order by started_at) filter (where state = 'running'), '{}') as current
            from scan_run_symbols
            where run_id = run.run_id
        ) as symbols
        cross join lateral (
            select coalesce(jsonb_object_agg(error_class, failed), '{}') as errors,
                (
                    select coalesce(jsonb_agg(jsonb_build_array(symbol, error_class, error_message, attempts)), '[]')
                    from (
                        select symbol, error_class, error_message, attempts
                        from scan_run_symbols
                        where run_id = run.run_id and state = 'failed'
                        order by symbol
                        limit %(failures)s
                    ) as listed
                ) as failures
            from (
                select error_class, count(*) as failed
                from scan_run_symbols
                where run_id = run.run_id and state = 'failed'
                group by error_class
            ) as by_class
        ) as problems
        where run.run_id = %(run_id)s
        """,
        {"run_id": run_id, "since": now - timedelta(seconds=recent_seconds), "failures": failures},
    ).fetchone()
    if row is None:
        return None
    row["state"], row["mode"], row["current"] = RunState(row["state"]), Mode(row["mode"]), tuple(row["current"])
    row["failures"] = tuple(Failure(*failure) for failure in row["failures"])
    return RunProgress(**row, recent_seconds=recent_seconds)
