"""Which days of which tables have been archived. Rows are in their table or in a recorded file, never in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from db.partitions import FLOW_TABLES

TABLES: Final = (*FLOW_TABLES, "chain_snapshots")
TIME_COLUMNS: Final = {**dict.fromkeys(FLOW_TABLES, "timestamp"), "chain_snapshots": "fetched_at"}


@dataclass(frozen=True, slots=True)
class ArchivedDay:
    """One file: the rows that a table had of a UTC day when it was archived. `part` counts from 1: late rows follow."""

    table_name: str
    day: date
    part: int
    file: str
    rows: int
    bytes: int
    archived_at: datetime


def owner(connection: Connection[Any]) -> UUID:
    """The identity of this database, written beside its archive."""
    row = connection.execute("select database from archive_owner").fetchone()
    if row is None:
        raise LookupError("archive_owner has no row")
    return UUID(str(row[0]))


def archived(
    connection: Connection[Any], table: str, *, first: date | None = None, last: date | None = None
) -> tuple[ArchivedDay, ...]:
    """The archived days of a table between two days, both included, in order."""
    cursor = connection.cursor(row_factory=class_row(ArchivedDay))
    cursor.execute(
        "select * from archive_days where table_name = %s and (%s::date is null or day >= %s) "
        "and (%s::date is null or day <= %s) order by day, part",
        [table, first, first, last, last],
    )
    return tuple(cursor)


def record(connection: Connection[Any], day: ArchivedDay) -> None:
    connection.execute(
        "insert into archive_days (table_name, day, part, file, rows, bytes, archived_at) "
        "values (%s, %s, %s, %s, %s, %s, %s)",
        [day.table_name, day.day, day.part, day.file, day.rows, day.bytes, day.archived_at],
    )


def old_days(connection: Connection[Any], table: str, *, before: date) -> tuple[date, ...]:
    """UTC days before `before` that have a partition of the table, ascending."""
    rows = connection.execute(
        "select to_date(right(inhrelid::regclass::text, 10), 'YYYY_MM_DD') from pg_inherits "
        "where inhparent = %s::regclass order by 1",
        [table],
    )
    return tuple(day for (day,) in rows if day < before)


def partition(table: str, day: date) -> sql.Identifier:
    return sql.Identifier(f"{table}_{day:%Y_%m_%d}")


def holds_newest_chains(connection: Connection[Any], day: date) -> tuple[str, ...]:
    """Stocks whose newest chain is of this day: scans still read it, however old it is."""
    rows = connection.execute(
        sql.SQL(
            """
            select distinct old.symbol
            from {} as old join stocks using (symbol)
            where stocks.active and not exists (
                select from chain_snapshots as newer
                where newer.symbol = old.symbol and newer.kind = old.kind and newer.fetched_at >= %s
            )
            order by old.symbol
            """
        ).format(partition("chain_snapshots", day)),
        [f"{day} 24:00:00+00"],
    ).fetchall()
    return tuple(symbol for (symbol,) in rows)


def counts(connection: Connection[Any], table: str, day: date) -> dict[str, int]:
    """Rows by symbol that the table has of a day."""
    rows: Sequence[tuple[str, int]] = connection.execute(
        sql.SQL("select symbol, count(*) from {} group by symbol").format(partition(table, day))
    ).fetchall()
    return {symbol: int(count) for symbol, count in rows}
