"""Where the fake Robinhood takes its answers from: bodies written by a test, or a source's snapshots."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

import pandas as pd

from scanner.errors import NoOptionsError, SymbolNotFoundError
from scanner.model import ChainSnapshot, UnderlyingQuote
from scanner.sources.base import ChainSource
from scanner.symbols import parse_occ

API = "https://api.robinhood.com"
PAGE_SIZE = 100
_NAMESPACE = uuid.UUID("6f1d9f5e-0000-4000-8000-000000000000")

Body = dict[str, Any]


class RobinhoodAnswers(Protocol):
    """Bodies by Robinhood's ids; None where it has nothing under one."""

    def stock(self, symbol: str) -> Body | None: ...

    def chain(self, chain_id: str) -> Body | None: ...

    def contracts(self, chain_id: str | None, expiration: str | None) -> Sequence[Any]:
        """Without a chain: everybody's."""
        ...

    def market_data(self, instrument_id: str) -> Any: ...

    def quote(self, instrument_id: str) -> Body | None: ...


def identifier(kind: str, name: str) -> str:
    """The id of a thing, the same in every run."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{name}"))


def page_of(found: Sequence[Any], *, start: int = 0, query: Mapping[str, str] | None = None) -> Body:
    """One page from `start` on, with the address of the next as the vendor writes it."""
    end = start + PAGE_SIZE
    following = None
    if end < len(found):
        following = f"{API}/options/instruments/?{urlencode({**(query or {}), 'cursor': str(end)})}"
    return {"next": following, "previous": None, "results": list(found[start:end])}


def stock_body(symbol: str, *, has_options: bool = True) -> Body:
    stock_id = identifier("stock", symbol)
    return {
        "id": stock_id,
        "url": f"{API}/instruments/{stock_id}/",
        "quote": f"{API}/quotes/{symbol}/",
        "symbol": symbol,
        "state": "active",
        "tradability": "tradable",
        "tradable_chain_id": identifier("chain", symbol) if has_options else None,
    }


def chain_body(symbol: str, expirations: Sequence[date]) -> Body:
    stock_id = identifier("stock", symbol)
    return {
        "id": identifier("chain", symbol),
        "symbol": symbol,
        "can_open_position": True,
        "cash_component": None,
        "expiration_dates": [day.isoformat() for day in expirations],
        "trade_value_multiplier": "100.0000",
        "underlying_instruments": [
            {"id": stock_id, "instrument": f"{API}/instruments/{stock_id}/", "quantity": 100},
        ],
        "min_ticks": {"above_tick": "0.05", "below_tick": "0.01", "cutoff_price": "3.00"},
    }


def contract_body(symbol: str, code: str, multiplier: int = 100) -> Body:
    """A listed contract by its OCC code."""
    contract = parse_occ(code)
    contract_id = identifier("contract", code)
    return {
        "chain_id": identifier("chain", symbol),
        "chain_symbol": symbol,
        "created_at": "2026-08-03T02:11:05.407629Z",
        "expiration_date": contract.expiration.isoformat(),
        "id": contract_id,
        "issue_date": "2026-08-03",
        "min_ticks": {"above_tick": "0.05", "below_tick": "0.01", "cutoff_price": "3.00"},
        "rhs_tradability": "tradable",
        "state": "active",
        "strike_price": f"{contract.strike:.4f}",
        "tradability": "tradable",
        "type": contract.option_type.value,
        "updated_at": "2026-08-03T02:11:05.407639Z",
        "url": f"{API}/options/instruments/{contract_id}/",
        "trade_value_multiplier": f"{multiplier}.0000",
    }


def market_data_body(code: str, values: Mapping[str, Any], quoted_at: datetime | None) -> Body:
    """Market data of a contract by its OCC code; `values` in Robinhood's names."""
    contract = parse_occ(code)
    contract_id = identifier("contract", code)
    rest = code[len(contract.root) :]
    body = {
        "instrument": f"{API}/options/instruments/{contract_id}/",
        "instrument_id": contract_id,
        "symbol": contract.root,
        "occ_symbol": f"{contract.root:<6}{rest}",
        "previous_close_date": "2026-11-19",
        "previous_close_price": "1.000000",
        **values,
    }
    return body if quoted_at is None else {**body, "updated_at": nanoseconds(quoted_at)}


def quote_body(symbol: str, quote: UnderlyingQuote) -> Body:
    """The quote of a stock during the session, which names no extended-hours trade."""
    body = {
        "symbol": symbol,
        "instrument_id": identifier("stock", symbol),
        "ask_price": _price(quote.ask),
        "ask_size": 200,
        "bid_price": _price(quote.bid),
        "bid_size": 100,
        "last_trade_price": _price(quote.last),
        "last_extended_hours_trade_price": None,
        "previous_close": "100.000000",
        "trading_halted": False,
        "has_traded": True,
        "state": "active",
    }
    times = {"updated_at": quote.quote_time, "venue_last_trade_time": quote.last_time}
    return body | {name: nanoseconds(at) for name, at in times.items() if at is not None}


def nanoseconds(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


class WrittenAnswers:
    """Bodies as given, by symbol. Contracts are kept with their market data."""

    def __init__(self) -> None:
        self.stocks: dict[str, Body] = {}
        self.chains: dict[str, Body] = {}
        self.listed: dict[tuple[str, str], list[Any]] = {}
        self.quoted: dict[str, Any] = {}
        self.quotes: dict[str, Body] = {}

    def add(
        self,
        symbol: str,
        quote: UnderlyingQuote,
        rows: Mapping[date, Mapping[str, Mapping[str, Any]]],
        quoted_at: datetime,
    ) -> None:
        """A symbol with its expirations: market data in Robinhood's names by OCC code."""
        self.stocks[symbol] = stock_body(symbol)
        self.chains[identifier("chain", symbol)] = chain_body(symbol, list(rows))
        self.quotes[identifier("stock", symbol)] = quote_body(symbol, quote)
        for day, codes in rows.items():
            self.listed[identifier("chain", symbol), day.isoformat()] = [contract_body(symbol, code) for code in codes]
            for code, values in codes.items():
                self.quoted[identifier("contract", code)] = market_data_body(code, values, quoted_at)

    def stock(self, symbol: str) -> Body | None:
        return self.stocks.get(symbol)

    def chain(self, chain_id: str) -> Body | None:
        return self.chains.get(chain_id)

    def contracts(self, chain_id: str | None, expiration: str | None) -> Sequence[Any]:
        if chain_id is None:
            return [row for rows in self.listed.values() for row in rows]
        return self.listed.get((chain_id, expiration or ""), [])

    def market_data(self, instrument_id: str) -> Any:
        return self.quoted.get(instrument_id)

    def quote(self, instrument_id: str) -> Body | None:
        return self.quotes.get(instrument_id)


class SourceAnswers:
    """Answers written from another source's snapshots, usually the simulated market.

    Market data are those of the snapshot in which their contract was listed last.
    """

    def __init__(self, chains: ChainSource) -> None:
        self._chains = chains
        self._symbols: dict[str, str] = {}
        self._quoted: dict[str, Body] = {}

    def stock(self, symbol: str) -> Body | None:
        try:
            self._chains.chain(symbol, lambda _: [])
        except SymbolNotFoundError:
            return None
        except NoOptionsError:
            return stock_body(symbol, has_options=False)
        for kind in ("stock", "chain"):
            self._symbols[identifier(kind, symbol)] = symbol
        return stock_body(symbol)

    def chain(self, chain_id: str) -> Body | None:
        symbol = self._symbols.get(chain_id)
        if symbol is None:
            return None
        return chain_body(symbol, self._chains.chain(symbol, lambda _: []).listed_expirations)

    def contracts(self, chain_id: str | None, expiration: str | None) -> Sequence[Any]:
        symbol = self._symbols.get(chain_id or "")
        if symbol is None or expiration is None:
            return []
        day = date.fromisoformat(expiration)
        snapshot = self._chains.chain(symbol, lambda listed: [day] if day in listed else [])
        return self._listed(symbol, snapshot)

    def market_data(self, instrument_id: str) -> Any:
        return self._quoted.get(instrument_id)

    def quote(self, instrument_id: str) -> Body | None:
        symbol = self._symbols.get(instrument_id)
        if symbol is None:
            return None
        return quote_body(symbol, self._chains.chain(symbol, lambda _: []).underlying)

    def _listed(self, symbol: str, snapshot: ChainSnapshot) -> list[Body]:
        records = [{str(key): value for key, value in one.items()} for one in snapshot.contracts.to_dict("records")]
        for record in records:
            code = record["occ_symbol"]
            self._quoted[identifier("contract", code)] = market_data_body(code, _values(record), _time(record))
        return [contract_body(symbol, record["occ_symbol"], record["multiplier"]) for record in records]


def _values(record: Mapping[str, Any]) -> Body:
    """Robinhood's habits: numbers as text, no quote is 0 at 0, one unknown side is null, counts are numbers."""
    unquoted = math.isnan(record["bid"]) and math.isnan(record["ask"])
    return {
        "bid_price": "0.000000" if unquoted else _price(record["bid"]),
        "ask_price": "0.000000" if unquoted else _price(record["ask"]),
        "last_trade_price": _price(record["last"]),
        "volume": _count(record["volume"]),
        "open_interest": _count(record["open_interest"]),
        "implied_volatility": _price(record["vendor_iv"]),
    }


def _time(record: Mapping[str, Any]) -> datetime | None:
    at = record["quote_time"]
    return None if pd.isna(at) else at.to_pydatetime()


def _price(value: float | None) -> str | None:
    return None if value is None or math.isnan(value) else f"{value:.6f}"


def _count(value: float) -> int | None:
    return None if math.isnan(value) else int(value)
