"""Runs: a run is the list of its symbols in the database, each pending, running, succeeded, failed or cancelled.

Single flight: at most one run of a kind is running. A worker claims a symbol and holds its attempt number; only the
holder of the latest number can finish the symbol, so a worker that was given up for dead changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from psycopg import Connection, Cursor
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from db import data_version
from scanner.errors import InputError
from scanner.model import Mode

SYNC: Final = "sync"


class RunState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class SymbolState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run computes with, kept beside its results. `rates`: continuous decimal by maturity in years."""

    mode: Mode
    rates: Mapping[str, float]
    sources: tuple[str, ...]
    price_basis: str


@dataclass(frozen=True, slots=True)
class SymbolAccount:
    """What became of one fetched chain: contracts delivered, unreadable and without IV by reason; durations in ms."""

    source: str
    fetched: int
    unreadable: Mapping[str, int]
    stored: int
    iv_null: Mapping[str, int]
    fetch_ms: float | None = None
    price_ms: float | None = None


@dataclass(frozen=True, slots=True)
class RunTicket:
    """The run that a start led to. `added` are the symbols that now wait for a job; `joined`: the run was there."""

    run_id: int
    joined: bool
    added: tuple[str, ...]


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


def start_or_join(
    connection: Connection[Any],
    symbols: Sequence[str],
    settings: RunSettings,
    *,
    now: datetime,
    kind: str = SYNC,
    retry_of: int | None = None,
) -> RunTicket:
    """Start a run of `symbols`, or add those it lacks to the one running; queue a job for each of `added` then.

    In the caller's transaction, so that rows and jobs appear together. A running run whose cancellation was asked
    for goes on: its cancelled symbols among `symbols` wait again. Raises InputError without symbols, and for one
    that is not in the universe.
    """
    wanted = list(dict.fromkeys(symbols))
    _check_known(connection, wanted)
    row = connection.execute(
        """
        insert into scan_runs (kind, state, mode, requested_at, rates, sources, price_basis, retry_of, total)
        values (%s, 'running', %s, %s, %s, %s, %s, %s, 0)
        on conflict (kind) where state = 'running' do nothing
        returning run_id
        """,
        [
            kind,
            settings.mode.value,
            now,
            Jsonb(dict(settings.rates)),
            list(settings.sources),
            settings.price_basis,
            retry_of,
        ],
    ).fetchone()
    if row is None:
        joined = _lock_running(connection, kind)
        if joined is None:
            return start_or_join(connection, wanted, settings, now=now, kind=kind, retry_of=retry_of)
        return RunTicket(joined, True, _add(connection, joined, wanted))
    return RunTicket(int(row[0]), False, _add(connection, int(row[0]), wanted))


def retry_failed(connection: Connection[Any], run_id: int, settings: RunSettings, *, now: datetime) -> RunTicket | None:
    """Start a run of the symbols that failed in `run_id`, or join the one running; None when none failed.

    Where `run_id` itself is still running its failed symbols wait again in it.
    """
    failed = _symbols_in(connection, run_id, SymbolState.FAILED)
    if not failed:
        return None
    run = connection.execute("select kind, state from scan_runs where run_id = %s for update", [run_id]).fetchone()
    if run is not None and run[1] == RunState.RUNNING:
        return RunTicket(run_id, True, _reopen(connection, run_id, failed, SymbolState.FAILED))
    kind = SYNC if run is None else str(run[0])
    return start_or_join(connection, failed, settings, now=now, kind=kind, retry_of=run_id)


def claim(connection: Connection[Any], run_id: int, symbol: str, *, worker: str, now: datetime) -> int | None:
    """Take a symbol for this worker and return its attempt number; None where nothing is left to do for it.

    A symbol that another worker holds is taken over: its job would not run here if that worker were alive.
    """
    row = connection.execute(
        """
        update scan_run_symbols
        set state = 'running', attempts = attempts + 1, worker = %s, started_at = %s
        where run_id = %s and symbol = %s and state in ('pending', 'running')
        returning attempts
        """,
        [worker, now, run_id, symbol],
    ).fetchone()
    if row is None:
        return None
    connection.execute("update scan_runs set started_at = %s where run_id = %s and started_at is null", [now, run_id])
    return int(row[0])


def fail(
    connection: Connection[Any],
    run_id: int,
    symbol: str,
    *,
    attempt: int,
    error_class: str,
    message: str,
    now: datetime,
    fetch_ms: float | None = None,
) -> bool:
    """Set a symbol to failed; its stored rows stay, with their age. False where `attempt` no longer holds it."""
    cursor = connection.execute(
        """
        update scan_run_symbols
        set state = 'failed', error_class = %s, error_message = %s, finished_at = %s, fetch_ms = %s
        where run_id = %s and symbol = %s and attempts = %s and state = 'running'
        """,
        [error_class, message, now, fetch_ms, run_id, symbol, attempt],
    )
    return cursor.rowcount == 1


def release(connection: Connection[Any], run_id: int, symbol: str, *, attempt: int) -> bool:
    """Give a claimed symbol back, to be tried again later. False where `attempt` no longer holds it."""
    cursor = connection.execute(
        "update scan_run_symbols set state = 'pending' "
        "where run_id = %s and symbol = %s and attempts = %s and state = 'running'",
        [run_id, symbol, attempt],
    )
    return cursor.rowcount == 1


def cancel(connection: Connection[Any], run_id: int, *, now: datetime) -> int:
    """Cancel what has not begun and return how many symbols that were. Symbols in work are finished first.

    Call `finish_if_done` after it, in the same transaction: with nothing in work the run ends at once.
    """
    run = connection.execute(
        "update scan_runs set cancel_requested_at = coalesce(cancel_requested_at, %s) "
        "where run_id = %s and state = 'running' returning run_id",
        [now, run_id],
    ).fetchone()
    if run is None:
        return 0
    return connection.execute(
        "update scan_run_symbols set state = 'cancelled', finished_at = %s where run_id = %s and state = 'pending'",
        [now, run_id],
    ).rowcount


def finish_if_done(connection: Connection[Any], run_id: int, *, now: datetime) -> bool:
    """End the run when no symbol is pending or running. True for exactly one caller: the one that ended it.

    The winner refreshes `top_premiums` and vacuums. Cheap while the run is not done.
    """
    if _has_open_symbols(connection, run_id):
        return False
    locked = connection.execute(
        "select 1 from scan_runs where run_id = %s and state = 'running' for update", [run_id]
    ).fetchone()
    # Asked again under the lock: a symbol may have joined between the question and the lock.
    if locked is None or _has_open_symbols(connection, run_id):
        return False
    connection.execute(
        """
        update scan_runs
        set state = case when cancel_requested_at is null then 'finished' else 'cancelled' end,
            finished_at = %(now)s, succeeded = done.succeeded, failed = done.failed, cancelled = done.cancelled,
            contracts = done.contracts
        from (
            select count(*) filter (where state = 'succeeded') as succeeded,
                count(*) filter (where state = 'failed') as failed,
                count(*) filter (where state = 'cancelled') as cancelled,
                coalesce(sum(stored), 0) as contracts
            from scan_run_symbols
            where run_id = %(run_id)s
        ) as done
        where run_id = %(run_id)s
        """,
        {"now": now, "run_id": run_id},
    )
    data_version.advance(connection)
    return True


def running_run(connection: Connection[Any], *, kind: str = SYNC) -> int | None:
    """The run of a kind that is running now."""
    row = connection.execute("select run_id from scan_runs where kind = %s and state = 'running'", [kind]).fetchone()
    return None if row is None else int(row[0])


def latest_run(connection: Connection[Any], *, kind: str = SYNC) -> int | None:
    """The run of a kind that was requested last."""
    row = connection.execute("select max(run_id) from scan_runs where kind = %s", [kind]).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def open_symbols(connection: Connection[Any], run_id: int) -> tuple[str, ...]:
    """Symbols of a run that are pending or running: what a resumed run has still to do."""
    rows = connection.execute(
        "select symbol from scan_run_symbols where run_id = %s and state in ('pending', 'running') order by symbol",
        [run_id],
    )
    return tuple(symbol for (symbol,) in rows)


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


def succeed(
    connection: Connection[Any], run_id: int, symbol: str, attempt: int, account: SymbolAccount, *, now: datetime
) -> Cursor[Any]:
    """Set a symbol to succeeded: the last statement of the transaction that stores its rows, which it also times.

    The cursor's `rowcount` (known once a pipeline is synchronised) is 0 where `attempt` no longer holds the symbol.
    """
    return connection.execute(
        """
        update scan_run_symbols
        set state = 'succeeded', finished_at = %s, source = %s, fetched = %s, unreadable = %s, stored = %s,
            iv_null = %s, fetch_ms = %s, price_ms = %s,
            store_ms = extract(epoch from clock_timestamp() - transaction_timestamp()) * 1000
        where run_id = %s and symbol = %s and attempts = %s and state = 'running'
        """,
        [
            now,
            account.source,
            account.fetched,
            Jsonb(dict(account.unreadable)),
            account.stored,
            Jsonb(dict(account.iv_null)),
            account.fetch_ms,
            account.price_ms,
            run_id,
            symbol,
            attempt,
        ],
    )


def _check_known(connection: Connection[Any], symbols: Sequence[str]) -> None:
    if not symbols:
        raise InputError("there is no symbol to run. Add stocks first")
    rows = connection.execute(
        "select wanted from unnest(%s::text[]) as wanted where not exists (select from stocks where symbol = wanted)",
        [list(symbols)],
    )
    unknown = sorted(symbol for (symbol,) in rows)
    if unknown:
        raise InputError(f"not in the universe: {', '.join(unknown)}. Add them first")


def _lock_running(connection: Connection[Any], kind: str) -> int | None:
    row = connection.execute(
        "select run_id from scan_runs where kind = %s and state = 'running' for update", [kind]
    ).fetchone()
    return None if row is None else int(row[0])


def _add(connection: Connection[Any], run_id: int, symbols: Sequence[str]) -> tuple[str, ...]:
    added = connection.execute(
        "insert into scan_run_symbols (run_id, symbol) select %s, unnest(%s::text[]) on conflict do nothing "
        "returning symbol",
        [run_id, list(symbols)],
    ).fetchall()
    reopened = _reopen(connection, run_id, symbols, SymbolState.CANCELLED)
    connection.execute(
        "update scan_runs set total = total + %s, cancel_requested_at = null where run_id = %s", [len(added), run_id]
    )
    new = {symbol for (symbol,) in added} | set(reopened)
    return tuple(symbol for symbol in symbols if symbol in new)


def _reopen(connection: Connection[Any], run_id: int, symbols: Sequence[str], state: SymbolState) -> tuple[str, ...]:
    rows = connection.execute(
        "update scan_run_symbols set state = 'pending', error_class = null, error_message = null, finished_at = null "
        "where run_id = %s and symbol = any(%s::text[]) and state = %s returning symbol",
        [run_id, list(symbols), state.value],
    ).fetchall()
    return tuple(sorted(symbol for (symbol,) in rows))


def _symbols_in(connection: Connection[Any], run_id: int, state: SymbolState) -> tuple[str, ...]:
    rows = connection.execute(
        "select symbol from scan_run_symbols where run_id = %s and state = %s order by symbol", [run_id, state.value]
    )
    return tuple(symbol for (symbol,) in rows)


def _has_open_symbols(connection: Connection[Any], run_id: int) -> bool:
    row = connection.execute(
        "select exists (select from scan_run_symbols where run_id = %s and state in ('pending', 'running'))", [run_id]
    ).fetchone()
    return row is None or bool(row[0])
