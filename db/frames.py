"""Frames into binary COPY, and query results into frames: by column, never by row.

Into the database: one Arrow batch per frame, encoded by pgpq. Out of it: the server aggregates each column into one
array, and numbers and times are read from the array's binary form without making a Python object of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import Connection, Cursor
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

from scanner.schema import Column, Columns, Kind, Schema, validate

_ARROW: Final[Mapping[Kind, pa.DataType]] = {
    "text": pa.large_string(),
    "date": pa.date32(),
    "instant": pa.timestamp("us", "UTC"),
    "number": pa.float64(),
    "integer": pa.int32(),
    "flag": pa.bool_(),
}

_TEXT: Final[Any] = pd.StringDtype(na_value=np.nan)
_INSTANT: Final = pd.DatetimeTZDtype("us", "UTC")

_ARRAY_HEADER: Final = 12
"""Bytes of an array before its dimensions: their number, null flag, type. Each has its length and its lower bound."""

_EPOCH_SECONDS: Final = 946_684_800
"""2000-01-01, where PostgreSQL counts from, in seconds since 1970."""

_EPOCH_DAYS: Final = 10_957


@cache
def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema of a declared frame."""
    return pa.schema([(column.name, _ARROW[column.kind]) for column in schema.columns])


@cache
def _declared_dtypes(schema: Schema) -> list[Any]:
    return [pd.api.types.pandas_dtype(column.dtype) for column in schema.columns]


def pack(batch: pa.RecordBatch) -> bytes:
    """One batch as an Arrow stream, as a whole compressed with zstd: small frames compress better so than by column."""
    raw = pa.BufferOutputStream()
    with pa.ipc.new_stream(raw, batch.schema) as writer:
        writer.write_batch(batch)
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(raw.getvalue())
    return bytes(packed.getvalue())


def unpack(body: bytes) -> pa.Table:
    """What was packed."""
    with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
        return pa.ipc.open_stream(stream.read()).read_all()


def frame_of(table: pa.Table, schema: Schema) -> pd.DataFrame:
    """A table that was made of a frame of this schema."""
    frame = table.replace_schema_metadata(None).to_pandas()
    return pd.DataFrame({column.name: frame[column.name].astype(column.dtype) for column in schema.columns})


def to_batch(frame: pd.DataFrame | Columns, schema: Schema) -> pa.RecordBatch:
    """The frame as one Arrow batch, unknown as null. Raises SchemaError where columns or types differ from `schema`."""
    values = _declared_arrays(frame, schema)
    # One conversion for all numbers: the price is per call, and there are thirty-five.
    numbers = [
        np.asarray(array) for array, column in zip(values, schema.columns, strict=True) if column.kind == "number"
    ]
    block = pa.array(np.concatenate(numbers), type=pa.float64(), from_pandas=True)
    count = len(values[0])
    starts = iter(range(0, len(numbers) * count, max(count, 1)))
    arrays = [
        block.slice(next(starts, 0), count) if column.kind == "number" else _array(array, column)
        for array, column in zip(values, schema.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(schema))


def _declared_arrays(frame: pd.DataFrame | Columns, schema: Schema) -> list[Any]:
    dtypes = frame.dtypes.tolist() if isinstance(frame, pd.DataFrame) else [array.dtype for array in frame.values()]
    if list(frame) != schema.names or dtypes != _declared_dtypes(schema):
        frame = validate(pd.DataFrame(frame, copy=False), schema)[schema.names]
    return [series.array for _, series in frame.items()] if isinstance(frame, pd.DataFrame) else list(frame.values())


def _array(values: Any, column: Column) -> pa.Array:
    kind = _ARROW[column.kind]
    if column.kind == "instant":
        return pa.array(np.asarray(values, dtype="datetime64[us]"), type=kind)
    if column.kind == "date":
        return pa.array(np.asarray(values).astype("datetime64[D]"), type=kind)
    if column.kind == "text":
        text = pa.array(values, type=kind)
        return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    return pa.array(np.asarray(values), type=kind)


def copy_bytes(batches: Sequence[pa.RecordBatch]) -> bytes:
    """Batches of one schema in PostgreSQL's binary COPY format."""
    encoder = ArrowToPostgresBinaryEncoder(batches[0].schema)
    parts = [encoder.write_header(), *(encoder.write_batch(batch) for batch in batches), encoder.finish()]
    return b"".join(parts)


def read_frame(
    connection: Connection[Any],
    schema: Schema,
    source: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    prepare: bool = False,
) -> pd.DataFrame:
    """A declared frame from `source`: SQL of a subquery, ordered as the frame is to be, with the schema's columns.

    `source` is fixed text of a module of this package, values go into `parameters`. `prepare`: the same text is asked
    often, keep its plan.
    """
    row = columns_cursor(connection).execute(select_columns(schema, source), parameters, prepare=prepare).fetchone()
    return schema.empty() if row is None or row[0] is None else to_frame(schema, row)


def columns_cursor(connection: Connection[Any]) -> Cursor[Any]:
    """A cursor whose arrays of numbers and times arrive as numpy arrays."""
    cursor = connection.cursor(binary=True)
    for name, loader in _LOADERS.items():
        cursor.adapters.register_loader(cursor.adapters.types.get_oid(name), loader)
    return cursor


def select_columns(schema: Schema, source: str) -> str:
    """A select of one row: all numbers of `source` as one matrix, all texts as another, each other column as an array.

    Aggregating a row of a matrix costs as much as aggregating a single value.
    """
    matrices = [f"array_agg(array[{', '.join(map(_known, _of_kind(schema, kind)))}])" for kind in _MATRICES]
    arrays = [f"array_agg({_known(column)})" for column in _arrays(schema)]
    return f"select {', '.join(matrices + arrays)} from ({source}) as source"  # noqa: S608 fixed text of this package


def to_frame(schema: Schema, answer: Sequence[Any]) -> pd.DataFrame:
    """The frame from a row of `select_columns`."""
    numbers, texts, *arrays = answer
    columns = {
        **_by_name(_of_kind(schema, "number"), numbers.T.copy()),
        **_by_name(_of_kind(schema, "text"), zip(*texts, strict=True)),
        **_by_name(_arrays(schema), arrays),
    }
    return pd.DataFrame({name: columns[name] for name in schema.names}, copy=False)


_MATRICES: Final[tuple[Kind, ...]] = ("number", "text")


@cache
def _of_kind(schema: Schema, kind: Kind) -> tuple[Column, ...]:
    return tuple(column for column in schema.columns if column.kind == kind)


@cache
def _arrays(schema: Schema) -> tuple[Column, ...]:
    return tuple(column for column in schema.columns if column.kind not in _MATRICES)


def _by_name(columns: Sequence[Column], values: Iterable[Any]) -> dict[str, Any]:
    return {column.name: _series(some, column) for column, some in zip(columns, values, strict=True)}


def _known(column: Column) -> str:
    """The column with unknown as a value of its own type, so that every element of the array has the same width."""
    if column.kind == "number":
        return f"coalesce({column.name}::float8, 'NaN')"
    if column.kind == "integer":
        return f"{column.name}::int8"
    if column.kind in ("date", "instant"):
        return f"coalesce({column.name}, '-infinity')"
    return column.name


def _series(values: Any, column: Column) -> Any:
    if column.kind == "text":
        return _TEXT.__from_arrow__(pa.array(values, type=pa.large_string()))
    return pd.array(values, dtype=_INSTANT) if column.kind == "instant" else values


def _elements(data: Buffer, kind: str) -> np.ndarray:
    """The elements of a binary array without nulls, in its shape: each is preceded by its length."""
    dimensions = int.from_bytes(data[:4], "big")
    if dimensions == 0:
        return np.empty(0, dtype=np.dtype(kind).newbyteorder("="))
    shape = np.frombuffer(data, dtype=">i4", count=2 * dimensions, offset=_ARRAY_HEADER)[::2]
    pairs = np.frombuffer(data, dtype=[("length", ">i4"), ("value", kind)], offset=_ARRAY_HEADER + 8 * dimensions)
    return pairs["value"].astype(np.dtype(kind).newbyteorder("=")).reshape(shape)


class _NumberArray(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> np.ndarray:
        return _elements(data, ">f8")


class _IntegerArray(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> np.ndarray:
        return _elements(data, ">i8")


class _FlagArray(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> np.ndarray:
        return _elements(data, "?")


class _DateArray(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> np.ndarray:
        days = _elements(data, ">i4").astype(np.int64)
        unknown = days == np.iinfo(np.int32).min
        dates: np.ndarray = ((days + _EPOCH_DAYS) * 86_400).astype("datetime64[s]")
        dates[unknown] = np.datetime64("NaT")
        return dates


class _InstantArray(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> np.ndarray:
        microseconds = _elements(data, ">i8")
        unknown = microseconds == np.iinfo(np.int64).min
        instants: np.ndarray = (microseconds + _EPOCH_SECONDS * 1_000_000).astype("datetime64[us]")
        instants[unknown] = np.datetime64("NaT")
        return instants


_LOADERS: Final[Mapping[str, type[Loader]]] = {
    "float8[]": _NumberArray,
    "int8[]": _IntegerArray,
    "bool[]": _FlagArray,
    "date[]": _DateArray,
    "timestamptz[]": _InstantArray,
}
