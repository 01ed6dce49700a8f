"""Ready universes: the default stocks, and the members of the large indices as a maintained package lists them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from scanner.errors import InputError, SymbolError
from scanner.symbols import DEFAULT_UNIVERSE, normalise

DEFAULT_NAME: Final = "Default 44"
MEMBERS_AS_OF: Final = date(2026, 3, 9)
"""When the pinned version of pytickersymbols was published; it gives no date of its own."""

_INDICES: Final = {
    "Dow 30": "DOW JONES",
    "Nasdaq-100": "NASDAQ 100",
    "S&P 100": "S&P 100",
    "S&P 500": "S&P 500",
}

NAMES: Final = (DEFAULT_NAME, *_INDICES)


@dataclass(frozen=True, slots=True)
class ReadyUniverse:
    """`symbols` are canonical, in the order of the list, each once; `invalid` could not be read and are left out.

    `as_of`: the date of the list, None where it is our own.
    """

    name: str
    symbols: tuple[str, ...]
    invalid: tuple[str, ...]
    source: str
    as_of: date | None


def ready_universe(name: str) -> ReadyUniverse:
    """One of `NAMES`. Raises InputError for any other name."""
    if name == DEFAULT_NAME:
        return ReadyUniverse(name, DEFAULT_UNIVERSE, (), "this program", None)
    if name not in _INDICES:
        raise InputError(f"there is no ready universe {name}. Choose one of {', '.join(NAMES)}")
    return _read(name, _members(_INDICES[name]))


def _members(index: str) -> list[str]:
    from pytickersymbols import PyTickerSymbols  # a table of 2 MB, for this alone

    return [str(company["symbol"]) for company in PyTickerSymbols().get_stocks_by_index(index)]


def _read(name: str, members: list[str]) -> ReadyUniverse:
    symbols: dict[str, None] = {}
    invalid = []
    for member in members:
        try:
            symbols[normalise(member)] = None
        except SymbolError:
            invalid.append(member)
    return ReadyUniverse(name, tuple(symbols), tuple(invalid), "pytickersymbols", MEMBERS_AS_OF)
