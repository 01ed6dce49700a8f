"""Rows of a table over any time: those in the database and those in the archive, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import duckdb
import pandas as pd
import pyarrow as pa
from psycopg import Connection, sql

from db.archive import days
from db.archive.place import Place
from db.archive.rows import rows, schema_of
from db.engine import Database
from scanner.errors import ArchiveError
from scanner.schema import SKEW_HISTORY, Schema

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BEFORE: Final = timedelta(days=10)
"""Longer than any holiday."""


def select(
    database: Database,
    place: Place | None,
    table: str,
    query: str,
    *,
    since: datetime = _EVER,
    until: datetime | None = None,
    symbols: Sequence[str] | None = None,
) -> pa.Table:
    """What DuckDB answers to `query`, in which `found` are the rows of `table` in a span of time, of some symbols.

    `place` may be None where nothing has been archived yet. Raises ArchiveError where archived days of the span cannot
    be reached: never fewer rows than there are.
    """
    parts = _parts(database, place, table, since, until, symbols)
    time = days.TIME_COLUMNS[table]
    with duckdb.connect(config={"threads": 2}) as memory:
        memory.execute("set timezone = 'UTC'")
        memory.register("parts", pa.concat_tables(parts))
        found = memory.sql(
            f'select * from parts where "{time}" >= $since and ($until is null or "{time}" <= $until)',  # noqa: S608 our own text
            params={"since": since, "until": until},
        )
        memory.register("found", found.to_arrow_table())
        return memory.sql(query).to_arrow_table()


def skew_history(
    database: Database, place: Place | None, symbol: str, *, since: datetime, expiration: date | None = None
) -> pd.DataFrame:
    """`db.flow_reading.skew_history` over both. A scan before is one of at most ten days before `since`."""
    answer = select(database, place, "skew_metrics", _SKEW_HISTORY, since=since - _BEFORE, symbols=[symbol])
    frame = declared(answer, SKEW_HISTORY)
    wanted = frame["timestamp"] >= since
    if expiration is not None:
        wanted &= frame["expiration"] == pd.Timestamp(expiration)
    return frame[wanted].reset_index(drop=True)


def declared(table: pa.Table, schema: Schema) -> pd.DataFrame:
    """The columns of a declared frame out of an Arrow table."""
    frame = table.select(schema.names).to_pandas()
    return pd.DataFrame({column.name: frame[column.name].astype(column.dtype) for column in schema.columns})


def reaches(database: Database, table: str, since: datetime) -> bool:
    """Whether any archived day of the table is in the span that begins at `since`."""
    with database.connection() as connection:
        return bool(days.archived(connection, table, first=since.astimezone(UTC).date()))


def _parts(
    database: Database,
    place: Place | None,
    table: str,
    since: datetime,
    until: datetime | None,
    symbols: Sequence[str] | None,
) -> list[pa.Table]:
    """One picture of both: a day that moves meanwhile is either still in the table or recorded, never both."""
    first = since.astimezone(UTC).date()
    last = None if until is None else until.astimezone(UTC).date()
    with database.connection() as connection:
        connection.execute("set transaction isolation level repeatable read")
        archived = days.archived(connection, table, first=first, last=last)
        owner = days.owner(connection)
        schema = schema_of(connection, table)
        stored = _stored(connection, table, schema, since, until, symbols)
    stored = _fitting(stored, schema)
    if not archived:
        return [stored]
    if place is None:
        raise ArchiveError(
            f"rows of {table} from {archived[0].day} on are in an archive, and no place of it is known. "
            "Let SCANNER_ARCHIVE name it"
        )
    place.check_owner(owner, new=False)
    return [stored, *(_fitting(place.read(one.file, symbols=symbols), schema) for one in archived)]


def _stored(
    connection: Connection[Any],
    table: str,
    schema: pa.Schema,
    since: datetime,
    until: datetime | None,
    symbols: Sequence[str] | None,
) -> pa.Table:
    time = sql.Identifier(days.TIME_COLUMNS[table])
    query = sql.SQL(
        "select {} from {} where {} >= %s and (%s::timestamptz is null or {} <= %s) "
        "and (%s::text[] is null or symbol = any(%s::text[]))"
    ).format(sql.SQL(", ").join(map(sql.Identifier, schema.names)), sql.Identifier(table), time, time)
    chosen = None if symbols is None else list(symbols)
    return rows(connection, query, [since, until, until, chosen, chosen], schema)


def _fitting(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """An archived day with the columns the table has now: those that came later are unknown in it."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.schema.names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema([field.with_nullable(True) for field in schema]))


_SKEW_HISTORY: Final = """
    select *,
        lag("timestamp") over earlier as previous_timestamp,
        skew_25d - lag(skew_25d) over earlier as skew_change,
        atm_iv - lag(atm_iv) over earlier as atm_iv_change
    from found
    window earlier as (partition by symbol, root, expiration order by "timestamp")
    order by "timestamp", expiration, root
"""
