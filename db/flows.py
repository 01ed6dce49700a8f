"""What flow scans find: stored by symbol and scan, read back as frames with the time of their scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd
from psycopg import Connection, sql

from db import data_version, partitions, run_symbols, snapshots
from db.frames import copy_bytes, to_batch
from db.premiums import Claim
from db.run_kinds import FLOW
from db.run_symbols import SymbolAccount
from scanner.errors import SupersededError
from scanner.model import ChainSnapshot
from scanner.schema import FLOW_ROWS, OPPORTUNITY_ROWS, SKEW_ROWS, Schema

_TABLES: Final = {
    "whale_flows": FLOW_ROWS,
    "oi_flows": FLOW_ROWS,
    "skew_metrics": SKEW_ROWS,
    "opportunities": OPPORTUNITY_ROWS,
}


@dataclass(frozen=True, slots=True)
class SymbolSignals:
    """What one scan of one symbol found, and the chain it was found in.

    `whale` and `fresh` are `schema.FLOW` frames, `skew` is a `schema.EXPIRY_SIGNALS` frame, `found` a
    `schema.OPPORTUNITY` frame.
    """

    snapshot: ChainSnapshot
    whale: pd.DataFrame
    fresh: pd.DataFrame
    skew: pd.DataFrame
    found: pd.DataFrame
    account: SymbolAccount


def store_symbol(
    connection: Connection[Any], signals: SymbolSignals, *, slot: datetime, now: datetime, claim: Claim
) -> None:
    """Store what a scan found of a symbol, and the chain, in one transaction; the symbol of the claim's run succeeds.

    The connection must be idle. Raises SupersededError where the claim was taken over or the run has ended; nothing is
    stored then.
    """
    account = replace(signals.account, fetch_ms=claim.fetch_ms, price_ms=claim.price_ms)
    ensure_partitions(connection, slot, [signals])
    with connection.transaction():
        connection.execute("select set_config('synchronous_commit', 'off', true)")
        store_rows(connection, claim.run_id, slot, [signals])
        data_version.advance_if_due(connection)
        symbol = signals.snapshot.symbol
        finished = run_symbols.succeed(connection, claim.run_id, symbol, claim.attempt, account, now=now)
        if not finished.rowcount:
            raise SupersededError(f"{symbol} of run {claim.run_id} was taken over or ended")


def ensure_partitions(connection: Connection[Any], slot: datetime, signals: Sequence[SymbolSignals]) -> None:
    """Make the partitions that `store_rows` writes to, in a transaction of its own."""
    with connection.transaction():
        partitions.ensure_flow_partitions(connection, [slot.astimezone(UTC).date()])
        days = {one.snapshot.fetched_at.astimezone(UTC).date() for one in signals}
        partitions.ensure_snapshot_partitions(connection, days)


def store_rows(
    connection: Connection[Any],
    run_id: int,
    slot: datetime,
    signals: Sequence[SymbolSignals],
    *,
    chains: bool = True,
) -> None:
    """Append the rows of some symbols of a scan, and their chains, in the caller's transaction."""
    frames = {
        "whale_flows": [one.whale for one in signals],
        "oi_flows": [one.fresh for one in signals],
        "skew_metrics": [one.skew for one in signals],
        "opportunities": [one.found for one in signals],
    }
    for table, schema in _TABLES.items():
        _copy(connection, table, schema, frames[table], run_id, slot)
    for one in signals:
        _hold_latest(connection, one, run_id, slot)
        if chains:
            body = snapshots.encode(one.snapshot)
            snapshots.append(connection, one.snapshot, body, scan_id=run_id, kind=FLOW)


def _copy(
    connection: Connection[Any],
    table: str,
    schema: Schema,
    frames: Sequence[pd.DataFrame],
    run_id: int,
    slot: datetime,
) -> None:
    batches = [to_batch(_stamped(frame, schema, run_id, slot), schema) for frame in frames if len(frame)]
    if not batches:
        return
    names = sql.SQL(", ").join(map(sql.Identifier, schema.names))
    statement = sql.SQL("copy {table} ({names}) from stdin (format binary)")
    with connection.cursor() as cursor, cursor.copy(statement.format(table=sql.Identifier(table), names=names)) as copy:
        copy.write(copy_bytes(batches))


def _stamped(frame: pd.DataFrame, schema: Schema, run_id: int, slot: datetime) -> pd.DataFrame:
    stamped = frame.assign(timestamp=pd.Timestamp(slot), run_id=run_id)[schema.names]
    return stamped.astype({column.name: column.dtype for column in schema.columns[:2]})


def _hold_latest(connection: Connection[Any], one: SymbolSignals, run_id: int, slot: datetime) -> None:
    snapshot = one.snapshot
    connection.execute(
        """
        insert into flow_chains as stored (symbol, run_id, timestamp, source, fetched_at, answer_time, contracts)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (symbol) do update set run_id = excluded.run_id, timestamp = excluded.timestamp,
            source = excluded.source, fetched_at = excluded.fetched_at, answer_time = excluded.answer_time,
            contracts = excluded.contracts
        where stored.timestamp <= excluded.timestamp
        """,
        [
            snapshot.symbol,
            run_id,
            slot,
            snapshot.source,
            snapshot.fetched_at,
            snapshot.answer_time,
            len(snapshot.contracts),
        ],
    )
