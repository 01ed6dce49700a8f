"""Robinhood's market data of options and of the underlying, read into our columns. What cannot be read is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from scanner.errors import SymbolError
from scanner.model import UnderlyingQuote
from scanner.sources.payload import PayloadError, mapping
from scanner.sources.robinhood.listing import ListedContract, UnreadableError, is_of_root
from scanner.sources.robinhood.values import count, instant, number, positive, rows
from scanner.symbols import Contract, parse_occ

_NUMBERS: Final = ("bid_price", "ask_price", "last_trade_price", "implied_volatility")
_COUNTS: Final = ("volume", "open_interest")

_NEW_YORK: Final = ZoneInfo("America/New_York")
_SESSION_OPENS: Final = time(9, 30)
_SESSION_CLOSES: Final = time(16, 0)
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class QuotedContract:
    listed: ListedContract
    numbers: tuple[float, ...]
    quote_time: datetime | None


def read_market_data(body: object) -> list[Any]:
    """The rows of one answer; null stands for an instrument Robinhood has nothing on. Raises PayloadError."""
    return rows(mapping(body, "the answer").get("results"), "results")


def quoted_contracts(
    listed: Sequence[ListedContract], market_data: Iterable[Any], *, until: datetime
) -> tuple[list[QuotedContract], Counter[str]]:
    """Contracts with their quotes, and how many rows could not be used, by reason.

    Every listed contract ends in one of the two: Robinhood leaves out instruments it has no data on without a word.
    Quote times after `until`, when the answer had arrived, are unknown.
    """
    unreadable: Counter[str] = Counter()
    quotes = _by_instrument(market_data, {one.instrument_id for one in listed}, unreadable)
    quoted: list[QuotedContract] = []
    seen: set[Contract] = set()
    for one in listed:
        try:
            read = _quoted(one, quotes.get(one.instrument_id), until)
            if read.listed.contract in seen:
                raise UnreadableError("duplicate")
        except UnreadableError as error:
            unreadable[str(error)] += 1
            continue
        seen.add(read.listed.contract)
        quoted.append(read)
    return quoted, unreadable


def _by_instrument(
    market_data: Iterable[Any], asked: set[str], unreadable: Counter[str]
) -> dict[str, Mapping[str, Any]]:
    """Rows by instrument. One without a readable instrument shows as its contract's missing data."""
    quotes: dict[str, Mapping[str, Any]] = {}
    for row in market_data:
        instrument_id = _instrument_id(row) if isinstance(row, Mapping) else None
        if instrument_id is None:
            continue
        if instrument_id not in asked:
            unreadable["market_data_not_asked_for"] += 1
        elif instrument_id in quotes:
            unreadable["duplicate_market_data"] += 1
        else:
            quotes[instrument_id] = row
    return quotes


def _instrument_id(row: Mapping[str, Any]) -> str | None:
    """Rows of before 2021 name the instrument by its address alone."""
    named = row.get("instrument_id")
    if isinstance(named, str) and named:
        return named
    address = row.get("instrument")
    return address.rstrip("/").rpartition("/")[2] or None if isinstance(address, str) else None


def _quoted(listed: ListedContract, row: Mapping[str, Any] | None, until: datetime) -> QuotedContract:
    if row is None:
        raise UnreadableError("no_market_data")
    try:
        numbers = [number(row.get(key), key) for key in _NUMBERS] + [count(row.get(key), key) for key in _COUNTS]
    except PayloadError as error:
        raise UnreadableError(f"bad_{str(error).partition(' ')[0]}") from error
    return QuotedContract(_identified(listed, row), tuple(numbers), instant(row.get("updated_at"), until=until))


def _identified(listed: ListedContract, row: Mapping[str, Any]) -> ListedContract:
    """The contract with the root of its OCC code, which alone tells an adjusted one. Older rows have no code."""
    code = row.get("occ_symbol")
    if code is None:
        return listed
    try:
        coded = parse_occ(code if isinstance(code, str) else "")
    except SymbolError as error:
        raise UnreadableError("occ_symbol") from error
    root = listed.contract.root
    if replace(coded, root=root) != listed.contract or not is_of_root(coded.root, root):
        raise UnreadableError("occ_symbol_mismatch")
    return replace(listed, contract=coded, adjusted=listed.adjusted or coded.root != root)


def chain_frame(quoted: Sequence[QuotedContract]) -> pd.DataFrame:
    """The `schema.CHAIN` frame. A bid of 0 is a fact only beside an ask; an ask, a last price or a volatility of 0
    is none."""
    contracts = [one.listed.contract for one in quoted]
    table = np.array([one.numbers for one in quoted], dtype=np.float64).reshape(-1, len(_NUMBERS) + len(_COUNTS))
    bid, ask, last, volatility, volume, open_interest = table.T
    return pd.DataFrame(
        {
            "root": pd.Series([contract.root for contract in contracts], dtype="str"),
            "expiration": np.array([contract.expiration for contract in contracts], dtype="datetime64[s]"),
            "option_type": pd.Series([contract.option_type.value for contract in contracts], dtype="str"),
            "strike": np.array([contract.strike for contract in contracts], dtype=np.float64),
            "occ_symbol": pd.Series([contract.occ for contract in contracts], dtype="str"),
            "multiplier": np.array([one.listed.multiplier for one in quoted], dtype=np.int64),
            "adjusted": np.array([one.listed.adjusted for one in quoted], dtype=bool),
            "bid": np.where((bid == 0) & ~(ask > 0), np.nan, bid),
            "ask": np.where(ask == 0, np.nan, ask),
            "last": np.where(last == 0, np.nan, last),
            "volume": volume,
            "open_interest": open_interest,
            "vendor_iv": np.where(volatility == 0, np.nan, volatility),
            "quote_time": pd.Series([one.quote_time for one in quoted], dtype="datetime64[us, UTC]"),
        }
    )


def underlying_quote(body: object, *, symbol: str, until: datetime) -> UnderlyingQuote:
    """The underlying's regular-session prices, $/share. Raises PayloadError for another symbol's quote.

    Bid and ask go on outside the session, and count only at a time of day inside it while no extended-hours trade is
    named (a day of early close names one soon after). `last_trade_price` stays that of the regular session.
    """
    quote = mapping(body, "the quote")
    if quote.get("symbol") != symbol:
        raise PayloadError(f"answered with another quote than that of {symbol}")
    quote_time = instant(quote.get("updated_at"), until=until)
    in_session = quote.get("last_extended_hours_trade_price") is None and _is_session_time(quote_time)
    last = positive(quote.get("last_trade_price"))
    return UnderlyingQuote(
        bid=positive(quote.get("bid_price")) if in_session else None,
        ask=positive(quote.get("ask_price")) if in_session else None,
        last=last,
        quote_time=quote_time if in_session else None,
        last_time=instant(quote.get("venue_last_trade_time"), until=until) if last is not None else None,
    )


def _is_session_time(at: datetime | None) -> bool:
    if at is None:
        return False
    there = at.astimezone(_NEW_YORK)
    return there.weekday() < _SATURDAY and _SESSION_OPENS <= there.time() <= _SESSION_CLOSES
