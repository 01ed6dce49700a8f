"""Yahoo's option answers (`/v7/finance/options`) read into our columns. What cannot be read is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from scanner.conventions import STANDARD_MULTIPLIER
from scanner.errors import SymbolError
from scanner.model import PLACEHOLDER_IV, OptionType, UnderlyingQuote
from scanner.sources.payload import PayloadError
from scanner.symbols import Contract, parse_occ

_EPOCH: Final = date(1970, 1, 1)
_SECONDS_PER_DAY: Final = 86_400
_SIDES: Final = (("calls", OptionType.CALL), ("puts", OptionType.PUT))
_REGULAR_SIZE: Final = "REGULAR"
_MULTIPLIERS: Final = {_REGULAR_SIZE: STANDARD_MULTIPLIER, "MINI": 10}
_NUMBERS: Final = ("bid", "ask", "lastPrice", "volume", "openInterest", "impliedVolatility")
_PLACEHOLDER_LOWER: Final = 1e-5
_PLACEHOLDER_STEPS: Final = 20
_PLACEHOLDER_TOLERANCE: Final = 6e-7


class _UnreadableError(Exception):
    """One contract cannot be read; the argument is the reason it is counted under."""


@dataclass(frozen=True, slots=True)
class OptionBlock:
    """The contracts of one expiration as Yahoo sent them: (side, row) pairs."""

    expiration: date
    rows: tuple[tuple[OptionType, object], ...]


@dataclass(frozen=True, slots=True)
class OptionAnswer:
    """One answer: the listing, the underlying's quote and the expirations that came with it.

    `found` is false for the empty result that Yahoo gives for a symbol it does not know.
    """

    found: bool
    listed: Mapping[date, int]
    quote: Mapping[str, Any]
    blocks: tuple[OptionBlock, ...]


_NOT_FOUND: Final = OptionAnswer(False, {}, {}, ())


def read_answer(body: object, vendor_symbol: str) -> OptionAnswer:
    """Take an options answer apart. Raises PayloadError where its frame is not as documented."""
    chain = _mapping(_mapping(body, "the answer").get("optionChain"), "optionChain")
    error = chain.get("error")
    if error is not None:
        if isinstance(error, Mapping) and error.get("code") == "Not Found":
            return _NOT_FOUND
        raise PayloadError(f"error {error}")
    results = _list(chain.get("result"), "result")
    if not results:
        return _NOT_FOUND
    result = _mapping(results[0], "result")
    answered = result.get("underlyingSymbol")
    if isinstance(answered, str) and answered.upper() != vendor_symbol.upper():
        raise PayloadError(f"answered for {answered}, asked for {vendor_symbol}")
    quote = result.get("quote")
    return OptionAnswer(
        found=True,
        listed=_listing(_list(result.get("expirationDates"), "expirationDates")),
        quote=quote if isinstance(quote, Mapping) else {},
        blocks=tuple(_block(_mapping(block, "options")) for block in _list(result.get("options"), "options")),
    )


def _listing(epochs: Sequence[object]) -> dict[date, int]:
    listed = {_utc_date(epoch): _whole(epoch) for epoch in epochs}
    return dict(sorted(listed.items()))


def _block(block: Mapping[str, Any]) -> OptionBlock:
    rows = tuple((side, row) for key, side in _SIDES for row in _list(block.get(key), key))
    return OptionBlock(_utc_date(block.get("expirationDate")), rows)


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PayloadError(f"{what} is not an object")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise PayloadError(f"{what} is not a list")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PayloadError(f"{value!r} is not an expiration")
    return value


def _utc_date(value: object) -> date:
    """Expirations are midnight UTC of the date."""
    try:
        return _EPOCH + timedelta(days=_whole(value) // _SECONDS_PER_DAY)
    except OverflowError as error:
        raise PayloadError(f"{value!r} is not an expiration") from error


def market_time(quote: Mapping[str, Any]) -> datetime | None:
    """Time of the last regular-session trade of the underlying: the market time of the answer. None if unknown."""
    value = quote.get("regularMarketTime")
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def underlying_quote(quote: Mapping[str, Any]) -> UnderlyingQuote:
    """The underlying's regular-session prices, $/share.

    Bid and ask count only while `marketState` is REGULAR: before the open and after the close Yahoo goes on with
    extended-hours quotes, whereas `regularMarketPrice` and the option quotes stay those of the last regular session.
    Bid and ask carry no time of their own. Prices in another currency are no dollars and stay unknown.
    """
    if quote.get("currency") not in (None, "USD"):
        return UnderlyingQuote()
    in_session = quote.get("marketState") == "REGULAR"
    last = positive(quote.get("regularMarketPrice"))
    return UnderlyingQuote(
        bid=positive(quote.get("bid")) if in_session else None,
        ask=positive(quote.get("ask")) if in_session else None,
        last=last,
        last_time=market_time(quote) if last is not None else None,
        volume=positive(quote.get("regularMarketVolume")),
    )


def positive(value: object) -> float | None:
    """A finite number above zero; anything else is unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        return None
    return float(value)


def chain_frame(blocks: Iterable[OptionBlock]) -> tuple[pd.DataFrame, dict[str, int], dict[str, int]]:
    """The `schema.CHAIN` frame of these blocks, how many rows could not be read, by reason, and what was taken out."""
    contracts: list[Contract] = []
    sizes: list[tuple[int, bool]] = []
    numbers: list[list[float]] = []
    block_index: list[int] = []
    unreadable: Counter[str] = Counter()
    seen: set[Contract] = set()
    for index, block in enumerate(blocks):
        for side, row in block.rows:
            try:
                contract, size, values = _read_row(row, side, block.expiration, seen)
            except _UnreadableError as error:
                unreadable[str(error)] += 1
                continue
            seen.add(contract)
            contracts.append(contract)
            sizes.append(size)
            numbers.append(values)
            block_index.append(index)
    given = np.array(numbers, dtype=np.float64).reshape(-1, len(_NUMBERS)).T
    quotes = _clean(given, np.array(block_index, dtype=int))
    made_up = int(np.sum(is_placeholder_volatility(given[-1]) & (given[-1] > 0)))
    return _frame(contracts, sizes, quotes), dict(unreadable), {PLACEHOLDER_IV: made_up} if made_up else {}


def _read_row(
    row: object, side: OptionType, expiration: date, seen: set[Contract]
) -> tuple[Contract, tuple[int, bool], list[float]]:
    if not isinstance(row, Mapping):
        raise _UnreadableError("not_an_object")
    code = row.get("contractSymbol")
    try:
        contract = parse_occ(code if isinstance(code, str) else "")
    except SymbolError as error:
        raise _UnreadableError("contract_symbol") from error
    if contract.option_type is not side:
        raise _UnreadableError("side_mismatch")
    if contract.expiration != expiration:
        raise _UnreadableError("expiration_mismatch")
    strike = row.get("strike")
    if strike is not None and abs(_number(row, "strike") - contract.strike) > 0.0005:
        raise _UnreadableError("strike_mismatch")
    if row.get("currency") not in (None, "USD"):
        raise _UnreadableError("currency")
    if contract in seen:
        raise _UnreadableError("duplicate")
    return contract, _size(row, contract.root), [_number(row, key) for key in _NUMBERS]


def _size(row: Mapping[str, Any], root: str) -> tuple[int, bool]:
    """(multiplier, adjusted). A digit at the end of the root (AAPL1) marks an adjusted contract, as does any size
    but REGULAR. 100 shares unless the size says otherwise."""
    size = row.get("contractSize") or _REGULAR_SIZE
    return _MULTIPLIERS.get(size, STANDARD_MULTIPLIER), size != _REGULAR_SIZE or root[-1].isdigit()


def _number(row: Mapping[str, Any], key: str) -> float:
    """NaN where the key is missing or holds a sentinel (null, "NaN", negative, infinite)."""
    value = row.get(key)
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan")):
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnreadableError(f"bad_{key}")
    return float(value) if 0 <= value < float("inf") else float("nan")


def _clean(numbers: np.ndarray, block_index: np.ndarray) -> dict[str, np.ndarray]:
    bid, ask, last, volume, open_interest, iv = numbers
    blank = (bid == 0) & (ask == 0)
    return {
        "bid": np.where((bid == 0) & ~(ask > 0), np.nan, bid),
        "ask": np.where(ask == 0, np.nan, ask),
        "last": np.where(last == 0, np.nan, last),
        "volume": volume,
        "open_interest": np.where((open_interest == 0) & _overnight(blank, block_index), np.nan, open_interest),
        "vendor_iv": np.where(is_placeholder_volatility(iv), np.nan, iv),
    }


def _overnight(blank: np.ndarray, block_index: np.ndarray) -> np.ndarray:
    """Rows of an expiration of which more than half is quoted 0/0.

    Before the open Yahoo has neither quotes nor open interest and sends zeros for both (recorded on 2025-02-24 for
    1,070 and 1,067 of 1,083 contracts; for all of AAPL beside a volume of 341,981): there a zero open interest is
    unknown.
    """
    if not len(blank):
        return blank
    blanks = np.bincount(block_index, weights=blank)
    totals = np.bincount(block_index)
    overnight: np.ndarray = (2 * blanks > totals)[block_index]
    return overnight


def is_placeholder_volatility(volatility: np.ndarray) -> np.ndarray:
    """True where Yahoo's figure is the trace of a bisection that found nothing. Same shape; NaN gives False.

    Yahoo bisects between 1e-5 and 1 (then 2, 4, ...). Without a price every step goes down, which leaves
    1e-5 + (1 - 1e-5) / 2^k: 0.500005, 0.250007, 0.125009, 0.062509 ... and at the end 1e-5 itself. In the recorded
    answers all 1,070 contracts quoted 0/0 carry such a figure; of the 80 two-sided ones only the seven quoted below
    intrinsic value do (1e-5). A volatility that Yahoo did solve in n steps ends on another point of the same grid
    (0.9062509: 29/32 of the way), at least 2^-n away: six decimals separate the two up to n = 20, and a genuine one
    is hit by chance once in 10^5.
    Zero is no volatility either.
    """
    steps = np.arange(1, _PLACEHOLDER_STEPS + 1)
    family = _PLACEHOLDER_LOWER + (1.0 - _PLACEHOLDER_LOWER) * 2.0**-steps
    marks = np.concatenate((np.array([0.0, _PLACEHOLDER_LOWER]), family))
    distance = np.abs(volatility[..., np.newaxis] - marks)
    return np.asarray((distance <= _PLACEHOLDER_TOLERANCE).any(axis=-1))


def _frame(
    contracts: Sequence[Contract], sizes: Sequence[tuple[int, bool]], quotes: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "root": pd.Series([contract.root for contract in contracts], dtype="str"),
            "expiration": np.array([contract.expiration for contract in contracts], dtype="datetime64[s]"),
            "option_type": pd.Series([contract.option_type.value for contract in contracts], dtype="str"),
            "strike": np.array([contract.strike for contract in contracts], dtype=np.float64),
            "occ_symbol": pd.Series([contract.occ for contract in contracts], dtype="str"),
            "multiplier": np.array([multiplier for multiplier, _ in sizes], dtype=np.int64),
            "adjusted": np.array([adjusted for _, adjusted in sizes], dtype=bool),
            **quotes,
            "quote_time": pd.Series(pd.NaT, index=range(len(contracts)), dtype="datetime64[us, UTC]"),
        }
    )
