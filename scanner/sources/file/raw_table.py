"""A table as it stands in a CSV or Parquet file: headers, and rows of cells that nothing has interpreted yet."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from scanner.sources.file.column_map import ColumnMap
from scanner.sources.file.columns import COLUMNS, is_complete, known_count, places_of
from scanner.sources.file.delimited import HEAD_LINES, SEPARATORS, Line, head_of, lines_of
from scanner.sources.file.problems import FileProblemError

MAX_ROWS: Final = 1_000_000
"""A Parquet file with more rows is refused: packed, they may be far larger than the file."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """`number` is the line in a text file, the row counted from 1 in Parquet."""

    number: int
    cells: Sequence[object]


@dataclass(frozen=True, slots=True)
class RawTable:
    """`text` is the file's where it is one, so that its end can be checked."""

    headers: tuple[str, ...]
    places: dict[str, int]
    rows: tuple[RawRow, ...]
    text: str | None

    def column(self, name: str) -> list[object]:
        """The cells of one of our columns, none where the file has no such column."""
        place = self.places.get(name)
        return [] if place is None else [row.cells[place] for row in self.rows if place < len(row.cells)]

    def header(self, name: str) -> str:
        """What the file itself calls one of our columns."""
        return self.headers[self.places[name]]


def parquet_table(content: bytes, stated: ColumnMap) -> RawTable:
    """The table of a Parquet file. Raises FileProblemError for a damaged, nested or huge one."""
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        if file.metadata.num_rows > MAX_ROWS:
            raise FileProblemError(f"found {file.metadata.num_rows} rows, at most {MAX_ROWS} are read: save one chain")
        table = file.read()
        columns = [_values(column) for column in table.columns]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileProblemError(
            f"found a Parquet file that cannot be read ({str(error)[:200]}): it may be cut off, download it again"
        ) from error
    headers = tuple(str(name) for name in table.column_names)
    rows = (RawRow(number, cells) for number, cells in enumerate(zip(*columns, strict=True), start=1))
    return RawTable(headers, _checked(headers, stated), tuple(rows), None)


def _values(column: Any) -> list[object]:
    """Values as Python has them: nanoseconds, which it has not, are cut to microseconds; lists become texts."""
    if pa.types.is_nested(column.type):
        return [None if value is None else str(value) for value in column.to_pylist()]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return [value.strip() if isinstance(value, str) else value for value in column.to_pylist()]


def delimited_table(text: str, stated: ColumnMap) -> RawTable:
    """The table of a text file. Raises FileProblemError where no line is a header we know and no map names one."""
    separators = (stated.separator,) if stated.separator else SEPARATORS
    if stated.column_order:
        return _without_header(text, separators, stated)
    problems: list[tuple[int, FileProblemError]] = []
    for separator in separators:
        for position, line in enumerate(head_of(text, separator)):
            try:
                places = places_of(line.cells, stated.columns)
            except FileProblemError as problem:
                problem.line = line.number
                problems.append((known_count(line.cells, stated.columns), problem))
                continue
            if is_complete(places, symbol_stated=stated.symbol is not None):
                lines = _without_footer(lines_of(text, separator)[position + 1 :], stated)
                return RawTable(tuple(line.cells), places, _rows(lines), text)
    known, likeliest = max(problems, key=lambda found: found[0], default=(0, None))
    raise likeliest if likeliest is not None and known else _no_header(text)


def _without_header(text: str, separators: Iterable[str], stated: ColumnMap) -> RawTable:
    width = len(stated.column_order)
    places = {name: place for place, name in enumerate(stated.column_order) if name}
    if not is_complete(places, symbol_stated=stated.symbol is not None):
        raise FileProblemError(f"its column map's column_order does not identify contracts and a price: {_NEEDED}")
    for separator in separators:
        head = head_of(text, separator)
        if head and len(head[0].cells) == width:
            lines = _without_footer(lines_of(text, separator), stated)
            return RawTable(stated.column_order, places, _rows(lines), text)
    raise FileProblemError(f"found no separator that gives the {width} cells of its column map's column_order", 1)


_NEEDED: Final = (
    "needed are occ_symbol, or expiration, option_type and strike with a symbol; and one of bid, ask and last"
)


def _no_header(text: str) -> FileProblemError:
    number, found = next((number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip())
    return FileProblemError(
        f"found {found.strip()[:200]!r}, expected Cboe's quotedata, or a header of known columns within {HEAD_LINES} "
        f"lines: {_NEEDED}. Our columns are {', '.join(COLUMNS)}. State what the headers mean in a column map "
        f"(docs/file-source.md)",
        number,
    )


def _without_footer(lines: list[Line], stated: ColumnMap) -> list[Line]:
    return lines[: len(lines) - stated.footer_lines] if stated.footer_lines else lines


def _rows(lines: Iterable[Line]) -> tuple[RawRow, ...]:
    return tuple(RawRow(line.number, line.cells) for line in lines)


def _checked(headers: tuple[str, ...], stated: ColumnMap) -> dict[str, int]:
    if stated.column_order:
        raise FileProblemError("its column map states column_order, but Parquet names its columns: use [columns]")
    places = places_of(headers, stated.columns)
    if not is_complete(places, symbol_stated=stated.symbol is not None):
        raise FileProblemError(
            f"found the columns {', '.join(headers)[:300]}: {_NEEDED}. State what they mean in a column map "
            f"(docs/file-source.md)"
        )
    return places
