"""Watchlists in TradingView's format, written back byte for byte where nothing was changed.

A list is a sequence of entries, each a symbol or a section header, with whatever stood before it: commas, blanks, line
ends. `NASDAQ:AAPL,###Tech,NYSE:BRK.B` and the same on many lines, separated by commas, blanks, tabs or line ends. A
header begins with ### and goes on to the next comma or line end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from scanner.errors import InputError, SymbolError
from scanner.symbols import is_index_root, normalise

MOST_BYTES: Final = 2_000_000
MOST_ENTRIES: Final = 20_000
SECTION_MARK: Final = "###"

_PIECE: Final = re.compile(r"(?P<section>###[^,\r\n]*)|(?P<symbol>[^\s,;]+)")
_GAP: Final = re.compile(r"[\s,;]*")
_SYMBOL_COLUMNS: Final = ("symbol", "ticker", "symbols", "tickers")


class EntryKind(StrEnum):
    SYMBOL = "symbol"
    SECTION = "section"


class NotOptionable(StrEnum):
    """Why no listed US options can be had on an entry that is kept in its list."""

    CRYPTO = "crypto"
    FOREX = "forex"
    FUTURE = "future"
    FOREIGN = "foreign listing"
    INDEX = "index without listed options"
    FORMULA = "a formula of several symbols"
    UNREADABLE = "no symbol"


@dataclass(frozen=True, slots=True)
class Entry:
    """`text` as it was written, `before` what stood between it and the entry before."""

    kind: EntryKind
    text: str
    before: str = ""

    @property
    def title(self) -> str:
        """Of a section, its name."""
        return self.text.removeprefix(SECTION_MARK).strip()


@dataclass(frozen=True, slots=True)
class WatchlistText:
    """A whole list. `tail` is what stands after the last entry."""

    entries: tuple[Entry, ...]
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an entry stands for: the canonical `symbol`, or `reason`, why it has no options here."""

    symbol: str | None
    reason: NotOptionable | None


def parse(text: str) -> WatchlistText:
    """Read a list; `render` gives exactly `text` again. Raises InputError for more entries than anybody keeps."""
    entries: list[Entry] = []
    position = 0
    while True:
        gap = _GAP.match(text, position)
        before = gap.group() if gap else ""
        position += len(before)
        piece = _PIECE.match(text, position)
        if piece is None:
            return WatchlistText(tuple(entries), before)
        kind = EntryKind.SECTION if piece.group("section") is not None else EntryKind.SYMBOL
        entries.append(Entry(kind, piece.group(), before))
        position = piece.end()
        if len(entries) > MOST_ENTRIES:
            raise InputError(f"the list has more than {MOST_ENTRIES:,} entries. Divide it into several lists")


def render(watchlist: WatchlistText) -> str:
    """The list as text."""
    return "".join(f"{entry.before}{entry.text}" for entry in watchlist.entries) + watchlist.tail


def decode(content: bytes) -> str:
    """The text of a file. Raises InputError for one that is too large, binary, or in no encoding that lists come in."""
    if len(content) > MOST_BYTES:
        raise InputError(f"the file has {len(content) / 1e6:.1f} MB; a list has {MOST_BYTES / 1e6:.0f} MB at most")
    for encoding in ("utf-16", "utf-8-sig") if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise InputError("the file is no text in UTF-8 or UTF-16. Export the list again as text or CSV")


def symbols_of_csv(text: str) -> str | None:
    """The column of symbols of a CSV with a header, one a line; None where the text is none with such a column."""
    header, _, _ = text.partition("\n")
    for separator in (",", ";", "\t"):
        names = [name.strip().strip('"').lower() for name in header.split(separator)]
        column = next((names.index(name) for name in _SYMBOL_COLUMNS if name in names), None)
        if column is not None:
            rows = list(csv.reader(io.StringIO(text), delimiter=separator))[1:]
            return "\n".join(row[column].strip() for row in rows if len(row) > column and row[column].strip())
    return None


def read(entry: Entry) -> Reading:
    """What a symbol entry stands for. Sections stand for nothing."""
    text = entry.text.upper()
    if _FORMULA.search(text):
        return Reading(None, NotOptionable.FORMULA)
    exchange, _, ticker = text.rpartition(":")
    reason = _reason(exchange, ticker)
    if reason is not None:
        return Reading(None, reason)
    try:
        symbol = normalise(ticker)
    except SymbolError:
        index = ticker.startswith(("^", "$")) or exchange in _INDEX_EXCHANGES
        return Reading(None, NotOptionable.INDEX if index else NotOptionable.UNREADABLE)
    if exchange in _INDEX_EXCHANGES and not is_index_root(symbol):
        return Reading(None, NotOptionable.INDEX)
    return Reading(CLASS_SHARES.get(symbol, symbol), None)


def _reason(exchange: str, ticker: str) -> NotOptionable | None:
    """What an exchange, or the form of a symbol without one, says of it."""
    if "!" in ticker:
        return NotOptionable.FUTURE
    if not exchange:
        return _pair(ticker)
    if exchange in _UNITED_STATES or exchange in _INDEX_EXCHANGES:
        return None
    return _BY_EXCHANGE.get(exchange, NotOptionable.FOREIGN)


def _pair(ticker: str) -> NotOptionable | None:
    """A pair of currencies: no US ticker has six letters."""
    if len(ticker) == 6 and ticker[:3] in _CURRENCIES and ticker[3:] in _CURRENCIES:
        return NotOptionable.FOREX
    return NotOptionable.CRYPTO if len(ticker) >= 6 and _COIN.fullmatch(ticker) else None


def optionable(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The canonical symbols of a list in order, each once."""
    found = (read(entry).symbol for entry in entries if entry.kind is EntryKind.SYMBOL)
    return tuple(dict.fromkeys(symbol for symbol in found if symbol is not None))


CLASS_SHARES: Final = {
    **{"BRKA": "BRK.A", "BRKB": "BRK.B", "BFA": "BF.A", "BFB": "BF.B", "HEIA": "HEI.A", "LENB": "LEN.B"},
    **{"CWENA": "CWEN.A", "MOGA": "MOG.A", "GEFB": "GEF.B", "LGFA": "LGF.A", "LGFB": "LGF.B"},
}
"""Option roots of class shares, as some lists write them, and the share's own spelling."""

_FORMULA: Final = re.compile(r":.*[+*/-].*:|[A-Z0-9]{2,}[+*][A-Z0-9]|[A-Z0-9]/[A-Z0-9]{3,}|[()]")
_CURRENCIES: Final = frozenset(
    {*("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "CNH", "HKD", "SGD", "MXN", "ZAR")}
)
_COIN: Final = re.compile(r"[A-Z0-9]{2,10}(USD[TC]?|EUR|BTC)")
_UNITED_STATES: Final = frozenset(
    {"NASDAQ", "NYSE", "AMEX", "ARCA", "NYSEARCA", "NYSEAMERICAN", "BATS", "BATSGLOBAL", "CBOEBZX", "IEX", "OTC"}
)
_INDEX_EXCHANGES: Final = frozenset({"TVC", "SP", "DJ", "CBOE", "INDEX", "FTSE", "NASDAQINDEX"})
"""Exchanges under which TradingView lists indices; options are known on some of them."""

_BY_EXCHANGE: Final = {
    **dict.fromkeys(
        (
            *("BINANCE", "BINANCEUS", "COINBASE", "KRAKEN", "BITSTAMP", "BITFINEX", "GEMINI", "OKX", "BYBIT", "KUCOIN"),
            *("CRYPTO", "CRYPTOCAP", "BITGET", "HUOBI", "MEXC", "DERIBIT", "POLONIEX", "UNISWAP", "PHEMEX"),
        ),
        NotOptionable.CRYPTO,
    ),
    **dict.fromkeys(
        ("FX", "FX_IDC", "OANDA", "FOREXCOM", "FXCM", "SAXO", "PEPPERSTONE", "ICMARKETS", "CAPITALCOM"),
        NotOptionable.FOREX,
    ),
    **dict.fromkeys(
        (
            "CME",
            "CME_MINI",
            "CBOT",
            "CBOT_MINI",
            "NYMEX",
            "NYMEX_MINI",
            "COMEX",
            "COMEX_MINI",
            "ICEUS",
            "ICEEUR",
            "EUREX",
        ),
        NotOptionable.FUTURE,
    ),
}
