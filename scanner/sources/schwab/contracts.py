"""The contracts of Schwab's option chains read into our columns. What cannot be read is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from scanner.conventions import STANDARD_MULTIPLIER
from scanner.errors import SymbolError
from scanner.model import OptionType
from scanner.symbols import Contract, Settlement, parse_occ, settlement

_NUMBERS: Final = (
    ("bid", "bidPrice"),
    ("ask", "askPrice"),
    ("last", "lastPrice"),
    ("totalVolume",),
    ("openInterest",),
    ("volatility",),
)
"""What Schwab sends, then what its documentation calls it where that differs."""

_NON_STANDARD: Final = ("nonStandard", "isNonStandard")
_MINI: Final = ("mini", "isMini")
_MINI_MULTIPLIER: Final = 10
_PERCENT: Final = 100.0
_SETTLEMENTS: Final = {"A": Settlement.AM, "P": Settlement.PM}
LAST_MILLISECOND: Final = 253_402_300_799_999
"""Of the year 9999; nothing later is an instant."""


class _UnreadableError(Exception):
    """One contract cannot be read; the argument is the reason it is counted under."""


class SentRow(NamedTuple):
    """One contract as Schwab sent it, and where in the answer it stood."""

    expiration: date
    option_type: OptionType
    row: object


class _Read(NamedTuple):
    """One contract as we keep it; `quote_millisecond` None is unknown."""

    contract: Contract
    multiplier: int
    adjusted: bool
    numbers: list[float]
    quote_millisecond: int | None


def chain_frame(rows: Iterable[SentRow]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The `schema.CHAIN` frame of these rows, and how many could not be read, by reason."""
    found: dict[Contract, _Read] = {}
    unreadable: Counter[str] = Counter()
    for sent in rows:
        try:
            read = _read_row(sent)
            if read.contract in found:
                raise _UnreadableError("duplicate")
        except _UnreadableError as error:
            unreadable[str(error)] += 1
            continue
        found[read.contract] = read
    return _frame(list(found.values())), dict(unreadable)


def _read_row(sent: SentRow) -> _Read:
    row = sent.row
    if not isinstance(row, Mapping):
        raise _UnreadableError("not_an_object")
    code = row.get("symbol")
    try:
        contract = parse_occ(code if isinstance(code, str) else "")
    except SymbolError as error:
        raise _UnreadableError("contract_symbol") from error
    _require_agreement(contract, sent, row)
    multiplier = _multiplier(row)
    return _Read(
        contract=contract,
        multiplier=multiplier,
        adjusted=multiplier != STANDARD_MULTIPLIER or _flag(row, _NON_STANDARD) or contract.root[-1].isdigit(),
        numbers=[_number(row, names) for names in _NUMBERS],
        quote_millisecond=_quote_millisecond(row),
    )


def _require_agreement(contract: Contract, sent: SentRow, row: Mapping[str, Any]) -> None:
    """What the OCC symbol says and what stands around it must be the same contract."""
    put_call = row.get("putCall")
    if contract.option_type is not sent.option_type or put_call not in (None, contract.option_type.value.upper()):
        raise _UnreadableError("side_mismatch")
    if contract.expiration != sent.expiration:
        raise _UnreadableError("expiration_mismatch")
    if row.get("strikePrice") is not None and not abs(_number(row, ("strikePrice",)) - contract.strike) <= 0.0005:
        raise _UnreadableError("strike_mismatch")
    try:
        ours = settlement(contract.root)
    except SymbolError as error:
        raise _UnreadableError("index_root") from error
    if _SETTLEMENTS.get(str(row.get("settlementType")), ours) is not ours:
        raise _UnreadableError("settlement_mismatch")


def _multiplier(row: Mapping[str, Any]) -> int:
    """Shares of one contract: 100, or 10 of a mini, unless the contract says otherwise."""
    if row.get("multiplier") is None:
        return _MINI_MULTIPLIER if _flag(row, _MINI) else STANDARD_MULTIPLIER
    value = _number(row, ("multiplier",))
    if not value >= 1 or value != int(value):
        raise _UnreadableError("bad_multiplier")
    return int(value)


def _flag(row: Mapping[str, Any], names: Sequence[str]) -> bool:
    return any(row.get(name) is True for name in names)


def _number(row: Mapping[str, Any], names: Sequence[str]) -> float:
    """NaN where the key is missing or holds a sentinel (null, "NaN", -999, any negative, infinite)."""
    value = next((row[name] for name in names if name in row), None)
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan")):
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnreadableError(f"bad_{names[0]}")
    return float(value) if 0 <= value < float("inf") else float("nan")


def _quote_millisecond(row: Mapping[str, Any]) -> int | None:
    value = _number(row, ("quoteTimeInLong",))
    return int(value) if 0 < value <= LAST_MILLISECOND else None


def _clean(numbers: np.ndarray) -> dict[str, np.ndarray]:
    bid, ask, last, volume, open_interest, volatility = numbers
    return {
        "bid": np.where((bid == 0) & ~(ask > 0), np.nan, bid),
        "ask": np.where(ask == 0, np.nan, ask),
        "last": np.where(last == 0, np.nan, last),
        "volume": volume,
        "open_interest": open_interest,
        "vendor_iv": np.where(volatility == 0, np.nan, volatility / _PERCENT),
    }


def _frame(rows: Sequence[_Read]) -> pd.DataFrame:
    contracts = [row.contract for row in rows]
    numbers = np.array([row.numbers for row in rows], dtype=np.float64).reshape(-1, len(_NUMBERS)).T
    times = np.array([row.quote_millisecond for row in rows], dtype="datetime64[ms]").astype("datetime64[us]")
    return pd.DataFrame(
        {
            "root": pd.Series([contract.root for contract in contracts], dtype="str"),
            "expiration": np.array([contract.expiration for contract in contracts], dtype="datetime64[s]"),
            "option_type": pd.Series([contract.option_type.value for contract in contracts], dtype="str"),
            "strike": np.array([contract.strike for contract in contracts], dtype=np.float64),
            "occ_symbol": pd.Series([contract.occ for contract in contracts], dtype="str"),
            "multiplier": np.array([row.multiplier for row in rows], dtype=np.int64),
            "adjusted": np.array([row.adjusted for row in rows], dtype=bool),
            **_clean(numbers),
            "quote_time": pd.Series(pd.DatetimeIndex(times, tz=UTC)),
        }
    )


def latest_quote_time(contracts: pd.DataFrame) -> datetime | None:
    """The newest time of any quote: the market time of the answer. None where no quote carries one."""
    newest = contracts["quote_time"].max()
    return None if pd.isna(newest) else newest.to_pydatetime()
