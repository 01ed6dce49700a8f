"""How a table writes numbers, dates, times and volatilities: what is stated about it, else what its cells prove."""

from __future__ import annotations

from datetime import datetime

from scanner.sources.file.cells import CellReader, is_percent, is_unknown, texts
from scanner.sources.file.column_map import ColumnMap
from scanner.sources.file.columns import COLUMNS, UNSTATED_IV
from scanner.sources.file.dates import DateOrder, column_order, split_time
from scanner.sources.file.numbers import decimal_mark
from scanner.sources.file.problems import FileProblemError
from scanner.sources.file.raw_table import RawTable

_NUMERIC = ("number", "count")


def cell_reader(table: RawTable, stated: ColumnMap) -> CellReader:
    """The reader of this table's cells. Raises FileProblemError where nothing shows how to read them."""
    numeric = [name for name in table.places if name == UNSTATED_IV or COLUMNS[name].kind in _NUMERIC]
    written = set().union(*(texts(table.column(name)) for name in numeric))
    orders = {name: _order(name, table, stated.date_order) for name in _columns(table, "day", "instant")}
    _check_volatility(table)
    if stated.time_zone is None:
        _check_zones(table)
    return CellReader(decimal_mark(written, stated=stated.decimal), orders, stated.time_zone)


def _columns(table: RawTable, *kinds: str) -> list[str]:
    return [name for name in table.places if name != UNSTATED_IV and COLUMNS[name].kind in kinds]


def _order(name: str, table: RawTable, stated: DateOrder | None) -> DateOrder:
    """The order of a column's dates. That of expirations beside codes need not be known: see `RowReader`."""
    days = name == "expiration"
    if days and "occ_symbol" in table.places:
        return stated or DateOrder.YMD
    written = texts(table.column(name))
    dates = written if days else {split_time(text)[0] for text in written}
    try:
        return column_order(dates, stated=stated, weekdays_only=days)
    except FileProblemError as problem:
        raise FileProblemError(f"column {table.header(name)!r}: {problem.text}") from problem


def _check_zones(table: RawTable) -> None:
    """Times without a zone would be unreadable row by row: say at once what to do."""
    for name in _columns(table, "instant"):
        naive = next((cell for cell in table.column(name) if _is_naive(cell)), None)
        if naive is not None:
            raise FileProblemError(
                f"found {str(naive)!r} in the column {table.header(name)!r} without a time zone: state time_zone in "
                f'its column map, such as "America/New_York"'
            )


def _is_naive(cell: object) -> bool:
    if isinstance(cell, datetime):
        return cell.utcoffset() is None
    if not isinstance(cell, str):
        return False
    day, clock, zone = split_time(cell)
    return bool(day and clock) and not zone


def _check_volatility(table: RawTable) -> None:
    """A volatility of unstated unit must say itself that it is in percent."""
    cells = (cell for cell in table.column(UNSTATED_IV) if not is_unknown(cell))
    unsigned = next((cell for cell in cells if not is_percent(cell)), None)
    if unsigned is not None:
        raise FileProblemError(
            f"found {str(unsigned)!r} in the column {table.header(UNSTATED_IV)!r}, percent or decimal: name it "
            f"vendor_iv (0.352) or vendor_iv_pct (35.2) under [columns] in its column map"
        )
