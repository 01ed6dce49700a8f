from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from scanner.calendar import MarketCalendar
from scanner.errors import SourceTimeoutError
from scanner.model import ChainSnapshot, Mode
from scanner.sources.base import Capabilities, ChooseExpirations
from scanner.sources.cached import CachedSource
from scanner.sources.simulated import SimulatedSource

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


@dataclass
class Cache:
    """The cache of one process."""

    chains: dict[str, ChainSnapshot] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, symbol: str, *, since: datetime) -> ChainSnapshot | None:
        known = self.chains.get(symbol)
        return known if known is not None and known.fetched_at >= since else None

    def take(self, symbol: str) -> bool:
        with self.lock:
            free = symbol not in self.taken
            self.taken.add(symbol)
            return free

    def store(self, snapshot: ChainSnapshot) -> None:
        with self.lock:
            self.chains[snapshot.symbol] = snapshot
            self.taken.discard(snapshot.symbol)

    def give_back(self, symbol: str) -> None:
        with self.lock:
            self.taken.discard(symbol)


@dataclass
class Vendor:
    market: SimulatedSource
    name: str = "yahoo"
    mode: Mode = Mode.LIVE
    capabilities: Capabilities = SimulatedSource.capabilities
    asked: list[str] = field(default_factory=list)
    error: Exception | None = None
    started: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        self.asked.append(symbol)
        self.started.set()
        if self.go_on is not None:
            assert self.go_on.wait(20)
        if self.error is not None:
            raise self.error
        return self.market.chain(symbol, choose)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vendor(clock: Clock) -> Vendor:
    return Vendor(SimulatedSource(1, clock, MarketCalendar.around(NOW)))


@pytest.fixture
def cache() -> Cache:
    return Cache()


@pytest.fixture
def source(vendor: Vendor, cache: Cache, clock: Clock) -> CachedSource:
    return CachedSource(vendor, cache, clock=clock, ttl_seconds=60.0)


def first(number: int) -> ChooseExpirations:
    def choose(listed: Sequence[date]) -> Sequence[date]:
        return listed[:number]

    return choose


def test_a_chain_serves_all_who_ask_for_a_minute(source: CachedSource, vendor: Vendor, clock: Clock) -> None:
    once = source.chain("KO", first(2))
    clock.now += timedelta(seconds=60)
    assert source.chain("KO", first(2)) is once
    assert source.chain("KO", first(1)) is once
    clock.now += timedelta(seconds=1)
    assert source.chain("KO", first(2)).fetched_at == clock.now
    assert vendor.asked == ["KO", "KO"]


def test_who_asks_for_more_than_is_held_gets_it_fetched(source: CachedSource, vendor: Vendor) -> None:
    source.chain("KO", first(1))
    assert len(set(source.chain("KO", first(3)).contracts["expiration"])) == 3
    source.chain("PEP", first(1))
    assert vendor.asked == ["KO", "KO", "PEP"]


def test_what_was_not_delivered_is_asked_for_again(source: CachedSource, cache: Cache, vendor: Vendor) -> None:
    chain = vendor.market.chain("KO", first(2))
    partial = replace(
        chain, contracts=chain.contracts[chain.contracts["expiration"] == chain.contracts["expiration"][0]]
    )
    cache.store(partial)
    source.chain("KO", first(2))
    assert vendor.asked == ["KO"]


def test_many_who_ask_at_once_cause_one_call(source: CachedSource, vendor: Vendor) -> None:
    vendor.go_on = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(source.chain, "KO", first(2)) for _ in range(8)]
        assert vendor.started.wait(20)
        vendor.go_on.set()
        answers = {id(one.result(timeout=20)) for one in waiting}
    assert (vendor.asked, len(answers)) == (["KO"], 1)


def test_after_an_error_the_next_may_try(source: CachedSource, vendor: Vendor, cache: Cache) -> None:
    vendor.error = SourceTimeoutError("yahoo", "KO", "late")
    with pytest.raises(SourceTimeoutError):
        source.chain("KO", first(1))
    assert cache.taken == set()
    vendor.error = None
    assert source.chain("KO", first(1)).symbol == "KO"
