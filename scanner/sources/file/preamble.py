"""The lines above Cboe's table: the underlying, its quote, and the time of the download.

Outside the session the quotes are of the last close, and a stock's last price may be of extended hours; how that is
known is told in docs/decisions/2026-11-25-cboe-time-is-the-download.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from scanner.calendar import MarketCalendar, MarketClock, market_date
from scanner.errors import CalendarError
from scanner.model import UnderlyingQuote
from scanner.sources.file.dates import NEW_YORK, DateOrder, column_order, read_instant, split_time
from scanner.sources.file.delimited import Line
from scanner.sources.file.numbers import proven_marks, read_count, read_number
from scanner.sources.file.problems import FileProblemError
from scanner.symbols import is_index_root

_TITLE_LABELS: Final = ("last", "change")
_QUOTE_LABELS: Final = ("bid", "ask", "size", "vol", "volume")
_TITLE_SYMBOL: Final = re.compile(r"(\^?[A-Z][A-Z0-9./]*) \(")
_COMPUTED_BEYOND_THE_SESSION: Final = frozenset(("VIX",))


@dataclass(frozen=True, slots=True)
class Preamble:
    """What the lines say; None where they do not. Prices in $, volume in shares."""

    symbol: str | None = None
    time: datetime | None = None
    last: float | None = None
    bid: float | None = None
    ask: float | None = None
    volume: float | None = None


def title_symbol(lines: Sequence[Line]) -> str | None:
    """The symbol in front of the name, where the underlying's line has it (until 2020)."""
    for line in lines:
        match = _TITLE_SYMBOL.match(line.cells[0])
        labelled = any(_label(cell) in _TITLE_LABELS for cell in line.cells)
        if match and not labelled and not _is_time_line(line):
            return match[1]
    return None


def read_preamble(lines: Sequence[Line], *, body_mark: str, date_order: DateOrder | None) -> Preamble:
    """Read the lines above the table; each may be missing. `body_mark` is the decimal mark of the table.

    Raises FileProblemError for a line that is neither, and for one that cannot be read.
    """
    prices: dict[str, str] = {}
    time: datetime | None = None
    volume: float | None = None
    for line in lines:
        if _is_time_line(line):
            fields, written = _time_line(line)
            time = _time(written, date_order, line.number)
            volume = read_count(fields.get("volume") or fields.get("vol") or "")
            prices |= {name: fields.get(name, "") for name in ("bid", "ask")}
        else:
            prices |= _title_line(line)
    mark = _price_mark(prices.values(), body_mark)
    last, bid, ask = (_price(prices.get(name, ""), mark) for name in ("last", "bid", "ask"))
    return Preamble(title_symbol(lines), time, last, bid, ask, volume or None)


def underlying_quote(
    preamble: Preamble, symbol: str, calendar: MarketCalendar, stated_last: float | None
) -> tuple[datetime | None, UnderlyingQuote]:
    """The market time of the file's quotes, None where unknown, and the underlying at that time.

    `stated_last` is the regular session's price as the column map states it.
    """
    clock = _clock(preamble.time, calendar)
    market_time = None if clock is None else preamble.time if clock.is_open else clock.closes_at
    index = is_index_root(symbol)
    if stated_last is not None:
        return market_time, UnderlyingQuote(last=stated_last, last_time=market_time)
    if clock is not None and clock.is_open and not index:
        return market_time, UnderlyingQuote(
            bid=preamble.bid,
            ask=preamble.ask,
            last=preamble.last,
            quote_time=market_time if preamble.bid or preamble.ask else None,
            volume=preamble.volume,
        )
    if not _is_of_the_session(preamble.time, clock, symbol, calendar):
        return market_time, UnderlyingQuote()
    return market_time, UnderlyingQuote(
        last=preamble.last,
        last_time=market_time if preamble.last is not None else None,
        volume=None if index else preamble.volume,
    )


def _is_of_the_session(time: datetime | None, clock: MarketClock | None, symbol: str, calendar: MarketCalendar) -> bool:
    """True where the last price is certainly one of the regular session."""
    if is_index_root(symbol) and symbol not in _COMPUTED_BEYOND_THE_SESSION:
        return True
    if time is None or clock is None:
        return False
    return clock.is_open or not calendar.is_session(market_date(time))


def _clock(time: datetime | None, calendar: MarketCalendar) -> MarketClock | None:
    """None where the time is unknown or before the calendar begins."""
    if time is None:
        return None
    try:
        return calendar.clock(time)
    except CalendarError:
        return None


def _is_time_line(line: Line) -> bool:
    return line.cells[0].lower().startswith("date:") or "@" in line.cells[0]


def _time_line(line: Line) -> tuple[dict[str, str], str]:
    """The labelled fields, and the time as written (its comma may have parted it)."""
    cells = line.filled
    first = next((at for at, cell in enumerate(cells) if _label(cell) in _QUOTE_LABELS), len(cells))
    written = ", ".join(cells[:first])
    return _fields(cells[first:], _QUOTE_LABELS, line.number), re.sub(r"^date:", "", written, flags=re.IGNORECASE)


def _title_line(line: Line) -> dict[str, str]:
    """Last price and change: labelled since 2021, before that the two numbers at the end."""
    cells = line.filled
    first = next((at for at, cell in enumerate(cells) if _label(cell) in _TITLE_LABELS), None)
    if first is not None and first > 0:
        return _fields(cells[first:], _TITLE_LABELS, line.number)
    if len(cells) >= 3 and _TITLE_SYMBOL.match(cells[0]):
        return {"last": cells[-2], "change": cells[-1]}
    raise FileProblemError(
        f"found {', '.join(cells)[:80]!r} above the table, expected the underlying's line or that of the time as Cboe "
        f"writes them: download the file again, or take the line out",
        line.number,
    )


def _label(cell: str) -> str:
    return cell.partition(":")[0].strip().lower()


def _fields(cells: Sequence[str], labels: Sequence[str], number: int) -> dict[str, str]:
    """Values by label, written `Bid: 1.5` in one cell or `Bid` and `1.5` in two."""
    fields: dict[str, str] = {}
    waiting: str | None = None
    for cell in cells:
        if waiting is not None:
            fields[waiting] = cell
            waiting = None
            continue
        name, colon, value = cell.partition(":")
        if name.strip().lower() not in labels:
            raise FileProblemError(
                f"found {cell!r} without a label, so a number may have been parted: download the file again", number
            )
        if colon:
            fields[name.strip().lower()] = value.strip()
        else:
            waiting = name.strip().lower()
    return fields


def _time(written: str, date_order: DateOrder | None, number: int) -> datetime:
    try:
        order = column_order([split_time(written)[0]], stated=date_order, weekdays_only=False)
        return read_instant(written, order, NEW_YORK)
    except (ValueError, FileProblemError) as error:
        raise FileProblemError(
            f"the time {written.strip()!r} cannot be read ({error}): state `date_order` in its column map where the "
            f"order of the date is not clear, or take the line out and the time is unknown",
            number,
        ) from error


def _price_mark(texts: Iterable[str], body_mark: str) -> str:
    """The lines may be written in the reader's language while the table is not."""
    proven = proven_marks(texts)
    if len(proven) > 1:
        raise FileProblemError("found a decimal point and a decimal comma above the table: download the file again")
    return proven.pop() if proven else body_mark


def _price(text: str, mark: str) -> float | None:
    try:
        number = read_number(text, mark)
    except ValueError as error:
        raise FileProblemError(
            f"found {text!r} above the table where a price is expected: download the file again"
        ) from error
    return number if number > 0 else None
