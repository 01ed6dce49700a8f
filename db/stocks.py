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


@dataclass(frozen=True, slots=True)
class StockOverview:
    """One stock of the universe with its slow facts and the state of its stored chain. None is unknown."""

    symbol: str
    name: str | None
    sector: str | None
    last_price: float | None
    change_pct: float | None
    next_earnings: date | None
    earnings_state: EarningsState
    ex_dividend_date: date | None
    synced_at: datetime | None
    contracts: int
    last_error: str | None


def add(
    connection: Connection[Any], symbols: Sequence[str], *, now: datetime, owner_id: int | None = None
) -> tuple[str, ...]:
    """Add symbols to the universe, or make them active again; return those that were not active before, in order."""
    rows = connection.execute(
        """
        insert into stocks (symbol, added_at, owner_id)
        select distinct wanted, %s::timestamptz, %s::bigint from unnest(%s::text[]) as wanted
        on conflict (symbol) do update set active = true where not stocks.active
        returning symbol
        """,
        [now, owner_id, list(symbols)],
    ).fetchall()
    new = {symbol for (symbol,) in rows}
    return tuple(symbol for symbol in dict.fromkeys(symbols) if symbol in new)


def deactivate(connection: Connection[Any], symbol: str) -> bool:
    """Take a symbol out of the universe; its stored rows stay. False where it was not in it."""
    cursor = connection.execute("update stocks set active = false where symbol = %s and active", [symbol])
    return cursor.rowcount == 1


def symbols(connection: Connection[Any]) -> tuple[str, ...]:
    """The active symbols, alphabetically."""
    return tuple(symbol for (symbol,) in connection.execute("select symbol from stocks where active order by symbol"))


def store_reference(connection: Connection[Any], reference: ReferenceData) -> None:
    """Replace the slow facts of a stock, unless newer ones are stored.

    Raises InputError for a symbol that is not in the universe.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, _FACTS))
    updates = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in _FACTS if name != "symbol"
    )
    statement = sql.SQL(
        "insert into stock_data ({columns}) values ({values}) on conflict (symbol) do update set {updates} "
        "where stock_data.fetched_at <= excluded.fetched_at"
    ).format(columns=columns, values=sql.SQL(", ").join(sql.Placeholder() * len(_FACTS)), updates=updates)
    try:
        connection.execute(statement, [getattr(reference, name) for name in _FACTS])
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
    """The active universe, alphabetically. `last_error` is set where the last finished attempt failed."""
    rows = connection.cursor(row_factory=dict_row).execute(
        """
        select stock.symbol, coalesce(data.name, stock.name) as name, data.sector, data.last_price, data.change_pct,
            data.next_earnings, coalesce(data.earnings_state, 'unknown') as earnings_state, data.ex_dividend_date,
            chain.fetched_at as synced_at, coalesce(chain.contracts, 0) as contracts,
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
        where stock.active
        order by stock.symbol
        """
    )
    return [StockOverview(**{**row, "earnings_state": EarningsState(row["earnings_state"])}) for row in rows]
