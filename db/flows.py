"""What flow scans find: stored by symbol and scan, read back as frames with the time of their scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from psycopg import Connection, sql

from db import data_version, partitions, run_symbols, snapshots
from db.frames import copy_bytes, to_batch
from db.run_kinds import FLOW
from db.run_symbols import Claim, SymbolAccount
from scanner.errors import SupersededError
from scanner.model import ChainSnapshot
from scanner.schema import FLOW_ROWS, OPPORTUNITY_ROWS, SKEW_ROWS, Schema, as_declared


@dataclass(frozen=True, slots=True)
class Signals:
    """What a scan found, of one or many symbols.

    `whale` and `fresh` are `schema.FLOW` frames, `skew` is a `schema.EXPIRY_SIGNALS` frame, `found` a
    `schema.OPPORTUNITY` frame.
    """

    whale: pd.DataFrame
    fresh: pd.DataFrame
    skew: pd.DataFrame
    found: pd.DataFrame


@dataclass(frozen=True, slots=True)
class ScannedChain:
    """The chain of one symbol that signals were looked for in, and what became of its contracts."""

    snapshot: ChainSnapshot
    account: SymbolAccount


def store_symbol(
    connection: Connection[Any],
    signals: Signals,
    chain: ScannedChain,
    *,
    slot: datetime,
    now: datetime,
    claim: Claim,
) -> None:
    """Store what a scan found of a symbol, and the chain, in one transaction; the symbol of the claim's run succeeds.

    The connection must be idle. Raises SupersededError where the claim was taken over or the run has ended; nothing is
    stored then.
    """
    account = replace(chain.account, fetch_ms=claim.fetch_ms, price_ms=claim.price_ms)
    ensure_partitions(connection, slot, [chain])
    with connection.transaction():
        connection.execute("select set_config('synchronous_commit', 'off', true)")
        symbol = chain.snapshot.symbol
        if not run_symbols.hold(connection, claim.run_id, symbol, attempt=claim.attempt):
            raise SupersededError(f"{symbol} of run {claim.run_id} was taken over or ended")
        store_signals(connection, claim.run_id, slot, signals)
        store_chain(connection, claim.run_id, slot, chain)
        data_version.advance_if_due(connection)
        run_symbols.succeed(connection, claim.run_id, symbol, claim.attempt, account, now=now)


def ensure_partitions(connection: Connection[Any], slot: datetime, chains: Sequence[ScannedChain]) -> None:
    """Make the partitions that the rest of this module writes to, in a transaction of its own."""
    with connection.transaction():
        partitions.ensure_flow_partitions(connection, [slot.astimezone(UTC).date()])
        days = {one.snapshot.fetched_at.astimezone(UTC).date() for one in chains}
        partitions.ensure_snapshot_partitions(connection, days)


def store_signals(connection: Connection[Any], run_id: int, slot: datetime, signals: Signals) -> None:
    """Append what a scan found, in the caller's transaction."""
    _copy(connection, "whale_flows", FLOW_ROWS, signals.whale, run_id, slot)
    _copy(connection, "oi_flows", FLOW_ROWS, signals.fresh, run_id, slot)
    _copy(connection, "skew_metrics", SKEW_ROWS, signals.skew, run_id, slot)
    _copy(connection, "opportunities", OPPORTUNITY_ROWS, signals.found, run_id, slot)


def store_chain(
    connection: Connection[Any], run_id: int, slot: datetime, chain: ScannedChain, *, whole: bool = True
) -> None:
    """Make the scan the symbol's latest and, with `whole`, append the chain itself, in the caller's transaction."""
    _hold_latest(connection, chain.snapshot, run_id, slot)
    if whole:
        body = snapshots.encode(chain.snapshot)
        snapshots.append(connection, chain.snapshot, body, scan_id=run_id, kind=FLOW)


def _copy(
    connection: Connection[Any], table: str, schema: Schema, frame: pd.DataFrame, run_id: int, slot: datetime
) -> None:
    if frame.empty:
        return
    batch = to_batch(_stamped(frame, schema, run_id, slot), schema)
    names = sql.SQL(", ").join(map(sql.Identifier, schema.names))
    statement = sql.SQL("copy {table} ({names}) from stdin (format binary)")
    with connection.cursor() as cursor, cursor.copy(statement.format(table=sql.Identifier(table), names=names)) as copy:
        copy.write(copy_bytes([batch]))


def _stamped(frame: pd.DataFrame, schema: Schema, run_id: int, slot: datetime) -> pd.DataFrame:
    return as_declared(frame.assign(timestamp=pd.Timestamp(slot), run_id=run_id), schema)


def _hold_latest(connection: Connection[Any], snapshot: ChainSnapshot, run_id: int, slot: datetime) -> None:
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
