"""Symbols, option roots, OCC contract codes and the default universe.

Canonical spelling of a symbol: upper case, share class after a dot (`BRK.B`). The option root has no dot (`BRKB`).
The canonical OCC code is unpadded: root, yymmdd, C or P, strike x 1000 in eight digits (`AAPL250117C00150000`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from scanner.errors import SymbolError, UnknownIndexRootError
from scanner.model import OptionType


class Settlement(StrEnum):
    """When the settlement value of an expiring option is fixed: at the open or at the close of its last day."""

    AM = "am"
    PM = "pm"


_INDEX_SETTLEMENT: Final = {
    **dict.fromkeys(("SPXW", "NDXP", "RUTW", "XSP"), Settlement.PM),
    **dict.fromkeys(("SPX", "NDX", "RUT", "DJX", "VIX", "VIXW"), Settlement.AM),
}

_OTHER_INDEX_ROOTS: Final = frozenset(
    {
        *("OEX", "XEO", "XND", "MRUT", "NQX", "VOLQ", "SPESG", "RLG", "RLV", "RUI", "MXEA", "MXEF", "MXACW", "MXUSA"),
        *("MXWLD", "CBTX", "MBTX", "BKX", "HGX", "OSX", "SOX", "UTY", "XAU"),
    }
)
"""Roots known to be indices whose settlement is not in the table: recognised in order to be refused."""

DEFAULT_UNIVERSE: Final[tuple[str, ...]] = (
    *("AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "META", "TSLA", "AVGO", "ORCL", "AMD", "CRM", "GS", "NFLX", "IBIT"),
    *("COIN", "APP", "PLTR", "SNOW", "TEAM", "CRWD", "SPY", "QQQ", "AXP", "JPM", "C", "WFC", "XOM", "CVX", "PG"),
    *("JNJ", "UNH", "V", "MA", "HD", "WMT", "KO", "PEP", "MRK", "ABBV", "CAT", "TMO", "LLY", "DIA", "IWM"),
)

_INDEX_MARKS: Final = ("^", "$")
_SYMBOL: Final = re.compile(r"([A-Z][A-Z0-9]{0,5})(?:[./-]([A-Z]{1,2}))?")
_ROOT: Final = re.compile(r"[A-Z][A-Z0-9]{0,5}")
_OCC: Final = re.compile(r"([A-Z][A-Z0-9]{0,5}) *([0-9]{2})([0-9]{2})([0-9]{2})([CP])([0-9]{8})")
_MAX_ROOT_LENGTH: Final = 6
_STRIKE_SCALE: Final = 1000
_MAX_SCALED_STRIKE: Final = 99_999_999


def is_index_root(root: str) -> bool:
    """True where options on `root` settle in cash against an index: nothing is ever assigned."""
    return root in _INDEX_SETTLEMENT or root in _OTHER_INDEX_ROOTS or root.startswith(_INDEX_MARKS)


def settlement(root: str) -> Settlement:
    """How `root` settles: index roots by table, every other root (equity, ETF) PM.

    Raises UnknownIndexRootError for an index root that is not in the table, SymbolError for what is no root at all.
    """
    known = _INDEX_SETTLEMENT.get(root)
    if known is not None:
        return known
    if is_index_root(root):
        raise UnknownIndexRootError(root, "the settlement of this index root is not known")
    if not _ROOT.fullmatch(root):
        raise SymbolError(root, "not an option root (one to six capital letters or digits)")
    return Settlement.PM


def normalise(text: str) -> str:
    """The canonical spelling of a symbol as people write it: `brk-b`, `BRK/B` and `BRK.B` give `BRK.B`.

    An index marked with ^ or $ loses the mark if its root is in the settlement table. Raises SymbolError for what
    cannot be a symbol, UnknownIndexRootError for a marked index that is not in the table.
    """
    symbol = text.strip().upper()
    if symbol.startswith(_INDEX_MARKS):
        if symbol[1:] not in _INDEX_SETTLEMENT:
            raise UnknownIndexRootError(text, "this index is not in the settlement table")
        return symbol[1:]
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        raise SymbolError(text, "not a symbol (letters, optionally a share class as in BRK.B)")
    name, share_class = match.groups()
    if len(name) + len(share_class or "") > _MAX_ROOT_LENGTH:
        raise SymbolError(text, "longer than an option root can be (six characters)")
    return f"{name}.{share_class}" if share_class else str(name)


def option_root(symbol: str) -> str:
    """The standard option root of a symbol: `BRK.B` gives `BRKB`. Raises SymbolError."""
    return normalise(symbol).replace(".", "")


@dataclass(frozen=True, slots=True)
class Contract:
    """What identifies a listed option. `strike` in $."""

    root: str
    expiration: date
    option_type: OptionType
    strike: float

    @property
    def occ(self) -> str:
        return occ_symbol(self.root, self.expiration, self.option_type, self.strike)


def occ_symbol(root: str, expiration: date, option_type: OptionType, strike: float) -> str:
    """The canonical (unpadded) OCC code. Raises SymbolError where root or strike cannot be written in it."""
    if not _ROOT.fullmatch(root):
        raise SymbolError(root, "not an option root (one to six capital letters or digits)")
    scaled = strike * _STRIKE_SCALE
    if not 0 < scaled <= _MAX_SCALED_STRIKE or abs(scaled - round(scaled)) > 1e-6 * max(1.0, scaled):
        raise SymbolError(root, f"strike {strike} is not a multiple of 0.001 up to 99,999.999")
    side = "C" if option_type == OptionType.CALL else "P"
    return f"{root}{expiration:%y%m%d}{side}{round(scaled):08d}"


def parse_occ(text: str) -> Contract:
    """Read an OCC code, padded to 21 characters or not. Years are 2000-2099. Raises SymbolError."""
    match = _OCC.fullmatch(text.strip())
    if match is None:
        raise SymbolError(text, "not an OCC contract code such as AAPL250117C00150000")
    root, year, month, day, side, strike = match.groups()
    try:
        expiration = date(2000 + int(year), int(month), int(day))
    except ValueError as error:
        raise SymbolError(text, "its expiration is not a date") from error
    if int(strike) == 0:
        raise SymbolError(text, "its strike is zero")
    option_type = OptionType.CALL if side == "C" else OptionType.PUT
    return Contract(root, expiration, option_type, int(strike) / _STRIKE_SCALE)


@dataclass(frozen=True, slots=True)
class ParsedSymbols:
    """Symbols read from a pasted list, in its order without repeats, and the pieces that are no symbols."""

    symbols: tuple[str, ...]
    invalid: tuple[str, ...]


_SECTION: Final = re.compile(r"###[^,;\n]*")
_SEPARATORS: Final = re.compile(r"[,;\s]+")


def parse_symbols(text: str) -> ParsedSymbols:
    """Read a pasted list: separated by commas, semicolons, blanks, tabs or lines; `EXCHANGE:SYMBOL` is accepted.

    Section headings of TradingView exports (`###NAME`) are no symbols and are left out. Nothing raises: what cannot
    be read is returned in `invalid` as it was written.
    """
    symbols: dict[str, None] = {}
    invalid: dict[str, None] = {}
    for piece in _SEPARATORS.split(_SECTION.sub(",", text)):
        if not piece:
            continue
        try:
            symbols[normalise(piece.strip("\"'").rpartition(":")[2])] = None
        except SymbolError:
            invalid[piece] = None
    return ParsedSymbols(tuple(symbols), tuple(invalid))
