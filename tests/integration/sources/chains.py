"""A small chain of our own for the fake Yahoo: round numbers, three expirations."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from tests.vendors.yahoo_payloads import WrittenAnswers, midnight, options_body

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
QUOTED_AT = datetime(2026, 11, 20, 17, 29, 30, tzinfo=UTC)
EXPIRATIONS = (date(2026, 11, 27), date(2026, 12, 4), date(2026, 12, 18))
STRIKES = (95, 100, 105)


def chain(symbol: str, root: str | None = None) -> dict[str, Any]:
    """A complete body; every contract is quoted 1.00 at 1.10."""
    quote = {
        "symbol": symbol,
        "currency": "USD",
        "marketState": "REGULAR",
        "regularMarketPrice": 100.0,
        "regularMarketTime": int(QUOTED_AT.timestamp()),
        "bid": 99.99,
        "ask": 100.01,
    }
    blocks = [_block(root or symbol, day) for day in EXPIRATIONS]
    return options_body(symbol, listed=EXPIRATIONS, quote=quote, blocks=blocks)


def answers(*symbols: str) -> WrittenAnswers:
    return WrittenAnswers({symbol: chain(symbol) for symbol in symbols})


def _block(root: str, day: date) -> dict[str, Any]:
    sides = {
        key: [_row(f"{root}{day:%y%m%d}{side}{strike * 1000:08d}", strike) for strike in STRIKES]
        for key, side in (("calls", "C"), ("puts", "P"))
    }
    return {"expirationDate": midnight(day), "hasMiniOptions": False, **sides}


def _row(code: str, strike: int) -> dict[str, Any]:
    quoted = {"lastPrice": 1.05, "bid": 1.0, "ask": 1.1, "volume": 10, "openInterest": 20}
    return {
        "contractSymbol": code,
        "strike": strike,
        "currency": "USD",
        "contractSize": "REGULAR",
        "impliedVolatility": 0.3310556,
        **quoted,
    }
