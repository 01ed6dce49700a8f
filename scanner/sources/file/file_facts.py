"""What a table says once for the whole file: its columns with the same value in every row, and its column map."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from scanner.model import UnderlyingQuote
from scanner.sources.file.cells import CellReader, is_unknown
from scanner.sources.file.column_map import ColumnMap
from scanner.sources.file.problems import FileProblemError
from scanner.sources.file.raw_table import RawTable

_Value = TypeVar("_Value")


class FileFacts:
    """The facts of one file; None unknown. Every method raises FileProblemError for a value that cannot be read, and
    for a column that says different things in different rows."""

    def __init__(self, table: RawTable, reader: CellReader, stated: ColumnMap) -> None:
        self._table = table
        self._reader = reader
        self._stated = stated

    def fetched_at(self) -> datetime | None:
        return self._instant("fetched_at")

    def answer_time(self) -> datetime | None:
        """The market time of the quotes, from the column or the column map."""
        found, stated = self._instant("answer_time"), self._stated.quote_time
        if stated is not None and found is not None and stated != found:
            raise FileProblemError(
                f"its column map states quote_time {stated}, the column answer_time says {found}: take one of them out"
            )
        return stated if stated is not None else found

    def underlying(self) -> UnderlyingQuote:
        last, stated_last = self._price("underlying_last"), self._stated.underlying_last
        if stated_last is None:
            return UnderlyingQuote(
                bid=self._price("underlying_bid"),
                ask=self._price("underlying_ask"),
                last=last,
                quote_time=self._instant("underlying_quote_time"),
                last_time=self._instant("underlying_last_time"),
                volume=self._price("underlying_volume"),
            )
        if last is not None:
            raise FileProblemError("its column map states underlying_last, which is a column of the file: take one out")
        return UnderlyingQuote(last=stated_last, last_time=self.answer_time())

    def _instant(self, name: str) -> datetime | None:
        return self._read(name, lambda cell: self._reader.instant(cell, name))

    def _price(self, name: str) -> float | None:
        number = self._read(name, self._reader.number)
        return number if number is not None and number > 0 else None

    def _read(self, name: str, read: Callable[[object], _Value]) -> _Value | None:
        different = {cell for cell in self._table.column(name) if not is_unknown(cell)}
        if not different:
            return None
        if len(different) > 1:
            first, second = sorted(map(str, different))[:2]
            raise FileProblemError(
                f"column {self._table.header(name)!r} has {first!r} and {second!r}, expected one value for the whole "
                f"file: save the chain of one moment"
            )
        try:
            return read(different.pop())
        except ValueError as error:
            raise FileProblemError(f"column {self._table.header(name)!r}: {error}") from error
