"""The symbols of runs: a worker claims one and holds its attempt number; only the latest number can finish it.

So a worker that was given up for dead changes nothing. Whoever changes a symbol may lock its run afterwards; whoever
has locked a run (`db.scan_runs`) changes symbols only that nobody works on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection, Cursor
from psycopg.types.json import Jsonb


class SymbolState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker holds while it works on a symbol of a run: see `claim`. Durations in ms."""

    run_id: int
    attempt: int
    fetch_ms: float | None = None
    price_ms: float | None = None


@dataclass(frozen=True, slots=True)
class SymbolAccount:
    """What became of one fetched chain: contracts delivered, unreadable, without IV and (of a flow scan) without a
    whale score by reason; durations in ms."""

    source: str
    fetched: int
    unreadable: Mapping[str, int]
    stored: int
    iv_null: Mapping[str, int]
    fetch_ms: float | None = None
    price_ms: float | None = None
    score_null: Mapping[str, int] | None = None


def claim(connection: Connection[Any], run_id: int, symbol: str, *, worker: str, now: datetime) -> int | None:
    """Take a symbol for this worker and return its attempt number; None where nothing is left to do for it.

    A symbol that another worker holds is taken over: its job would not run here if that worker were alive. The first
    claim begins the run; where the run is locked that is left to the next claim, or to the run's end: whoever holds a
    run may wait for us.
    """
    row = connection.execute(
        """
        with claimed as (
            update scan_run_symbols
            set state = 'running', attempts = attempts + 1, worker = %(worker)s, started_at = %(now)s
            where run_id = %(run_id)s and symbol = %(symbol)s and state in ('pending', 'running')
            returning attempts
        ), begun as (
            update scan_runs set started_at = %(now)s
            where run_id in (
                select run_id from scan_runs
                where run_id = %(run_id)s and started_at is null and exists (select from claimed)
                for update skip locked
            )
        )
        select attempts from claimed
        """,
        {"worker": worker, "now": now, "run_id": run_id, "symbol": symbol},
    ).fetchone()
    return None if row is None else int(row[0])


def hold(connection: Connection[Any], run_id: int, symbol: str, *, attempt: int) -> bool:
    """Keep a claimed symbol from being finished or failed by others until the transaction ends.

    False where `attempt` no longer holds it.
    """
    cursor = connection.execute(
        "select from scan_run_symbols "
        "where run_id = %s and symbol = %s and attempts = %s and state = 'running' for update",
        [run_id, symbol, attempt],
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
            iv_null = %s, fetch_ms = %s, price_ms = %s, score_null = %s,
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
            None if account.score_null is None else Jsonb(dict(account.score_null)),
            run_id,
            symbol,
            attempt,
        ],
    )


def fail_open(
    connection: Connection[Any], run_id: int, *, error_class: str, message: str, now: datetime
) -> tuple[str, ...]:
    """Set every symbol that is pending or running to failed, whoever holds it; return which."""
    rows = connection.execute(
        "update scan_run_symbols set state = 'failed', error_class = %s, error_message = %s, finished_at = %s "
        "where run_id = %s and state in ('pending', 'running') returning symbol",
        [error_class, message, now, run_id],
    ).fetchall()
    return tuple(sorted(symbol for (symbol,) in rows))


def reopen(connection: Connection[Any], run_id: int, symbols: Sequence[str], state: SymbolState) -> tuple[str, ...]:
    """Let symbols that are in `state` wait again; return which."""
    rows = connection.execute(
        "update scan_run_symbols set state = 'pending', error_class = null, error_message = null, finished_at = null "
        "where run_id = %s and symbol = any(%s::text[]) and state = %s returning symbol",
        [run_id, list(symbols), state.value],
    ).fetchall()
    return tuple(sorted(symbol for (symbol,) in rows))


def open_symbols(connection: Connection[Any], run_id: int) -> tuple[str, ...]:
    """Symbols of a run that are pending or running: what a resumed run has still to do."""
    rows = connection.execute(
        "select symbol from scan_run_symbols where run_id = %s and state in ('pending', 'running') order by symbol",
        [run_id],
    )
    return tuple(symbol for (symbol,) in rows)


def in_state(connection: Connection[Any], run_id: int, state: SymbolState) -> tuple[str, ...]:
    """Symbols of a run in this state, alphabetically."""
    rows = connection.execute(
        "select symbol from scan_run_symbols where run_id = %s and state = %s order by symbol", [run_id, state.value]
    )
    return tuple(symbol for (symbol,) in rows)


def has_open(connection: Connection[Any], run_id: int) -> bool:
    """Whether any symbol of the run is pending or running."""
    row = connection.execute(
        "select exists (select from scan_run_symbols where run_id = %s and state in ('pending', 'running'))", [run_id]
    ).fetchone()
    return row is None or bool(row[0])
