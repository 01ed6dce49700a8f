"""Runs: a run is the list of its symbols in the database, each pending, running, succeeded, failed or cancelled.

Single flight: at most one run of a kind is running. Its symbols are in `db.run_symbols`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from db import data_version, run_symbols
from db.run_kinds import SYNC
from scanner.errors import InputError
from scanner.model import Mode


class RunState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run computes with, kept beside its results. `rates`: continuous decimal by maturity in years."""

    mode: Mode
    rates: Mapping[str, float]
    sources: tuple[str, ...]
    price_basis: str


@dataclass(frozen=True, slots=True)
class RunTicket:
    """The run that a start led to. `added` are the symbols that now wait for a job; `joined`: the run was there."""

    run_id: int
    joined: bool
    added: tuple[str, ...]


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
    failed = run_symbols.in_state(connection, run_id, run_symbols.SymbolState.FAILED)
    if not failed:
        return None
    kind, state = _lock(connection, run_id)
    if state == RunState.RUNNING:
        return RunTicket(run_id, True, run_symbols.reopen(connection, run_id, failed, run_symbols.SymbolState.FAILED))
    return start_or_join(connection, failed, settings, now=now, kind=kind, retry_of=run_id)


def resume_cancelled(
    connection: Connection[Any], run_id: int, settings: RunSettings, *, now: datetime
) -> RunTicket | None:
    """Start a run of the symbols that were cancelled in `run_id`, or join the one running; None when none were."""
    cancelled = run_symbols.in_state(connection, run_id, run_symbols.SymbolState.CANCELLED)
    if not cancelled:
        return None
    kind, _ = _lock(connection, run_id)
    return start_or_join(connection, cancelled, settings, now=now, kind=kind, retry_of=run_id)


def _lock(connection: Connection[Any], run_id: int) -> tuple[str, str]:
    """Kind and state of a run that has symbols."""
    run = connection.execute("select kind, state from scan_runs where run_id = %s for update", [run_id]).fetchone()
    if run is None:
        raise InputError(f"there is no run {run_id}")
    return str(run[0]), str(run[1])


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
    if run_symbols.has_open(connection, run_id):
        return False
    locked = connection.execute(
        "select 1 from scan_runs where run_id = %s and state = 'running' for update", [run_id]
    ).fetchone()
    # Asked again under the lock: a symbol may have joined between the question and the lock.
    if locked is None or run_symbols.has_open(connection, run_id):
        return False
    connection.execute(
        """
        update scan_runs
        set state = case when cancel_requested_at is null then 'finished' else 'cancelled' end,
            started_at = coalesce(started_at, done.began), finished_at = %(now)s, succeeded = done.succeeded,
            failed = done.failed, cancelled = done.cancelled, contracts = done.contracts
        from (
            select count(*) filter (where state = 'succeeded') as succeeded,
                count(*) filter (where state = 'failed') as failed,
                count(*) filter (where state = 'cancelled') as cancelled,
                coalesce(sum(stored), 0) as contracts, min(scan_run_symbols.started_at) as began
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


def mostly_untried(connection: Connection[Any], *, kind: str = SYNC) -> bool:
    """Whether most of the universe was never part of a run of this kind. False for an empty universe."""
    row = connection.execute(
        """
        select count(*) filter (where not exists (
                select from scan_run_symbols as tried
                join scan_runs as run using (run_id)
                where tried.symbol = stocks.symbol and run.kind = %s
            )) * 2 > count(*)
        from stocks
        where active
        """,
        [kind],
    ).fetchone()
    return row is not None and bool(row[0])


def _check_known(connection: Connection[Any], symbols: Sequence[str]) -> None:
    if not symbols:
        raise InputError(
            "there is no stock to sync yet. Add stocks, or try again in a moment if the program has just been started"
        )
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
        """
        insert into scan_run_symbols (run_id, symbol)
        select %(run_id)s, wanted
        from unnest(%(symbols)s::text[]) as wanted
        where not exists (select from scan_run_symbols where run_id = %(run_id)s and symbol = wanted)
        returning symbol
        """,
        {"run_id": run_id, "symbols": list(symbols)},
    ).fetchall()
    reopened = run_symbols.reopen(connection, run_id, symbols, run_symbols.SymbolState.CANCELLED)
    connection.execute(
        "update scan_runs set total = total + %s, cancel_requested_at = null where run_id = %s", [len(added), run_id]
    )
    new = {symbol for (symbol,) in added} | set(reopened)
    return tuple(symbol for symbol in symbols if symbol in new)
