"""A symbol's chain takes the place of its last one, rows and all, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, LiteralString

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection, Cursor, Rollback, errors, sql
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from db import data_version, partitions, run_symbols, snapshots
from db.frames import copy_bytes, to_batch
from db.run_symbols import Claim
from db.scan_conditions import scan_table
from scanner.errors import InputError, SchemaError, SupersededError
from scanner.model import QUOTE_REASONS, ChainSnapshot, OptionType
from scanner.schema import PREMIUM, Columns

_NAMES: Final = {
    "staging": sql.Identifier("premium_staging"),
    "columns": sql.SQL(", ").join(map(sql.Identifier, PREMIUM.names)),
    "reasons": sql.SQL(", ").join(sql.Identifier(reason.value) for reason in QUOTE_REASONS),
    "counts": sql.SQL(", ").join(
        sql.SQL("count(*) filter (where quote_reason = {})").format(reason.value) for reason in QUOTE_REASONS
    ),
}


def _rendered(text: LiteralString, **names: sql.Composable) -> bytes:
    """A statement of the hot path, put together once: rendering it for every symbol would cost a tenth of its run."""
    return sql.SQL(text).format(**_NAMES, **names).as_bytes()


_CREATE_STAGING: Final = _rendered(
    "create temporary table if not exists {staging} (like premium_staging_pattern including storage) "
    "on commit delete rows"
)
_COPY: Final = _rendered("copy {staging} ({columns}) from stdin (format binary)")


def _insert_scanned(side: OptionType) -> sql.Composed:
    return sql.SQL(
        """
        insert into {table} (expiration, quote_grade, volume, open_interest, abs_delta, spot, premium_pct, spread_pct,
            quoted_at, bid, ask, strike, expiry_instant, previous_expiration, next_expiration, symbol, root)
        select expiration, quote_grade::"char", volume, open_interest, abs(delta), spot, premium_pct, spread_pct,
            coalesce(quote_time, answer_time), bid, ask, strike, expiry_instant, previous_expiration, next_expiration,
            symbol, root
        from {staging}
        where quote_reason is null and option_type = {side}
        """
    ).format(table=sql.Identifier(scan_table(side)), side=sql.Literal(side.value), **_NAMES)


_INSERT: Final = _rendered(
    """
    with stored as (
        insert into stock_premiums (scan_id, {columns}) select %s, {columns} from {staging}
    ), puts as ({insert_puts}), calls as ({insert_calls})
    insert into stock_premium_counts (symbol, root, expiration, option_type, expiry_instant, previous_expiration,
        next_expiration, contracts, {reasons})
    select symbol, root, expiration, option_type, min(expiry_instant), min(previous_expiration), min(next_expiration),
        count(*), {counts}
    from {staging}
    group by symbol, root, expiration, option_type
    """,
    insert_puts=_insert_scanned(OptionType.PUT),
    insert_calls=_insert_scanned(OptionType.CALL),
)
"""One statement, as each costs the worker more than it costs the server."""

_DELETE_REPLACED: Final = """
    with stored as (
        delete from stock_premiums where symbol = %(symbol)s and expiration <> all(%(kept)s::date[])
    ), puts as (
        delete from scan_puts where symbol = %(symbol)s and expiration <> all(%(kept)s::date[])
    ), calls as (
        delete from scan_calls where symbol = %(symbol)s and expiration <> all(%(kept)s::date[])
    )
    delete from stock_premium_counts where symbol = %(symbol)s and expiration <> all(%(kept)s::date[])
"""


def replace_symbol(
    connection: Connection[Any],
    facts: pd.DataFrame | Columns,
    snapshot: ChainSnapshot,
    *,
    now: datetime,
    today: date,
    claim: Claim | None = None,
) -> int:
    """Store one symbol's chain in a transaction of its own and return the number of rows stored.

    Current rows are replaced: contracts that were not delivered leave, expired ones too; those of an expiration that
    was asked for and not delivered stay, with their age. The snapshot is appended, and the symbol of the claim's run
    succeeds. `facts` is the `schema.PREMIUM` frame of `snapshot`, `today` the market's date.

    The connection must be idle. The commit does not wait for the disk: after a crash of the server a symbol may be as
    it was before, wholly, and its run still holds it as unfinished.

    Raises SchemaError (wrong columns, duplicate contracts, nulls), InputError (a symbol that is not in the universe,
    rows of another symbol, a connection in use), SupersededError (newer rows are stored, or the claim was taken over).
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise InputError("a symbol is stored in a transaction of its own; commit this one first")
    batch = to_batch(facts, PREMIUM)
    if not pc.all(pc.equal(batch.column("symbol"), snapshot.symbol), min_count=0).as_py():
        raise InputError(f"the rows of {snapshot.symbol} hold another symbol")
    write = _Replacement(batch, snapshot, copy_bytes([batch]), snapshots.encode(snapshot), now, today, claim)
    try:
        if not _replace(connection, write):
            _ensure_partitions(connection, write)
            _replace(connection, write)
    except errors.ForeignKeyViolation as error:
        raise InputError(f"not in the universe: {snapshot.symbol}. Add it first") from error
    except (errors.UniqueViolation, errors.NotNullViolation, errors.CheckViolation) as error:
        raise SchemaError(
            PREMIUM.name, (error.diag.message_primary or str(error), error.diag.message_detail or "")
        ) from error
    return len(batch)


@dataclass(frozen=True, slots=True)
class _Replacement:
    batch: pa.RecordBatch
    snapshot: ChainSnapshot
    rows: bytes
    body: bytes
    now: datetime
    today: date
    claim: Claim | None

    @property
    def scan_id(self) -> int | None:
        return None if self.claim is None else self.claim.run_id

    @property
    def expirations(self) -> list[date]:
        days: list[date] = pc.unique(self.batch.column("expiration")).to_pylist()
        return days

    @property
    def day(self) -> date:
        return self.snapshot.fetched_at.astimezone(UTC).date()

    @property
    def spans(self) -> list[partitions.Span]:
        return [*map(partitions.premium_month, self.expirations), partitions.snapshot_day(self.day)]

    @property
    def account(self) -> run_symbols.SymbolAccount:
        reasons = pc.value_counts(self.batch.column("iv_reason").drop_null()).to_pylist()
        return run_symbols.SymbolAccount(
            source=self.snapshot.source,
            fetched=self.snapshot.fetched_count,
            unreadable=self.snapshot.unreadable,
            stored=self.batch.num_rows,
            iv_null={one["values"]: one["counts"] for one in reasons},
            fetch_ms=None if self.claim is None else self.claim.fetch_ms,
            price_ms=None if self.claim is None else self.claim.price_ms,
        )


def _ensure_partitions(connection: Connection[Any], write: _Replacement) -> None:
    with connection.transaction():
        partitions.ensure_premium_partitions(connection, write.expirations)
        partitions.ensure_snapshot_partitions(connection, [write.day])


def _replace(connection: Connection[Any], write: _Replacement) -> bool:
    """Do all of it in one transaction; False, and nothing done, where a partition is missing."""
    snapshot, claim = write.snapshot, write.claim
    with connection.transaction(), connection.cursor() as cursor:
        with connection.pipeline():
            connection.execute("select set_config('synchronous_commit', 'off', true)")
            connection.execute(_CREATE_STAGING)
            missing = partitions.missing(connection, write.spans)
            newest = _hold_chain(connection, write)
            _delete_replaced(connection, write)
        if missing.fetchone() is not None:
            raise Rollback
        if not newest.rowcount:
            raise SupersededError(f"newer rows of {snapshot.symbol} are stored already")
        with cursor.copy(_COPY) as copy:
            copy.write(write.rows)
        with connection.pipeline():
            connection.execute(_INSERT, [write.scan_id])
            if snapshot.missing_expirations:
                _count_kept(connection, snapshot.symbol)
            snapshots.append(connection, snapshot, write.body, scan_id=write.scan_id)
            data_version.advance_if_due(connection)
            if claim is not None:
                finished = run_symbols.succeed(
                    connection, claim.run_id, snapshot.symbol, claim.attempt, write.account, now=write.now
                )
        if claim is not None and not finished.rowcount:
            raise SupersededError(f"{snapshot.symbol} of run {claim.run_id} was taken over or cancelled")
        return True
    return False


def _hold_chain(connection: Connection[Any], write: _Replacement) -> Cursor[Any]:
    """Lock the symbol's chain until the commit and describe the new one; no row where a newer chain is stored."""
    snapshot, batch = write.snapshot, write.batch
    times = pc.min_max(pc.coalesce(batch.column("quote_time"), batch.column("answer_time"))).as_py()
    return connection.execute(
        """
        insert into stock_chains as stored (symbol, scan_id, source, fetched_at, answer_time, oldest_quote,
            newest_quote, contracts, unreadable, missing_expirations, skipped, notes)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (symbol) do update set scan_id = excluded.scan_id, source = excluded.source,
            fetched_at = excluded.fetched_at, answer_time = excluded.answer_time,
            oldest_quote = excluded.oldest_quote, newest_quote = excluded.newest_quote,
            contracts = excluded.contracts, unreadable = excluded.unreadable,
            missing_expirations = excluded.missing_expirations, skipped = excluded.skipped,
            notes = excluded.notes
        where stored.fetched_at <= excluded.fetched_at
        """,
        [
            snapshot.symbol,
            write.scan_id,
            snapshot.source,
            snapshot.fetched_at,
            snapshot.answer_time,
            times["min"],
            times["max"],
            batch.num_rows,
            sum(snapshot.unreadable.values()),
            list(snapshot.missing_expirations),
            Jsonb([[one.source, one.error_class, one.detail] for one in snapshot.skipped]),
            Jsonb(dict(snapshot.notes)),
        ],
    )


def _delete_replaced(connection: Connection[Any], write: _Replacement) -> None:
    """Everything of the symbol leaves but what was asked for, not delivered, and has not expired."""
    kept = [day for day in write.snapshot.missing_expirations if day >= write.today]
    connection.execute(_DELETE_REPLACED, {"symbol": write.snapshot.symbol, "kept": kept})


def _count_kept(connection: Connection[Any], symbol: str) -> None:
    connection.execute(
        "update stock_chains set contracts = "
        "(select coalesce(sum(contracts), 0) from stock_premium_counts where symbol = %(symbol)s) "
        "where symbol = %(symbol)s",
        {"symbol": symbol},
    )
