"""Where the fake Schwab takes its chains from: recorded files, a source's snapshots, or bodies written by a test."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Protocol

import pandas as pd

from scanner.errors import NoOptionsError, SymbolNotFoundError
from scanner.model import ChainSnapshot, UnderlyingQuote
from scanner.sources.base import ChainSource

MAPS = {"call": "callExpDateMap", "put": "putExpDateMap"}
UNKNOWN = -999.0
"""Schwab's mark for a figure it does not have."""


class SchwabAnswers(Protocol):
    def chain(self, symbol: str, strike_count: int | None) -> dict[str, Any] | None:
        """The body of a chain by Schwab's spelling of a symbol; None where Schwab does not know it."""
        ...


class WrittenAnswers:
    """Bodies as given, cut to the strikes asked for."""

    def __init__(self, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        self._bodies = dict(bodies)

    def chain(self, symbol: str, strike_count: int | None) -> dict[str, Any] | None:
        body = self._bodies.get(symbol)
        return None if body is None else narrowed(dict(body), strike_count)


class SourceAnswers:
    """Chains written from another source's snapshots, usually the simulated market."""

    def __init__(self, chains: ChainSource) -> None:
        self._chains = chains

    def chain(self, symbol: str, strike_count: int | None) -> dict[str, Any] | None:
        try:
            snapshot = self._chains.chain(symbol.removeprefix("$").replace("/", "."), lambda listed: listed)
        except SymbolNotFoundError:
            return None
        except NoOptionsError:
            return chain_envelope(symbol, underlying={"symbol": symbol, "last": 10.0, "tradeTime": 1}, rows=())
        return narrowed(chain_body(snapshot, symbol), strike_count)


def failed_body(symbol: str) -> dict[str, Any]:
    """What is answered for a symbol that Schwab does not know."""
    body = chain_envelope(symbol, underlying=None, rows=())
    return {**body, "status": "FAILED", "underlyingPrice": 0.0}


def contract_count(body: Mapping[str, Any]) -> int:
    maps = [body[key] for key in MAPS.values()]
    return sum(len(rows) for one in maps for strikes in one.values() for rows in strikes.values())


def narrowed(body: dict[str, Any], strike_count: int | None) -> dict[str, Any]:
    """The body with only so many strikes of each expiration above and below the money."""
    if strike_count is None:
        return body
    price = body["underlyingPrice"]
    maps = {
        key: {day: _nearest(strikes, price, strike_count) for day, strikes in body[key].items()}
        for key in MAPS.values()
    }
    cut = {**body, **maps}
    return {**cut, "numberOfContracts": contract_count(cut)}


def _nearest(strikes: Mapping[str, Any], price: float, count: int) -> dict[str, Any]:
    below = sorted((key for key in strikes if float(key) < price), key=float)[-count:]
    above = sorted((key for key in strikes if float(key) >= price), key=float)[:count]
    return {key: strikes[key] for key in (*below, *above)}


def chain_envelope(
    symbol: str,
    *,
    underlying: Mapping[str, Any] | None,
    rows: Iterable[Mapping[str, Any]],
    empty: Iterable[date] = (),
    today: date = date(2026, 11, 20),
) -> dict[str, Any]:
    """A complete body; each row goes where its own symbol says. `empty`: expirations listed without contracts."""
    maps: dict[str, dict[str, dict[str, list[Any]]]] = {key: {} for key in MAPS.values()}
    for row in rows:
        side = maps[MAPS[str(row["putCall"]).lower()]]
        day = date.fromisoformat(row["expirationDate"][:10])
        side.setdefault(_key(day, today), {}).setdefault(str(row["strikePrice"]), []).append(dict(row))
    for day in empty:
        for side in maps.values():
            side.setdefault(_key(day, today), {})
    body = {
        "symbol": symbol,
        "status": "SUCCESS",
        "underlying": None if underlying is None else dict(underlying),
        "strategy": "SINGLE",
        "interval": 0.0,
        "isDelayed": False,
        "isIndex": symbol.startswith("$"),
        "interestRate": 4.738,
        "underlyingPrice": (underlying or {}).get("last", 0.0),
        "volatility": 29.0,
        "daysToExpiration": 0.0,
        "isChainTruncated": False,
        **maps,
    }
    return {**body, "numberOfContracts": contract_count(body)}


def _key(day: date, today: date) -> str:
    return f"{day}:{(day - today).days}"


def chain_body(snapshot: ChainSnapshot, symbol: str) -> dict[str, Any]:
    """A snapshot as Schwab would send it. What Schwab cannot say is lost: microseconds."""
    return chain_envelope(
        symbol,
        underlying=_underlying(snapshot.underlying, symbol),
        rows=[
            _row({str(name): value for name, value in record.items()})
            for record in snapshot.contracts.to_dict("records")
        ],
        empty=snapshot.missing_expirations,
        today=snapshot.fetched_at.date(),
    )


def _underlying(quote: UnderlyingQuote, symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "bid": quote.bid or 0.0,
        "ask": quote.ask or 0.0,
        "last": quote.last or 0.0,
        "quoteTime": milliseconds(quote.quote_time),
        "tradeTime": milliseconds(quote.last_time),
        "totalVolume": quote.volume or 0.0,
        "delayed": False,
    }


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Schwab's habits: no quote is 0/0, no price 0, no volatility -999, an unknown time 0; others are missing keys."""
    day: date = record["expiration"].date()
    row: dict[str, Any] = {
        "putCall": str(record["option_type"]).upper(),
        "symbol": padded(record["occ_symbol"], record["root"]),
        "bid": record["bid"] if _known(record["bid"]) else (None if _known(record["ask"]) else 0.0),
        "ask": record["ask"] if _known(record["ask"]) else 0.0,
        "last": record["last"] if _known(record["last"]) else 0.0,
        "totalVolume": int(record["volume"]) if _known(record["volume"]) else None,
        "openInterest": int(record["open_interest"]) if _known(record["open_interest"]) else None,
        "volatility": record["vendor_iv"] * 100.0 if _known(record["vendor_iv"]) else UNKNOWN,
        "delta": UNKNOWN,
        "quoteTimeInLong": 0 if pd.isna(record["quote_time"]) else milliseconds(record["quote_time"]),
        "strikePrice": record["strike"],
        "expirationDate": f"{day}T21:00:00.000+00:00",
        "multiplier": float(record["multiplier"]),
        "settlementType": "P",
        "optionRoot": record["root"],
        "nonStandard": bool(record["adjusted"]) and record["multiplier"] == 100,
        "mini": record["multiplier"] == 10,
    }
    return {key: value for key, value in row.items() if value is not None}


def padded(occ: str, root: str) -> str:
    """The OCC symbol with its root filled to six characters, as Schwab sends it."""
    return f"{root:<6}{occ.removeprefix(root)}"


def milliseconds(instant: datetime | None) -> int:
    return 0 if instant is None else int(instant.timestamp() * 1000)


def _known(value: float) -> bool:
    return not math.isnan(value)
