"""Where what stands on the lines of Cboe's download, told by its header, or by the contracts where it has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scanner.errors import SymbolError
from scanner.model import OptionType
from scanner.sources.file.delimited import head_of
from scanner.symbols import parse_occ

_NAMES: Final = {
    "last sale": "last",
    "bid": "bid",
    "ask": "ask",
    "vol": "volume",
    "volume": "volume",
    "open int": "open_interest",
    "open interest": "open_interest",
    "iv": "vendor_iv",
}
_NEEDED: Final = frozenset(("last", "bid", "ask", "volume", "open_interest"))


@dataclass(frozen=True, slots=True)
class Side:
    """Where a side's cells stand: its code, and its quote columns by our names."""

    option_type: OptionType
    code: int
    quotes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where what stands on a line. Expiration and strike have columns of their own in later generations."""

    width: int
    expiration: int | None
    strike: int | None
    sides: tuple[Side, Side]


def layout_of(header: Sequence[str]) -> Layout | None:
    """The layout a header line describes, None where it is not Cboe's."""
    names = [name.lower() for name in header]
    if names.count("calls") != 1 or names.count("puts") != 1 or names.index("calls") > names.index("puts"):
        return None
    calls, puts = names.index("calls"), names.index("puts")
    strike = names.index("strike", calls, puts) if "strike" in names[calls:puts] else None
    call_end = puts if strike is None else strike
    sides = (_side(OptionType.CALL, names, calls, call_end), _side(OptionType.PUT, names, puts, len(names)))
    if any(not side.quotes.keys() >= _NEEDED for side in sides):
        return None
    expiration = names.index("expiration date") if "expiration date" in names[:calls] else None
    return Layout(len(names), expiration, strike, sides)


def _side(option_type: OptionType, names: list[str], first: int, end: int) -> Side:
    quotes = {_NAMES[names[at]]: at for at in range(first + 1, end) if names[at] in _NAMES}
    return Side(option_type, first, quotes)


_SIDE_HEADER: Final = ("last sale", "net", "bid", "ask", "volume", "iv", "delta", "gamma", "open interest")
_HEADERLESS: Final = layout_of(("expiration date", "calls", *_SIDE_HEADER, "strike", "puts", *_SIDE_HEADER))


@dataclass(frozen=True, slots=True)
class CboeTable:
    """Where the contracts begin among the lines that hold anything, and what stands where on each."""

    separator: str
    first: int
    layout: Layout


def find_table(text: str, separator: str) -> CboeTable | None:
    """The table, None where this is not Cboe's format in lines parted by `separator`.

    Without a header line the columns are known where a line has the 22 cells of the later generations, with the codes
    of a call and a put of the same expiration and strike in their places.
    """
    for position, line in enumerate(head_of(text, separator)):
        layout = layout_of(line.filled)
        if layout is not None:
            return CboeTable(separator, position + 1, layout)
        if _HEADERLESS is not None and _fits(line.cells, _HEADERLESS):
            return CboeTable(separator, position, _HEADERLESS)
    return None


def _fits(cells: Sequence[str], layout: Layout) -> bool:
    if len(cells) != layout.width:
        return False
    try:
        call, put = (parse_occ(cells[side.code]) for side in layout.sides)
    except SymbolError:
        return False
    return (call.expiration, call.strike) == (put.expiration, put.strike) and call.option_type is OptionType.CALL
