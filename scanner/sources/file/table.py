"""A saved table with a header we know, or one that its column map explains, as a chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scanner.errors import SymbolError
from scanner.sources.file.cells import text_of_cell
from scanner.sources.file.column_map import ColumnMap
from scanner.sources.file.contracts import SEVERAL_ROOTS, Gathering, ReadChain, symbol_of
from scanner.sources.file.delimited import check_end
from scanner.sources.file.file_facts import FileFacts
from scanner.sources.file.problems import FileProblemError, UnreadableRowError, about
from scanner.sources.file.raw_table import RawTable
from scanner.sources.file.rows import RowReader
from scanner.sources.file.writing import cell_reader
from scanner.symbols import option_root, parse_occ

FORMAT: Final = "table"

_PARTS: Final = frozenset(("expiration", "option_type", "strike"))


def read_table(table: RawTable, stated: ColumnMap) -> ReadChain:
    """The chain of a table. Raises FileProblemError."""
    table = _with_codes_named(table)
    symbol = symbol_of(_roots(table), _stated_symbols(table, stated))
    with about(symbol):
        _check_rows(table, stated)
        _check_identity(table, symbol)
        reader = cell_reader(table, stated)
        facts = FileFacts(table, reader, stated)
        contracts, unreadable = _gather(table, RowReader(table.places, reader, option_root(symbol))).finished()
        return ReadChain(
            symbol=symbol,
            format=FORMAT,
            source=stated.source,
            stated_time=facts.fetched_at(),
            answer_time=facts.answer_time(),
            underlying=facts.underlying(),
            contracts=contracts,
            unreadable=unreadable,
        )


def _gather(table: RawTable, rows: RowReader) -> Gathering:
    gathering = Gathering()
    for raw in table.rows:
        try:
            gathering.add(rows.read(raw.cells), raw.number)
        except UnreadableRowError as error:
            gathering.leave_out(str(error), raw.number)
    return gathering


def _with_codes_named(table: RawTable) -> RawTable:
    """Brokers head the contract's code with `Symbol`: a column of codes is taken for what it is."""
    if "symbol" not in table.places or "occ_symbol" in table.places:
        return table
    known = [text for text in map(text_of_cell, table.column("symbol")) if text]
    if known and all(map(_is_code, known)):
        return replace(
            table, places={"occ_symbol" if name == "symbol" else name: at for name, at in table.places.items()}
        )
    return table


def _is_code(text: str) -> bool:
    try:
        parse_occ(text)
    except SymbolError:
        return False
    return True


def _roots(table: RawTable) -> set[str]:
    """The roots that codes and root columns name."""
    codes = set(map(text_of_cell, table.column("occ_symbol")))
    named = {text for text in map(text_of_cell, table.column("root")) if text}
    return {parse_occ(code).root for code in codes if _is_code(code)} | named


def _stated_symbols(table: RawTable, stated: ColumnMap) -> set[str]:
    own = {stated.symbol} if stated.symbol else set()
    return own | {text for text in map(text_of_cell, table.column("symbol")) if text}


def _check_rows(table: RawTable, stated: ColumnMap) -> None:
    if table.text is not None:
        check_end(table.text, final_newline=stated.final_newline)
    width = len(table.headers)
    for row in table.rows:
        if len(row.cells) < width or any(row.cells[width:]):
            raise FileProblemError(
                f"found {len(row.cells)} cells, expected {width} as in the header: the file may be cut off, download "
                f"it again; lines below the table are stated as footer_lines in its column map",
                row.number,
            )


def _check_identity(table: RawTable, symbol: str) -> None:
    if "occ_symbol" in table.places:
        return
    if not table.places.keys() >= _PARTS:
        raise FileProblemError(
            f"found no OCC code (AAPL250117C00150000) in every row of the column {table.header('symbol')!r}, expected "
            f"them, or columns for expiration, option_type and strike"
        )
    if symbol in SEVERAL_ROOTS and "root" not in table.places:
        raise FileProblemError(
            f"found contracts of {symbol} without their root, and it has several (SPX and SPXW share dates and "
            f"strikes): save them with a column root or occ_symbol"
        )
