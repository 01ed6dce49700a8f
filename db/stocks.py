"""The universe and the slow facts of its stocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection, sql
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import dict_row

from scanner.errors import InputError
from scanner.model import EarningsState, ReferenceData

_FACTS: Final = tuple(field.name for field in fields(ReferenceData))
_STORE_REFERENCE: Final = (
    sql.SQL(
        "insert into stock_data ({columns}) values ({values}) on conflict (symbol) do update set {updates} "
        "where stock_data.fetched_at <= excluded.fetched_at"
    )
    .format(
        columns=sql.SQL(", ").join(map(sql.Identifier, _FACTS)),
        values=sql.SQL(", ").join(sql.Placeholder() * len(_FACTS)),
        updates=sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in _FACTS if name != "symbol"
        ),
    )
    .as_bytes()
)


@dataclass(frozen=True, slots=True)
class StockOverview:
    """One stock of the universe with its slow facts and the state of its stored chain. None is unknown."""

    symbol: str
    active: bool
    name: str | None
    sector: str | None
    industry: str | None
    market_cap: float | None
    last_price: float | None
    change_pct: float | None
    next_earnings: date | None
    earnings_state: EarningsState
    ex_dividend_date: date | None
    synced_at: datetime | None
    chain_source: str | None
    contracts: int
    last_error: str | None
    checked_at: datetime | None
    check_error: str | None


def add(
    connection: Connection[Any], symbols: Sequence[str], *, now: datetime, owner_id: int | None = None
) -> tuple[str, ...]:
    """Add symbols to the universe, or make them active again; return those that were not active before, in order."""
    rows = connection.execute(
        """
        insert into stocks (symbol, added_at, owner_id)
        select distinct wanted, %s::timestamptz, %s::bigint from unnest(%s::text[]) as wanted
        on conflict (symbol) do update set active = true, deleted_at = null where not stocks.active
        returning symbol
        """,
        [now, owner_id, list(symbols)],
    ).fetchall()
    new = {symbol for (symbol,) in rows}
    return tuple(symbol for symbol in dict.fromkeys(symbols) if symbol in new)


def is_seeded(connection: Connection[Any]) -> bool:
    """Whether this database was given the universe it begins with."""
    return connection.execute("select 1 from database_info where seeded_at is not null").fetchone() is not None


def claim_seeding(connection: Connection[Any], *, now: datetime) -> bool:
    """True once in the life of a database: to whoever then puts in the universe, in the same transaction."""
    return connection.execute("update database_info set seeded_at = %s where seeded_at is null", [now]).rowcount == 1


def deactivate(connection: Connection[Any], symbols: Sequence[str]) -> int:
    """Take symbols out of the universe, so that they are not synced; their stored rows stay. How many were in it."""
    return connection.execute(
        "update stocks set active = false where symbol = any(%s::text[]) and active", [list(symbols)]
    ).rowcount


def in_work(connection: Connection[Any], symbols: Sequence[str]) -> tuple[str, ...]:
    """Those of the symbols that wait for a run or are worked on by one."""
    rows = connection.execute(
        "select distinct symbol from scan_run_symbols "
        "where state in ('pending', 'running') and symbol = any(%s::text[]) order by symbol",
        [list(symbols)],
    )
    return tuple(symbol for (symbol,) in rows)


def delete(connection: Connection[Any], symbols: Sequence[str], *, now: datetime) -> int:
    """Drop everything current of these symbols and take them out of the universe; return the contracts dropped.

    Past scans and archived days stay as they are.
    """
    named = [list(symbols)]
    contracts = connection.execute("delete from stock_premiums where symbol = any(%s::text[])", named).rowcount
    for statement in _DELETIONS:
        connection.execute(statement, named)
    connection.execute(
        "update stocks set active = false, deleted_at = %s where symbol = any(%s::text[])", [now, list(symbols)]
    )
    return contracts


_DELETIONS: Final = (
    "delete from scan_puts where symbol = any(%s::text[])",
    "delete from scan_calls where symbol = any(%s::text[])",
    "delete from stock_premium_counts where symbol = any(%s::text[])",
    "delete from stock_chains where symbol = any(%s::text[])",
    "delete from stock_data where symbol = any(%s::text[])",
    "delete from flow_chains where symbol = any(%s::text[])",
)


def note_check(connection: Connection[Any], symbol: str, error_class: str | None, *, now: datetime) -> None:
    """A source was asked for this symbol: it knows it, or it said so with an error of this class."""
    connection.execute(
        "update stocks set checked_at = %s, check_error = %s where symbol = %s", [now, error_class, symbol]
    )


def symbols(connection: Connection[Any]) -> tuple[str, ...]:
    """The active symbols, alphabetically."""
    return tuple(symbol for (symbol,) in connection.execute("select symbol from stocks where active order by symbol"))


def store_reference(connection: Connection[Any], reference: ReferenceData) -> None:
    """Replace the slow facts of a stock, unless newer ones are stored.

    Raises InputError for a symbol that is not in the universe.
    """
    try:
        connection.execute(_STORE_REFERENCE, [getattr(reference, name) for name in _FACTS])
    except ForeignKeyViolation as error:
        raise InputError(f"not in the universe: {reference.symbol}. Add it first") from error


def references(connection: Connection[Any], symbols: Sequence[str]) -> dict[str, ReferenceData]:
    """Stored slow facts of these symbols; those never fetched are left out."""
    statement = sql.SQL("select {} from stock_data where symbol = any(%s::text[]) order by symbol").format(
        sql.SQL(", ").join(map(sql.Identifier, _FACTS))
    )
    rows = connection.cursor(row_factory=dict_row).execute(statement, [list(symbols)]).fetchall()
    found = (ReferenceData(**{**row, "earnings_state": EarningsState(row["earnings_state"])}) for row in rows)
    return {reference.symbol: reference for reference in found}


def without_reference_since(connection: Connection[Any], since: datetime) -> tuple[str, ...]:
    """Active symbols whose slow facts are unknown or older than `since`, the oldest first."""
    rows = connection.execute(
        "select symbol from stocks left join stock_data using (symbol) "
        "where active and (fetched_at is null or fetched_at < %s) order by fetched_at nulls first, symbol",
        [since],
    )
    return tuple(symbol for (symbol,) in rows)


def overview(connection: Connection[Any]) -> list[StockOverview]:
    """All stocks that were not deleted, alphabetically. `last_error` is set where the last finished attempt failed."""
    rows = connection.cursor(row_factory=dict_row).execute(
        """
        select stock.symbol, stock.active, coalesce(data.name, stock.name) as name, data.sector, data.industry,
            data.market_cap, data.last_price, data.change_pct, data.next_earnings,
            coalesce(data.earnings_state, 'unknown') as earnings_state, data.ex_dividend_date,
            chain.fetched_at as synced_at, chain.source as chain_source, coalesce(chain.contracts, 0) as contracts,
            stock.checked_at, stock.check_error,
            case when last.state = 'failed' then last.error_class || ': ' || last.error_message end as last_error
        from stocks as stock
        left join stock_data as data using (symbol)
        left join stock_chains as chain using (symbol)
        left join lateral (
            select scan_run_symbols.state, error_class, error_message
            from scan_run_symbols
            join scan_runs as run using (run_id)
            where symbol = stock.symbol and scan_run_symbols.state in ('succeeded', 'failed') and run.kind = 'sync'
            order by run_id desc
            limit 1
        ) as last on true
        where stock.deleted_at is null
        order by stock.symbol
        """
    )
    return [StockOverview(**{**row, "earnings_state": EarningsState(row["earnings_state"])}) for row in rows]
