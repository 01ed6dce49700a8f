"""Rows of a table as contracts with their quotes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, TypeVar

from scanner.conventions import STANDARD_MULTIPLIER
from scanner.errors import SymbolError
from scanner.sources.file.cells import CellReader, text_of_cell
from scanner.sources.file.columns import UNSTATED_IV
from scanner.sources.file.contracts import Row, check_strike, is_adjusted_root
from scanner.sources.file.dates import readings
from scanner.sources.file.problems import UnreadableRowError
from scanner.symbols import Contract, occ_symbol, parse_occ

_NUMBERS: Final = ("bid", "ask", "last")
_COUNTS: Final = ("volume", "open_interest")
_VOLATILITIES: Final = ("vendor_iv", "vendor_iv_pct", UNSTATED_IV)

_Value = TypeVar("_Value")


class RowReader:
    """Reads the rows of one file. `root` is that of its standard contracts, used where a row names none."""

    def __init__(self, places: Mapping[str, int], reader: CellReader, root: str) -> None:
        self._places = places
        self._reader = reader
        self._root = root

    def read(self, cells: Sequence[object]) -> Row:
        """The contract of a row. Raises UnreadableRowError with the reason it is counted under."""
        contract = self._contract(cells)
        quotes = {name: self._number(cells, name, self._reader.number) for name in _NUMBERS}
        counts = {name: self._number(cells, name, self._reader.count) for name in _COUNTS}
        multiplier = self._multiplier(cells)
        adjusted = self._value(cells, "adjusted", self._reader.flag)
        if adjusted is None:
            adjusted = is_adjusted_root(contract.root) or multiplier != STANDARD_MULTIPLIER
        return Row(
            contract,
            **quotes,
            **counts,
            vendor_iv=self._volatility(cells),
            quote_time=self._value(cells, "quote_time", lambda cell: self._reader.instant(cell, "quote_time")),
            multiplier=multiplier,
            adjusted=adjusted,
        )

    def _contract(self, cells: Sequence[object]) -> Contract:
        if "occ_symbol" not in self._places:
            return self._from_parts(cells)
        try:
            contract = parse_occ(self._text(cells, "occ_symbol"))
        except SymbolError as error:
            raise UnreadableRowError("contract_symbol") from error
        self._check_parts(cells, contract)
        return contract

    def _from_parts(self, cells: Sequence[object]) -> Contract:
        root = self._text(cells, "root") or self._root
        expiration = self._known(cells, "expiration", lambda cell: self._reader.day(cell, "expiration"))
        option_type = self._known(cells, "option_type", self._reader.side)
        strike = self._known(cells, "strike", self._reader.number)
        try:
            return parse_occ(occ_symbol(root, expiration, option_type, strike))
        except SymbolError as error:
            raise UnreadableRowError("bad_strike") from error

    def _check_parts(self, cells: Sequence[object], contract: Contract) -> None:
        """What stands beside the code must say the same, where it says anything."""
        if (self._text(cells, "root") or contract.root) != contract.root:
            raise UnreadableRowError("root_mismatch")
        if self._value(cells, "option_type", self._reader.side) not in (None, contract.option_type):
            raise UnreadableRowError("side_mismatch")
        if self._text(cells, "expiration") and contract.expiration not in self._days(cells):
            raise UnreadableRowError("expiration_mismatch")
        if self._text(cells, "strike"):
            check_strike(contract, self._number(cells, "strike", self._reader.number))

    def _days(self, cells: Sequence[object]) -> set[date]:
        """What the expiration may mean in any order: the code beside it decides."""
        cell = cells[self._places["expiration"]]
        if isinstance(cell, str):
            return set(readings(cell).values())
        return {self._known(cells, "expiration", lambda day: self._reader.day(day, "expiration"))}

    def _volatility(self, cells: Sequence[object]) -> float:
        values = [self._volatility_of(cells, name) for name in _VOLATILITIES if name in self._places]
        return next((value for value in values if not math.isnan(value)), math.nan)

    def _volatility_of(self, cells: Sequence[object], name: str) -> float:
        return self._number(cells, name, lambda cell: self._reader.volatility(cell, percent=name != "vendor_iv"))

    def _multiplier(self, cells: Sequence[object]) -> int:
        shares = self._number(cells, "multiplier", self._reader.count)
        if math.isnan(shares):
            return STANDARD_MULTIPLIER
        if shares < 1:
            raise UnreadableRowError("bad_multiplier")
        return int(shares)

    def _text(self, cells: Sequence[object], name: str) -> str:
        place = self._places.get(name)
        return "" if place is None else text_of_cell(cells[place])

    def _number(self, cells: Sequence[object], name: str, read: Callable[[object], float]) -> float:
        number = self._value(cells, name, read)
        return math.nan if number is None else number

    def _known(self, cells: Sequence[object], name: str, read: Callable[[object], _Value]) -> _Value:
        value = self._value(cells, name, read)
        if value is None or not self._text(cells, name):
            raise UnreadableRowError(f"no_{name}")
        return value

    def _value(self, cells: Sequence[object], name: str, read: Callable[[object], _Value]) -> _Value | None:
        """None where the file has no such column or the cell is unknown."""
        if not self._text(cells, name):
            return None
        try:
            return read(cells[self._places[name]])
        except ValueError as error:
            raise UnreadableRowError(f"bad_{name}") from error
