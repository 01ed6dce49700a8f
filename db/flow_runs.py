"""Flow scans as runs: one for each slot of the schedule, one at a time; their sentiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db.run_kinds import FLOW
from db.scan_runs import RunSettings, RunState


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A flow scan: `slot` is the instant it is for."""

    run_id: int
    slot: datetime
    state: RunState


@dataclass(frozen=True, slots=True)
class Mood:
    """The sentiment of one scan: `avg_skew` and `stddev` in vol points over `n` symbols, unknown with too few.

    `without_skew` symbols were looked at and have no skew.
    """

    run_id: int
    timestamp: datetime
    market_sentiment: str
    avg_skew: float | None
    stddev: float | None
    n: int
    without_skew: int


@dataclass(frozen=True, slots=True)
class Performance:
    """A row of the view `scan_performance`; means in ms a symbol, unknown where nothing succeeded.

    `seconds` are unknown while a scan runs, and of a scan of the past, whose clock stands still.
    """

    run_id: int
    timestamp: datetime
    state: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    total: int
    succeeded: int
    failed: int
    contracts: int
    most_attempts: int | None
    fetch_ms: float | None
    price_ms: float | None
    store_ms: float | None


def latest(connection: Connection[Any]) -> FlowRun | None:
    """The scan of the latest slot, running or over."""
    row = connection.execute(
        "select run_id, slot, state from scan_runs where kind = %s and slot is not null order by slot desc limit 1",
        [FLOW],
    ).fetchone()
    return None if row is None else FlowRun(int(row[0]), row[1], RunState(row[2]))


def running(connection: Connection[Any]) -> FlowRun | None:
    """The scan that is running now."""
    row = connection.execute(
        "select run_id, slot from scan_runs where kind = %s and state = 'running'", [FLOW]
    ).fetchone()
    return None if row is None else FlowRun(int(row[0]), row[1], RunState.RUNNING)


def begin(
    connection: Connection[Any], slot: datetime, symbols: Sequence[str], settings: RunSettings, *, now: datetime
) -> int | None:
    """Begin the scan of a slot; None where somebody began it, or another flow scan is running.

    Its symbols must be in the universe.
    """
    return _insert(connection, slot, symbols, settings, now=now, state=RunState.RUNNING)


def record(
    connection: Connection[Any], slot: datetime, symbols: Sequence[str], settings: RunSettings, *, now: datetime
) -> int | None:
    """Write a scan of a past slot that is over: its symbols succeeded, each with one attempt; None where one is there.

    `now`: when it would have been done.
    """
    run_id = _insert(connection, slot, symbols, settings, now=now, state=RunState.FINISHED)
    if run_id is not None:
        connection.execute(
            "update scan_run_symbols set state = 'running', attempts = 1, worker = 'backfill', started_at = %s "
            "where run_id = %s",
            [now, run_id],
        )
    return run_id


def count_recorded(connection: Connection[Any], run_id: int) -> None:
    """Write the totals of a scan made by `record`."""
    connection.execute(
        """
        update scan_runs set succeeded = done.succeeded, failed = done.failed, cancelled = 0, contracts = done.contracts
        from (
            select count(*) filter (where state = 'succeeded') as succeeded,
                count(*) filter (where state = 'failed') as failed, coalesce(sum(stored), 0) as contracts
            from scan_run_symbols where run_id = %(run_id)s
        ) as done
        where run_id = %(run_id)s
        """,
        {"run_id": run_id},
    )


def slots_between(connection: Connection[Any], first: datetime, last: datetime) -> frozenset[datetime]:
    """The slots with a scan, both ends included."""
    rows = connection.execute(
        "select slot from scan_runs where kind = %s and slot between %s and %s", [FLOW, first, last]
    )
    return frozenset(slot for (slot,) in rows)


def slot_of(connection: Connection[Any], run_id: int) -> datetime | None:
    row = connection.execute("select slot from scan_runs where run_id = %s", [run_id]).fetchone()
    return None if row is None else row[0]


def store_mood(connection: Connection[Any], mood: Mood) -> None:
    """Store the sentiment of a scan that is over; one that is stored stays."""
    connection.execute(
        "insert into market_moods (run_id, timestamp, market_sentiment, avg_skew, stddev, n, without_skew) "
        "values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        list(astuple(mood)),
    )


def latest_mood(connection: Connection[Any]) -> Mood | None:
    """The row of the view `market_sentiment`."""
    return connection.cursor(row_factory=class_row(Mood)).execute(_MOOD + "from market_sentiment").fetchone()


def moods(connection: Connection[Any], *, since: datetime) -> tuple[Mood, ...]:
    """The sentiment of every scan since an instant, ascending."""
    cursor = connection.cursor(row_factory=class_row(Mood))
    return tuple(cursor.execute(_MOOD + "from market_moods where timestamp >= %s order by timestamp", [since]))


def performance(connection: Connection[Any], *, limit: int, before: datetime | None = None) -> tuple[Performance, ...]:
    """The latest scans, newest first; with `before`, those of earlier slots."""
    cursor = connection.cursor(row_factory=class_row(Performance))
    return tuple(
        cursor.execute(
            "select * from scan_performance where %(before)s::timestamptz is null or timestamp < %(before)s "
            "order by timestamp desc limit %(limit)s",
            {"before": before, "limit": limit},
        )
    )


_MOOD: Final = "select run_id, timestamp, market_sentiment, avg_skew, stddev, n, without_skew "


def _insert(
    connection: Connection[Any],
    slot: datetime,
    symbols: Sequence[str],
    settings: RunSettings,
    *,
    now: datetime,
    state: RunState,
) -> int | None:
    over = None if state is RunState.RUNNING else now
    row = connection.execute(
        """
        insert into scan_runs
            (kind, slot, state, mode, requested_at, started_at, finished_at, rates, sources, price_basis, total)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict do nothing
        returning run_id
        """,
        [
            FLOW,
            slot,
            state.value,
            settings.mode.value,
            now,
            over,
            over,
            Jsonb(dict(settings.rates)),
            list(settings.sources),
            settings.price_basis,
            len(symbols),
        ],
    ).fetchone()
    if row is None:
        return None
    connection.execute(
        "insert into scan_run_symbols (run_id, symbol) select %s, unnest(%s::text[])", [row[0], list(symbols)]
    )
    return int(row[0])
