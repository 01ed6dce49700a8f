"""Which expirations a symbol lists, from Polygon's reference data (`/v3/reference/options/contracts`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from scanner.errors import SymbolError
from scanner.sources.payload import PayloadError
from scanner.sources.polygon.values import day
from scanner.symbols import Contract, parse_occ

Place = tuple[str, date, float]
"""Root, expiration and strike: a call and its put."""

_SIDES: Final = 2
_PREFIX: Final = "O:"

INDEX_PREFIX: Final = "I:"


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed. `sizes`: contracts of each expiration, ascending. `adjusted`: where exercise delivers more than
    shares of the underlying. `unreadable`: listed contracts that could not be identified.
    """

    sizes: Mapping[date, int]
    adjusted: frozenset[Place]
    unreadable: int

    @property
    def expirations(self) -> tuple[date, ...]:
        return tuple(self.sizes)


def read_listing(rows: Iterable[object], underlying: str) -> Listing:
    """The listing from rows of calls: exchanges list every call with its put.

    Raises PayloadError where a contract belongs to another underlying: then the question was not understood.
    """
    calls: Counter[date] = Counter()
    adjusted: set[Place] = set()
    unreadable = 0
    for row in rows:
        try:
            contract = _contract(row, underlying)
        except SymbolError:
            unreadable += 1
            continue
        calls[contract.expiration] += 1
        if isinstance(row, Mapping) and row.get("additional_underlyings"):
            adjusted.add(place(contract))
    return Listing({one: _SIDES * calls[one] for one in sorted(calls)}, frozenset(adjusted), unreadable)


def place(contract: Contract) -> Place:
    return contract.root, contract.expiration, contract.strike


def contract_of(ticker: object) -> Contract:
    """The contract of a ticker such as O:AAPL230616C00150000. Raises SymbolError."""
    code = ticker.removeprefix(_PREFIX) if isinstance(ticker, str) else ""
    return parse_occ(code)


def same_underlying(named: object, asked: str) -> bool:
    """Whether an underlying that a row names is the one asked for, if it names one.

    Class shares are also written with a slash, indices with and without their prefix.
    """
    if not isinstance(named, str):
        return True
    return named.replace("/", ".").removeprefix(INDEX_PREFIX) == asked.removeprefix(INDEX_PREFIX)


def _contract(row: Any, underlying: str) -> Contract:
    if not isinstance(row, Mapping):
        raise SymbolError("", "not an object")
    if not same_underlying(row.get("underlying_ticker"), underlying):
        raise PayloadError("answered with contracts of another underlying")
    contract = contract_of(row.get("ticker"))
    try:
        agrees = day(row.get("expiration_date"), "expiration_date") == contract.expiration
    except PayloadError:
        agrees = False
    if not agrees:
        raise SymbolError(contract.occ, "expiration_date is another")
    return contract
