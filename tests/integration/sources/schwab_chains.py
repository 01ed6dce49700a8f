"""A small chain of our own for the fake Schwab, and a source in front of it: round numbers, three expirations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from scanner.sources.resilience import Gate, OpenGate
from scanner.sources.schwab import SchwabCredentials, SchwabSource
from tests.vendors.schwab import APP_KEY, APP_SECRET, stored_login
from tests.vendors.schwab_payloads import WrittenAnswers, chain_envelope, milliseconds, padded

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
QUOTED_AT = datetime(2026, 11, 20, 17, 29, 30, tzinfo=UTC)
LOGGED_IN = NOW - timedelta(days=2)
EXPIRATIONS = (date(2026, 11, 27), date(2026, 12, 4), date(2026, 12, 18))
STRIKES = (95, 100, 105)
CREDENTIALS = SchwabCredentials(APP_KEY, APP_SECRET)


def row(root: str, day: date, side: str, strike: float, **changes: Any) -> dict[str, Any]:
    """A contract quoted 1.00 at 1.10; `...` takes a key away."""
    merged = {
        "putCall": {"C": "CALL", "P": "PUT"}[side],
        "symbol": padded(f"{root}{day:%y%m%d}{side}{round(strike * 1000):08d}", root),
        "bid": 1.0,
        "ask": 1.1,
        "last": 1.05,
        "totalVolume": 10,
        "openInterest": 20,
        "volatility": 33.10556,
        "quoteTimeInLong": milliseconds(QUOTED_AT),
        "strikePrice": float(strike),
        "expirationDate": f"{day}T21:00:00.000+00:00",
        "multiplier": 100.0,
        "settlementType": "P",
        "optionRoot": root,
        "nonStandard": False,
        "mini": False,
        **changes,
    }
    return {key: value for key, value in merged.items() if value is not ...}


def underlying(symbol: str) -> dict[str, Any]:
    times = {"quoteTime": milliseconds(QUOTED_AT), "tradeTime": milliseconds(QUOTED_AT)}
    return {"symbol": symbol, "bid": 99.99, "ask": 100.01, "last": 100.0, "delayed": False, **times}


def chain(symbol: str, root: str | None = None, *, strikes: tuple[float, ...] = STRIKES) -> dict[str, Any]:
    rows = [row(root or symbol, day, side, strike) for day in EXPIRATIONS for side in "CP" for strike in strikes]
    return chain_envelope(symbol, underlying=underlying(symbol), rows=rows)


def answers(*symbols: str) -> WrittenAnswers:
    return WrittenAnswers({symbol: chain(symbol) for symbol in symbols})


@dataclass
class Memory:
    """A stored log-in inside this process. `written` are the texts that were stored."""

    text: str | None
    written: list[str] = field(default_factory=list)
    locked: int = 0
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> str | None:
        return self.text

    def write(self, text: str) -> None:
        self.text = text
        self.written.append(text)

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._mutex:
            self.locked += 1
            yield


def logged_in(access_token: str = "fake-access-token-1", *, expires: datetime = NOW + timedelta(minutes=20)) -> Memory:
    return Memory(stored_login(access_token, created=LOGGED_IN, access_expires=expires))


def source(
    memory: Memory | None = None,
    *,
    timeout_seconds: float = 10.0,
    gate: Gate | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
) -> SchwabSource:
    store = memory or logged_in()
    return SchwabSource(
        clock=clock,
        gate=gate or OpenGate(),
        timeout_seconds=timeout_seconds,
        credentials=CREDENTIALS,
        read_token=store.read,
        write_token=store.write,
        lock=store.lock,
    )
