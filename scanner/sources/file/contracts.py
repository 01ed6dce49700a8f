"""Contracts read from rows, gathered into a chain; what cannot be read is counted by reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd

from scanner.conventions import STANDARD_MULTIPLIER
from scanner.errors import SymbolError
from scanner.model import UnderlyingQuote
from scanner.schema import CHAIN, validate
from scanner.sources.file.problems import FileProblemError, UnreadableRowError
from scanner.symbols import Contract, normalise, option_root

_UNDERLYING_OF: Final = {"SPXW": "SPX", "NDXP": "NDX", "RUTW": "RUT", "VIXW": "VIX"}
"""Index roots that are not named like their index."""

SEVERAL_ROOTS: Final = frozenset(_UNDERLYING_OF.values())
"""Indices with two roots: without a root or a code it is not known which one a contract belongs to."""

_STRIKE_TOLERANCE: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Row:
    """One contract as quoted: $/share, contracts, IV as a decimal; NaN and None unknown."""

    contract: Contract
    bid: float
    ask: float
    last: float
    volume: float
    open_interest: float
    vendor_iv: float
    quote_time: datetime | None = None
    multiplier: int = STANDARD_MULTIPLIER
    adjusted: bool = False


@dataclass(frozen=True, slots=True)
class ReadChain:
    """One file, read. `stated_time` is the file's own time, None where it states none."""

    symbol: str
    format: str
    source: str | None
    stated_time: datetime | None
    answer_time: datetime | None
    underlying: UnderlyingQuote
    contracts: pd.DataFrame
    unreadable: dict[str, int]

    @property
    def listed(self) -> tuple[date, ...]:
        return tuple(sorted({instant.date() for instant in self.contracts["expiration"].unique()}))

    @property
    def newest_quote_time(self) -> datetime | None:
        """When the newest quote was made, None where nothing says so."""
        newest = self.contracts["quote_time"].max()
        own = None if pd.isna(newest) else newest.to_pydatetime()
        return max((time for time in (own, self.answer_time) if time is not None), default=None)


class Gathering:
    """Rows of one chain as they come. Of equal repeats the first stands; where repeats differ none does."""

    def __init__(self) -> None:
        self._rows: dict[Contract, Row | None] = {}
        self._unreadable: Counter[str] = Counter()
        self._first_line: dict[str, int] = {}

    def add(self, row: Row, line: int) -> None:
        if row.contract not in self._rows:
            self._rows[row.contract] = row
            return
        before = self._rows[row.contract]
        if before is not None and _same(before, row):
            self.leave_out("duplicate", line)
            return
        if before is not None:
            self._rows[row.contract] = None
            self.leave_out("contradictory_duplicate", line)
        self.leave_out("contradictory_duplicate", line)

    def leave_out(self, reason: str, line: int) -> None:
        self._unreadable[reason] += 1
        self._first_line.setdefault(reason, line)

    def finished(self) -> tuple[pd.DataFrame, dict[str, int]]:
        """The `schema.CHAIN` frame and the counts. Raises FileProblemError where no contract is left."""
        rows = [row for row in self._rows.values() if row is not None]
        if not rows:
            raise self._nothing_left()
        return validate(_frame(rows), CHAIN), dict(self._unreadable)

    def _nothing_left(self) -> FileProblemError:
        if not self._unreadable:
            return FileProblemError("found no contract below the header: download the chain again")
        why = ", ".join(
            f"{reason} ({count} rows, first in line {self._first_line[reason]})"
            for reason, count in self._unreadable.items()
        )
        return FileProblemError(
            f"found no contract that can be read: {why}. Correct the file or its column map (docs/file-source.md)"
        )


def check_strike(contract: Contract, strike: float) -> None:
    """Raises UnreadableRowError where a stated strike is not that of the contract's code."""
    if not abs(strike - contract.strike) <= _STRIKE_TOLERANCE:
        raise UnreadableRowError("strike_mismatch")


def is_adjusted_root(root: str) -> bool:
    """A figure at the end of a root (AAPL1) marks contracts with an unusual deliverable."""
    return root[-1].isdigit()


def underlying_of(root: str) -> str:
    """The symbol whose options have this root, as a root: without the dot of a share class."""
    return _UNDERLYING_OF.get(root) or root.rstrip("0123456789") or root


def symbol_of(roots: Iterable[str], stated: Iterable[str]) -> str:
    """The one underlying of a file, from the roots of its contracts and what is stated beside them.

    Raises FileProblemError where they contradict each other or several underlyings are mixed.
    """
    found = sorted({underlying_of(root) for root in roots})
    symbols = sorted({_canonical(text) for text in stated})
    if len(found) > 1 or len(symbols) > 1:
        raise FileProblemError(
            f"found {', '.join(symbols if len(symbols) > 1 else found)}, expected the chain of one underlying: "
            f"save one file for each"
        )
    if not symbols and not found:
        raise FileProblemError("found no underlying symbol: state `symbol` in its column map")
    symbol = symbols[0] if symbols else _canonical(found[0])
    if found and option_root(symbol) != found[0]:
        raise FileProblemError(f"found contracts of {found[0]} where {symbol} is stated: correct the file or its map")
    return symbol


def _canonical(text: str) -> str:
    try:
        return normalise(text)
    except SymbolError as error:
        raise FileProblemError(f"found a symbol that cannot be read, {error}") from error


def _same(first: Row, second: Row) -> bool:
    return all(
        one == other or (isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other))
        for one, other in zip(astuple(first), astuple(second), strict=True)
    )


def _frame(rows: list[Row]) -> pd.DataFrame:
    contracts = [row.contract for row in rows]
    return pd.DataFrame(
        {
            "root": pd.Series([contract.root for contract in contracts], dtype="str"),
            "expiration": np.array([contract.expiration for contract in contracts], dtype="datetime64[s]"),
            "option_type": pd.Series([contract.option_type.value for contract in contracts], dtype="str"),
            "strike": np.array([contract.strike for contract in contracts], dtype=np.float64),
            "occ_symbol": pd.Series([contract.occ for contract in contracts], dtype="str"),
            "multiplier": np.array([row.multiplier for row in rows], dtype=np.int64),
            "adjusted": np.array([row.adjusted for row in rows], dtype=bool),
            **_quotes(rows),
            "quote_time": pd.Series([row.quote_time for row in rows], dtype="datetime64[us, UTC]"),
        }
    )


def _quotes(rows: list[Row]) -> dict[str, np.ndarray]:
    """Quote columns with what stands for "unknown" taken out: negative and infinite numbers, an ask, a last price or a
    volatility of zero, and a bid of zero without an ask."""
    names = ("bid", "ask", "last", "volume", "open_interest", "vendor_iv")
    raw = {name: np.array([getattr(row, name) for row in rows], dtype=np.float64) for name in names}
    with np.errstate(invalid="ignore"):
        known = {name: np.where((raw[name] >= 0) & (raw[name] < np.inf), raw[name], np.nan) for name in names}
        for name in ("ask", "last", "vendor_iv"):
            known[name] = np.where(known[name] == 0, np.nan, known[name])
        known["bid"] = np.where((known["bid"] == 0) & ~(known["ask"] > 0), np.nan, known["bid"])
    return known
