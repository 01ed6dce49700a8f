"""Small hand-written Polygon chains, and a source in front of the fake internet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from scanner.model import UnderlyingQuote
from scanner.sources.polygon import PolygonSource
from scanner.sources.resilience import Gate, OpenGate
from tests.vendors.polygon import API_KEY
from tests.vendors.polygon_payloads import WrittenAnswers

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
QUOTED_AT = datetime(2026, 11, 20, 17, 29, 30, 123456, tzinfo=UTC)
EXPIRATIONS = (date(2026, 11, 27), date(2026, 12, 4), date(2026, 12, 18))
STRIKES = (95, 100, 105)
SPOT = UnderlyingQuote(last=100.0, last_time=QUOTED_AT)
VALUES = {
    "bid": 1.0,
    "ask": 1.1,
    "last": 1.05,
    "volume": 10,
    "open_interest": 20,
    "vendor_iv": 0.331056,
    "quote_time": QUOTED_AT,
    "traded_at": QUOTED_AT,
}


def codes(root: str, day: date, strikes: tuple[int, ...] = STRIKES) -> list[str]:
    """OCC codes of the calls and puts at these strikes."""
    return [f"{root}{day:%y%m%d}{side}{strike * 1000:08d}" for side in "CP" for strike in strikes]


def answers(*tickers: str, strikes: tuple[int, ...] = STRIKES) -> WrittenAnswers:
    """Chains of three expirations; every contract is quoted 1.00 at 1.10."""
    written = WrittenAnswers()
    for ticker in tickers:
        root = ticker.removeprefix("I:").replace(".", "")
        written.add(ticker, SPOT, [code for day in EXPIRATIONS for code in codes(root, day, strikes)], VALUES)
    return written


def wide(contracts: int) -> tuple[int, ...]:
    """Strikes that make this many contracts in each expiration."""
    return tuple(range(50, 50 + contracts // 2))


@dataclass
class CountingGate(OpenGate):
    """An open gate that counts its calls by symbol."""

    calls: list[str | None] = field(default_factory=list)

    def call(self, send: Any, *, symbol: str | None) -> Any:
        self.calls.append(symbol)
        return send()


def source(
    *,
    clock: Callable[[], datetime] = lambda: NOW,
    gate: Gate | None = None,
    timeout_seconds: float = 10.0,
    api_key: str = API_KEY,
) -> PolygonSource:
    return PolygonSource(clock=clock, gate=gate or OpenGate(), timeout_seconds=timeout_seconds, api_key=api_key)
