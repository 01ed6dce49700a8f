"""Cboe's download of a delayed chain (`quotedata`): calls and puts of a strike on one line.

Three generations are known, all with the underlying's line, a line with time and quote, and a header:

    to 2018     IBM (INTL BUSINESS MACHINES),185.08,-0.27,
                Dec 29 2013 @ 19:06 ET,Bid,184.60,Ask,185.24,Size,1x2,Vol,3382117,
                Calls,Last Sale,Net,Bid,Ask,Vol,Open Int,Puts,...     13 Dec 125.00 (IBM1327L125),0.0,...
    to 2020     the same with Expiration Date, IV, Delta, Gamma, Strike, and OCC codes
    since       SPDR S&P 500 ETF Trust,Last: 645.05,Change: -3.87
                "Date: September 1, 2025 at 6:50 PM EDT",Bid: 644.93,Ask: 645.07,Size: 1*1,"Volume: 74,482,292"

The volatility is a decimal. The time is that of the download: see `preamble`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from scanner.calendar import MarketCalendar
from scanner.errors import SymbolError
from scanner.model import OptionType
from scanner.sources.file.cboe_layout import CboeTable, Layout, Side, layout_of
from scanner.sources.file.column_map import CBOE_KEYS, ColumnMap
from scanner.sources.file.contracts import (
    Gathering,
    ReadChain,
    Row,
    check_strike,
    is_adjusted_root,
    symbol_of,
)
from scanner.sources.file.dates import readings
from scanner.sources.file.delimited import Line, check_end, lines_of
from scanner.sources.file.numbers import decimal_mark, read_number
from scanner.sources.file.preamble import read_preamble, title_symbol, underlying_quote
from scanner.sources.file.problems import FileProblemError, UnreadableRowError, about
from scanner.symbols import Contract, occ_symbol, parse_occ

FORMAT: Final = "cboe"

_OLD_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_OLD_CODE: Final = re.compile(
    r"(?P<year>\d{2}) (?P<month>[A-Za-z]{3}) (?P<strike>\d+(?:\.\d+)?) "
    r"\((?P<root>[A-Z][A-Z0-9]{0,5}?)(?P=year)(?P<day>\d{2})(?P<letter>[A-X])(?P<code_strike>\d+(?:\.\d+)?)"
    r"(?:-(?P<exchange>\w))?\)"
)


def read_cboe(text: str, table: CboeTable, stated: ColumnMap, calendar: MarketCalendar) -> ReadChain:
    """The chain of a file in Cboe's format. Raises FileProblemError."""
    lines, first, layout = lines_of(text, table.separator), table.first, table.layout
    foreign = sorted(stated.keys - CBOE_KEYS)
    if foreign:
        raise FileProblemError(
            f"this is Cboe's format, of which a column map may state {', '.join(sorted(CBOE_KEYS))}, "
            f"not {foreign[0]}: take it out"
        )
    above = lines[: _preamble_end(lines, first)]
    body = lines[first:]
    stated_symbols = [text for text in (title_symbol(above), stated.symbol) if text is not None]
    symbol = symbol_of(_roots(body, layout), stated_symbols)
    with about(symbol):
        check_end(text, final_newline=True)
        for line in body:
            _check_width(line, layout)
        mark = decimal_mark(_numbers(body, layout), stated=None)
        preamble = read_preamble(above, body_mark=mark, date_order=stated.date_order)
        gathering = Gathering()
        for line in body:
            _gather(line, layout, mark, gathering)
        contracts, unreadable = gathering.finished()
    answer_time, underlying = underlying_quote(preamble, symbol, calendar, stated.underlying_last)
    return ReadChain(
        symbol=symbol,
        format=FORMAT,
        source=stated.source or "Cboe",
        stated_time=preamble.time,
        answer_time=answer_time,
        underlying=underlying,
        contracts=contracts,
        unreadable=unreadable,
    )


def _preamble_end(lines: Sequence[Line], first: int) -> int:
    """Where the lines above the table end: at its header, or at the first contract where it has none."""
    return first - 1 if first and layout_of(lines[first - 1].filled) is not None else first


def _check_width(line: Line, layout: Layout) -> None:
    cells = len(line.cells)
    if cells < layout.width or any(line.cells[layout.width :]):
        raise FileProblemError(
            f"found {cells} cells, expected {layout.width} as in the header: the file may be cut off or edited, "
            f"download it again",
            line.number,
        )


def _numbers(body: Sequence[Line], layout: Layout) -> set[str]:
    places = [place for side in layout.sides for place in side.quotes.values()]
    if layout.strike is not None:
        places.append(layout.strike)
    return {line.cells[place] for line in body for place in places}


def _roots(body: Sequence[Line], layout: Layout) -> set[str]:
    """The roots of all codes that can be read."""
    roots = set()
    for line in body:
        for side in layout.sides:
            try:
                roots.add(_contract(line.cells[side.code]).root)
            except (UnreadableRowError, IndexError):
                continue
    return roots


def _gather(line: Line, layout: Layout, mark: str, gathering: Gathering) -> None:
    for side in layout.sides:
        if not any(line.cells[place] for place in (side.code, *side.quotes.values())):
            continue
        try:
            gathering.add(_row(line.cells, side, layout, mark), line.number)
        except UnreadableRowError as error:
            gathering.leave_out(str(error), line.number)


def _row(cells: Sequence[str], side: Side, layout: Layout, mark: str) -> Row:
    contract = _contract(cells[side.code])
    if contract.option_type is not side.option_type:
        raise UnreadableRowError("side_mismatch")
    if layout.expiration is not None and contract.expiration not in readings(cells[layout.expiration]).values():
        raise UnreadableRowError("expiration_mismatch")
    if layout.strike is not None:
        check_strike(contract, _number(cells[layout.strike], "strike", mark))
    values = {name: _number(cells[place], name, mark) for name, place in side.quotes.items()}
    if any(values[name] % 1 for name in ("volume", "open_interest") if math.isfinite(values[name])):
        raise UnreadableRowError("bad_count")
    if not any(values.values()):
        values = dict.fromkeys(values, math.nan)
    return Row(
        contract=contract,
        bid=values["bid"],
        ask=values["ask"],
        last=values["last"],
        volume=values["volume"],
        open_interest=values["open_interest"],
        vendor_iv=values.get("vendor_iv", math.nan),
        adjusted=is_adjusted_root(contract.root),
    )


def _number(text: str, name: str, mark: str) -> float:
    try:
        return read_number(text, mark)
    except ValueError as error:
        raise UnreadableRowError(f"bad_{name}") from error


def _contract(code: str) -> Contract:
    """The contract of an OCC code, or of one of before 2019, which has the day inside its brackets."""
    try:
        return parse_occ(code)
    except SymbolError as error:
        old = _OLD_CODE.fullmatch(code)
        if old is None:
            raise UnreadableRowError("contract_symbol") from error
    if old["exchange"]:
        raise UnreadableRowError("single_exchange")
    side, month = divmod(ord(old["letter"]) - ord("A"), len(_OLD_MONTHS))
    if _OLD_MONTHS[month] != old["month"].lower():
        raise UnreadableRowError("expiration_mismatch")
    try:
        expiration = date(2000 + int(old["year"]), month + 1, int(old["day"]))
        option_type = (OptionType.CALL, OptionType.PUT)[side]
        contract = parse_occ(occ_symbol(old["root"], expiration, option_type, float(old["strike"])))
    except (ValueError, SymbolError) as error:
        raise UnreadableRowError("contract_symbol") from error
    check_strike(contract, float(old["code_strike"]))
    return contract
