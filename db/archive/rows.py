"""Rows of a table as Arrow, with the types they have in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from psycopg import Connection, sql

from scanner.errors import DatabaseError

_TYPES: Final = {
    "text": pa.string(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "bytea": pa.binary(),
    "jsonb": pa.string(),
}
_BATCH: Final = 10_000


def schema_of(connection: Connection[Any], table: str) -> pa.Schema:
    """The columns of a table in order. Raises DatabaseError for a type that nobody has thought of yet."""
    columns = connection.execute(
        "select attname::text, format_type(atttypid, atttypmod), attnotnull from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
        [table],
    ).fetchall()
    unknown = sorted({kind for _, kind, _ in columns} - _TYPES.keys())
    if unknown:
        raise DatabaseError(f"{table} cannot be archived: it has columns of type {', '.join(unknown)}")
    return pa.schema([pa.field(name, _TYPES[kind], nullable=not not_null) for name, kind, not_null in columns])


def rows(connection: Connection[Any], query: sql.Composed, values: Sequence[Any], schema: pa.Schema) -> pa.Table:
    """What a query gives, its columns in the order of `schema`."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(query, values)
        batches = [_batch(some, schema) for some in iter(lambda: cursor.fetchmany(_BATCH), [])]
    return pa.Table.from_batches(batches, schema).combine_chunks()


def _batch(some: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns: Iterable[Sequence[Any]] = zip(*some, strict=True)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables have the same columns and values in the same order; NaN is the same as NaN, and no null."""
    if one.schema.names != other.schema.names or len(one) != len(other):
        return False
    return all(
        _same_values(a.combine_chunks(), b.combine_chunks()) for a, b in zip(one.columns, other.columns, strict=True)
    )


def _same_values(one: Any, other: Any) -> bool:
    if one.type != other.type:
        return False
    if not pa.types.is_floating(one.type):
        return bool(one.equals(other))
    if not one.is_null().equals(other.is_null()):
        return False
    return np.array_equal(one.to_numpy(zero_copy_only=False), other.to_numpy(zero_copy_only=False), equal_nan=True)
