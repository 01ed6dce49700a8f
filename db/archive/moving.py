"""One day of one table leaves the database: written, read back, proved, and only then dropped.

The rows are dropped and the file is recorded in one transaction. Cut short before it, the file is of no account and
is written again; after it, everything is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection, errors, sql

from db.archive import days
from db.archive.days import ArchivedDay
from db.archive.place import Place
from db.archive.rows import rows, same, schema_of
from db.engine import Database
from scanner.errors import ArchiveError

_LOCK: Final = 7_240_302
"""Key of the advisory lock held while a day leaves its table."""

_MILLISECONDS_TO_LOCK: Final = 2_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A day that stays in its table for now, and why."""

    table_name: str
    day: date
    reason: str


def move(database: Database, place: Place, table: str, day: date, *, now: datetime) -> ArchivedDay | Kept:
    """Move one UTC day of a table into the archive.

    Raises ArchiveError, with nothing dropped, where the place cannot be used or what was written is not what was read.
    """
    with database.connection() as connection:
        if table == "chain_snapshots" and (symbols := days.holds_newest_chains(connection, day)):
            return Kept(table, day, f"the newest chains of {len(symbols)} stocks are of it, {symbols[0]} among them")
        part = 1 + max((one.part for one in days.archived(connection, table, first=day, last=day)), default=0)
        found = _read(connection, table, day)
    file = f"{table}/{day:%Y-%m-%d}/part-{part}.parquet"
    size = place.write(found, file)
    written = place.read(file)
    if not same(found, written):
        raise ArchiveError(f"{file} at {place.text} does not hold what was written to it. Nothing was dropped")
    counted = dict(zip(*(column.to_pylist() for column in _by_symbol(written)), strict=True))
    moved = ArchivedDay(table, day, part, file, len(written), size, now)
    with database.connection() as connection:
        return _drop(connection, moved, counted)


def _read(connection: Connection[Any], table: str, day: date) -> Any:
    schema = schema_of(connection, table)
    query = sql.SQL("select {} from {} order by symbol, {}").format(
        sql.SQL(", ").join(map(sql.Identifier, schema.names)),
        days.partition(table, day),
        sql.Identifier(days.TIME_COLUMNS[table]),
    )
    return rows(connection, query, [], schema)


def _by_symbol(table: Any) -> Any:
    counted = table.group_by("symbol").aggregate([([], "count_all")])
    return counted["symbol"], counted["count_all"]


def _drop(connection: Connection[Any], moved: ArchivedDay, counted: dict[str, int]) -> ArchivedDay | Kept:
    """Drop the partition if it holds, symbol by symbol, as many rows as the file."""
    name = days.partition(moved.table_name, moved.day)
    connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
    connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(_MILLISECONDS_TO_LOCK)))
    try:
        connection.execute(sql.SQL("lock table {} in access exclusive mode").format(name))
        if days.counts(connection, moved.table_name, moved.day) != counted:
            return Kept(moved.table_name, moved.day, "rows came while it was being archived")
        connection.execute(sql.SQL("drop table {}").format(name))
    except (errors.LockNotAvailable, errors.UndefinedTable):
        connection.rollback()
        return Kept(moved.table_name, moved.day, "somebody else is working on it")
    days.record(connection, moved)
    return moved
