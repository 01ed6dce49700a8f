"""Where the fake Polygon takes its answers from: rows written by a test, or a source's snapshots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

import pandas as pd

from scanner.errors import NoOptionsError, SymbolNotFoundError
from scanner.model import ChainSnapshot, UnderlyingQuote
from scanner.sources.base import ChainSource
from scanner.symbols import parse_occ

Body = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an account's plan includes. The default is everything, in real time."""

    snapshots: bool = True
    quotes: bool = True
    trades: bool = True
    spot: bool = True
    delayed: bool = False

    def included(self, row: Any) -> Any:
        """A snapshot as this plan gives it."""
        if not isinstance(row, dict):
            return row
        included = {"last_quote": self.quotes, "last_trade": self.trades}
        given = {key: value for key, value in row.items() if included.get(key, True)}
        asset = given.get("underlying_asset")
        if not self.spot and isinstance(asset, dict):
            given["underlying_asset"] = {"ticker": asset["ticker"]}
        if self.delayed:
            for key in ("last_quote", "last_trade", "underlying_asset"):
                if isinstance(given.get(key), dict) and "timeframe" in given[key]:
                    given[key] = {**given[key], "timeframe": "DELAYED"}
        return given


STARTER = Plan(quotes=False, trades=False, spot=False, delayed=True)
DEVELOPER = Plan(quotes=False, spot=False, delayed=True)
BASIC = Plan(snapshots=False)


class PolygonAnswers(Protocol):
    """Rows by Polygon's spelling of the underlying, which reference data write without the prefix of an index."""

    def contracts(self, underlying: str) -> list[Any] | None:
        """Listed contracts, both sides; None where nothing is known."""
        ...

    def snapshots(self, ticker: str, first: str, last: str) -> list[Any]:
        """Snapshots of the expirations from `first` to `last`, in order of their tickers."""
        ...

    def knows(self, ticker: str) -> bool: ...


def nanoseconds(at: datetime) -> int:
    """With nanoseconds that a float would lose."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000 + 707


def listed_row(underlying: str, code: str, shares: int = 100) -> Body:
    """A listed contract by its OCC code."""
    contract = parse_occ(code)
    return {
        "cfi": "OCASPS",
        "contract_type": contract.option_type.value,
        "exercise_style": "american",
        "expiration_date": contract.expiration.isoformat(),
        "primary_exchange": "BATO",
        "shares_per_contract": shares,
        "strike_price": _plain(contract.strike),
        "ticker": f"O:{code}",
        "underlying_ticker": underlying,
    }


def snapshot_row(ticker: str, code: str, values: Mapping[str, Any], spot: UnderlyingQuote, shares: int = 100) -> Body:
    """A snapshot by its OCC code. `values` in our names; what is None or missing is left out, as Polygon does."""
    contract = parse_occ(code)
    known = {key: value for key, value in values.items() if value is not None}
    quoted_at, traded_at = known.get("quote_time"), known.get("traded_at")
    row: Body = {
        "break_even_price": contract.strike,
        "day": {},
        "details": {
            "contract_type": contract.option_type.value,
            "exercise_style": "american",
            "expiration_date": contract.expiration.isoformat(),
            "shares_per_contract": shares,
            "strike_price": _plain(contract.strike),
            "ticker": f"O:{code}",
        },
        "greeks": {"delta": 0.5, "gamma": 0.01, "theta": -0.02, "vega": 0.1},
        "last_quote": _quote(known, quoted_at),
        "last_trade": {},
        "underlying_asset": _asset(ticker, spot),
    }
    if "last" in known:
        stamp = {} if traded_at is None else {"sip_timestamp": nanoseconds(traded_at)}
        row["last_trade"] = {"price": known["last"], "size": 1, "exchange": 309, "timeframe": "REAL-TIME", **stamp}
    if "volume" in known:
        stamp = {} if traded_at is None else {"last_updated": nanoseconds(traded_at)}
        row["day"] = {"volume": known["volume"], "close": known.get("last"), "vwap": known.get("last"), **stamp}
    for ours, theirs in (("open_interest", "open_interest"), ("vendor_iv", "implied_volatility")):
        if ours in known:
            row[theirs] = known[ours]
    return row


def _quote(known: Mapping[str, Any], quoted_at: datetime | None) -> Body:
    quote: Body = {key: known[key] for key in ("bid", "ask") if key in known}
    quote |= {"bid_size": 294, "ask_size": 209, "timeframe": "REAL-TIME"}
    return quote if quoted_at is None else {**quote, "last_updated": nanoseconds(quoted_at)}


def _asset(ticker: str, spot: UnderlyingQuote) -> Body:
    asset: Body = {"change_to_break_even": 19.1, "ticker": ticker, "timeframe": "REAL-TIME"}
    if spot.last is not None:
        asset["value" if ticker.startswith("I:") else "price"] = spot.last
    return asset if spot.last_time is None else {**asset, "last_updated": nanoseconds(spot.last_time)}


def _plain(strike: float) -> float | int:
    """Whole strikes are written without decimals."""
    return int(strike) if strike == int(strike) else strike


class WrittenAnswers:
    """Rows as given, by underlying."""

    def __init__(self) -> None:
        self.listed: dict[str, list[Any]] = {}
        self.quoted: dict[str, list[Any]] = {}
        self.known: set[str] = set()

    def add(
        self, ticker: str, spot: UnderlyingQuote, codes: Sequence[str], values: Mapping[str, Any], shares: int = 100
    ) -> None:
        """Contracts by their OCC codes, all with these values in our names."""
        underlying = ticker.removeprefix("I:")
        self.known.add(ticker)
        self.listed.setdefault(underlying, []).extend(listed_row(underlying, code, shares) for code in codes)
        rows = (snapshot_row(ticker, code, values, spot, shares) for code in codes)
        self.quoted.setdefault(ticker, []).extend(rows)

    def row(self, code: str) -> Body:
        """The snapshot of a contract, to be changed."""
        rows = [row for rows in self.quoted.values() for row in rows]
        found: Body = next(row for row in rows if row["details"]["ticker"] == f"O:{code}")
        return found

    def contracts(self, underlying: str) -> list[Any] | None:
        return self.listed.get(underlying)

    def snapshots(self, ticker: str, first: str, last: str) -> list[Any]:
        """A row without a readable date comes with every question."""
        rows = self.quoted.get(ticker, [])
        return [row for row in rows if first <= str(_expiration(row) or first) <= last]

    def knows(self, ticker: str) -> bool:
        return ticker in self.known


def _expiration(row: Any) -> Any:
    details = row.get("details") if isinstance(row, dict) else None
    return details.get("expiration_date") if isinstance(details, dict) else None


class SourceAnswers:
    """Answers written from another source's snapshots, usually the simulated market."""

    def __init__(self, chains: ChainSource) -> None:
        self._chains = chains

    def contracts(self, underlying: str) -> list[Any] | None:
        try:
            snapshot = self._chains.chain(underlying, lambda listed: listed)
        except (SymbolNotFoundError, NoOptionsError):
            return None
        records = _records(snapshot)
        rows = [listed_row(underlying, record["occ_symbol"], record["multiplier"]) for record in records]
        missing = snapshot.missing_expirations
        return rows + [_listed_only(underlying, records[0], day) for day in missing]

    def snapshots(self, ticker: str, first: str, last: str) -> list[Any]:
        snapshot = self._chains.chain(
            ticker, lambda listed: [day for day in listed if first <= day.isoformat() <= last]
        )
        records = sorted(_records(snapshot), key=lambda record: str(record["occ_symbol"]))
        return [
            snapshot_row(
                ticker, record["occ_symbol"], _values(record, snapshot), snapshot.underlying, record["multiplier"]
            )
            for record in records
        ]

    def knows(self, ticker: str) -> bool:
        try:
            self._chains.chain(ticker, lambda _: [])
        except SymbolNotFoundError:
            return False
        except NoOptionsError:
            return True
        return True


def _records(snapshot: ChainSnapshot) -> list[Body]:
    return [{str(key): value for key, value in one.items()} for one in snapshot.contracts.to_dict("records")]


def _listed_only(underlying: str, record: Mapping[str, Any], day: date) -> Body:
    """A call of an expiration that is listed and not delivered."""
    code = f"{record['root']}{day:%y%m%d}C00100000"
    return listed_row(underlying, code)


def _values(record: Mapping[str, Any], snapshot: ChainSnapshot) -> Body:
    """No quote is 0 at 0; what is unknown is left out."""
    names = ("bid", "ask", "last", "volume", "open_interest", "vendor_iv")
    values = {name: None if math.isnan(record[name]) else record[name] for name in names}
    if values["bid"] is None and values["ask"] is None:
        values |= {"bid": 0, "ask": 0}
    quote_time = None if pd.isna(record["quote_time"]) else record["quote_time"].to_pydatetime()
    return {**values, "quote_time": quote_time, "traded_at": snapshot.answer_time}
