"""Small hand-written Robinhood chains, and a source in front of the fake internet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from scanner.model import UnderlyingQuote
from scanner.sources.resilience import Gate, OpenGate
from scanner.sources.robinhood import RobinhoodCredentials, RobinhoodSource
from tests.vendors.robinhood import PASSWORD, USERNAME
from tests.vendors.robinhood_payloads import WrittenAnswers

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
QUOTED_AT = datetime(2026, 11, 20, 17, 29, 30, tzinfo=UTC)
EXPIRATIONS = (date(2026, 11, 27), date(2026, 12, 4), date(2026, 12, 18))
STRIKES = (95, 100, 105)
QUOTE = UnderlyingQuote(bid=99.99, ask=100.01, last=100.0, quote_time=QUOTED_AT, last_time=QUOTED_AT)
CREDENTIALS = RobinhoodCredentials(username=USERNAME, password=PASSWORD)
ROW = {
    "bid_price": "1.000000",
    "ask_price": "1.100000",
    "last_trade_price": "1.050000",
    "volume": 10,
    "open_interest": 20,
    "implied_volatility": "0.331056",
}


def codes(symbol: str, day: date, strikes: tuple[int, ...] = STRIKES) -> list[str]:
    """OCC codes of the calls and puts at these strikes."""
    root = symbol.replace(".", "")
    return [f"{root}{day:%y%m%d}{side}{strike * 1000:08d}" for side in "CP" for strike in strikes]


def answers(*symbols: str, strikes: tuple[int, ...] = STRIKES) -> WrittenAnswers:
    """Chains of three expirations; every contract is quoted 1.00 at 1.10."""
    written = WrittenAnswers()
    for symbol in symbols:
        rows: Mapping[date, Mapping[str, Mapping[str, Any]]] = {
            day: dict.fromkeys(codes(symbol, day, strikes), ROW) for day in EXPIRATIONS
        }
        written.add(symbol, QUOTE, rows, QUOTED_AT)
    return written


@dataclass
class Clock:
    """A clock a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Store:
    """Where the text of the session is kept; `written` in order."""

    written: list[str] = field(default_factory=list)

    def read(self) -> str | None:
        return self.written[-1] if self.written else None

    def write(self, text: str) -> None:
        self.written.append(text)

    @property
    def last(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.written[-1])
        return value


@dataclass
class CountingGate(OpenGate):
    """An open gate that counts: `calls` by symbol, and turns of requests inside a call."""

    calls: list[str | None] = field(default_factory=list)
    turns: int = 0

    def call(self, send: Any, *, symbol: str | None) -> Any:
        self.calls.append(symbol)
        return send()

    def turn(self) -> float:
        self.turns += 1
        return 0.0


def source(
    *,
    clock: Clock | None = None,
    store: Store | None = None,
    gate: Gate | None = None,
    credentials: RobinhoodCredentials = CREDENTIALS,
    timeout_seconds: float = 10.0,
    batch_size: int = 60,
) -> RobinhoodSource:
    kept = store or Store()
    return RobinhoodSource(
        clock=clock or Clock(),
        gate=gate or OpenGate(),
        timeout_seconds=timeout_seconds,
        credentials=credentials,
        read_session=kept.read,
        write_session=kept.write,
        batch_size=batch_size,
    )
