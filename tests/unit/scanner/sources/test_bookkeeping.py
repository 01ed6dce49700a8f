"""Bookkeeping that fails, because the database is away, costs nothing that was fetched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from scanner.errors import DatabaseError, RateLimitedError, SchemaError, SourceError, SourceTimeoutError
from scanner.model import ChainSnapshot, Mode, UnderlyingQuote
from scanner.schema import CHAIN
from scanner.sources.account import FLUSH_SECONDS, SourceAccount, Sums
from scanner.sources.base import Capabilities, ChooseExpirations, nearest_only
from scanner.sources.cached import CachedSource
from scanner.sources.gate import PolicedGate
from scanner.sources.resilience import Call, GatePolicy, Outcome, RateLimit

NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
AWAY = DatabaseError("away")
LATE = SourceTimeoutError("yahoo", "KO", "late")
LIMITED = RateLimitedError("yahoo", "KO", "many", 40.0)


class Away:
    """Limiter, breaker and account whose database goes away when a call has been sent."""

    def reserve(self, *, patience_seconds: float) -> tuple[float, bool]:
        return 0.0, True

    def postpone(self, seconds: float) -> None:
        raise AWAY

    def suspended_seconds(self) -> float:
        return 0.0

    def report(self, outcome: Outcome, error: SourceError | None) -> None:
        raise AWAY

    def account(self, call: Call) -> None:
        raise AWAY


@pytest.fixture
def gate() -> PolicedGate:
    away = Away()
    policy = GatePolicy(RateLimit(100, 1.0, burst=50))
    return PolicedGate(
        "yahoo",
        policy,
        limiter=away,
        breaker=away,
        account=away.account,
        chance=lambda: 0.0,
        sleep=lambda seconds: None,
    )


def test_an_answer_is_given_although_nobody_could_be_told(gate: PolicedGate) -> None:
    assert gate.call(lambda: "answer", symbol="KO") == "answer"


@pytest.mark.parametrize("error", [LATE, LIMITED])
def test_the_vendors_error_is_the_one_that_is_raised(gate: PolicedGate, error: SourceError) -> None:
    def send() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        gate.call(send, symbol="KO")
    assert caught.value is error


def chain(symbol: str) -> ChainSnapshot:
    return ChainSnapshot(
        symbol=symbol,
        source="yahoo",
        mode=Mode.LIVE,
        fetched_at=NOW,
        answer_time=NOW,
        underlying=UnderlyingQuote(),
        listed_expirations=(),
        contracts=CHAIN.empty(),
    )


@dataclass
class Vendor:
    error: Exception | None = None
    name: str = "yahoo"
    mode: Mode = Mode.LIVE
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(True, True, True, 0.0))

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        if self.error is not None:
            raise self.error
        return chain(symbol)


@dataclass
class BrokenCache:
    """Cannot store, with this error; gives back unless the database is away."""

    error: Exception
    given_back: list[str] = field(default_factory=list)

    def find(self, symbol: str, *, since: datetime) -> ChainSnapshot | None:
        return None

    def take(self, symbol: str) -> bool:
        return True

    def store(self, snapshot: ChainSnapshot) -> None:
        raise self.error

    def give_back(self, symbol: str) -> None:
        if self.error is AWAY:
            raise AWAY
        self.given_back.append(symbol)


def cached(vendor: Vendor, cache: BrokenCache) -> CachedSource:
    return CachedSource(vendor, cache, clock=lambda: NOW, ttl_seconds=60.0)


def test_a_chain_that_cannot_be_shared_is_given_to_who_fetched_it() -> None:
    assert cached(Vendor(), BrokenCache(AWAY)).chain("KO", nearest_only).symbol == "KO"


def test_the_sources_error_outlives_a_lease_that_cannot_be_given_back() -> None:
    with pytest.raises(SourceTimeoutError):
        cached(Vendor(LATE), BrokenCache(AWAY)).chain("KO", nearest_only)


def test_a_chain_that_is_no_chain_is_an_error_and_blocks_nobody() -> None:
    cache = BrokenCache(SchemaError("chain", ("a column is missing",)))
    with pytest.raises(SchemaError):
        cached(Vendor(), cache).chain("KO", nearest_only)
    assert cache.given_back == ["KO"]


@dataclass
class Bench:
    now: datetime = NOW
    stored: list[Sums] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    tries: int = 0

    def store(self, sums: Sums) -> None:
        self.tries += 1
        self.before()
        self.stored.append(sums)


def test_a_slow_database_does_not_hold_up_those_who_add_meanwhile() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        assert go_on.wait(20)

    bench = Bench(before=wait)
    account = SourceAccount(bench.store, lambda: bench.now)
    bench.now += timedelta(seconds=FLUSH_SECONDS)
    first = threading.Thread(target=account.add_call, args=[Call("yahoo", None, 0.2, 1.0)])
    first.start()
    assert entered.wait(20)
    second = threading.Thread(target=account.add_call, args=[Call("yahoo", None, 0.3, 0.0)])
    second.start()
    second.join(timeout=10)
    assert not second.is_alive()
    go_on.set()
    first.join()
    bench.now += timedelta(seconds=FLUSH_SECONDS)
    account.add_call(Call("yahoo", None, 0.4, 0.0))
    hour = NOW.replace(minute=0)
    assert [sums.calls["yahoo", hour, "answer"].calls for sums in bench.stored] == [1, 2]


def test_sums_that_could_not_be_stored_join_the_next_and_are_not_tried_at_every_call() -> None:
    def fail() -> None:
        raise AWAY

    bench = Bench(before=fail)
    account = SourceAccount(bench.store, lambda: bench.now)
    bench.now += timedelta(seconds=FLUSH_SECONDS)
    for _ in range(3):
        with suppress(DatabaseError):
            account.add_call(Call("yahoo", None, 0.25, 1.0))
    assert bench.tries == 1
    bench.before = lambda: None
    bench.now += timedelta(seconds=FLUSH_SECONDS)
    account.add_quotes("yahoo", {"contracts": 12.0})
    (sums,) = bench.stored
    key = ("yahoo", NOW, "answer")
    assert (sums.calls[key].calls, sums.calls[key].seconds, sums.calls[key].waited_seconds) == (3, 0.75, 3.0)
    assert sum(sums.latencies.values()) == 3
    assert sums.quotes["yahoo", NOW, "contracts"] == 12.0
