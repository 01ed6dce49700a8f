from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import DatabaseError
from scanner.sources.account import (
    BUCKET_RATIO,
    FLUSH_SECONDS,
    SourceAccount,
    Sums,
    bucket_seconds,
    latency_bucket,
    quantile_seconds,
)
from scanner.sources.resilience import Call

NOON = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
ANSWERED = Call("yahoo", None, 0.2, 1.0)


@dataclass
class Bench:
    now: datetime = NOON
    stored: list[Sums] = field(default_factory=list)
    broken: bool = False

    def store(self, sums: Sums) -> None:
        if self.broken:
            raise DatabaseError("away")
        self.stored.append(sums)

    def account(self) -> SourceAccount:
        return SourceAccount(self.store, lambda: self.now)


@given(st.floats(0.001, 300))
def test_a_bucket_tells_a_latency_to_seven_percent(seconds: float) -> None:
    middle = bucket_seconds(latency_bucket(seconds))
    assert middle / seconds == pytest.approx(1.0, abs=BUCKET_RATIO**0.5 - 1 + 0.01)


@given(st.lists(st.floats(0.001, 60), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_quantiles_are_those_of_the_latencies(latencies: list[float], share: float) -> None:
    ordered = sorted(latencies)
    exact = next(one for number, one in enumerate(ordered, start=1) if number >= share * len(ordered))
    found = quantile_seconds(Counter(map(latency_bucket, latencies)), share)
    assert found == pytest.approx(exact, rel=0.085)


def test_without_calls_there_is_no_latency() -> None:
    assert quantile_seconds({}, 0.5) is None


def test_sums_are_handed_over_every_few_seconds_and_at_the_end() -> None:
    bench = Bench()
    account = bench.account()
    account.add_call(ANSWERED)
    account.add_call(Call("yahoo", "SourceTimeoutError", 20.0, 0.0))
    account.add_quotes("yahoo", {"contracts": 120.0})
    assert bench.stored == []
    bench.now += timedelta(seconds=FLUSH_SECONDS)
    account.add_call(ANSWERED)
    (sums,) = bench.stored
    assert sums.calls["yahoo", NOON, "answer"].calls == 2
    assert sums.calls["yahoo", NOON, "SourceTimeoutError"].seconds == 20.0
    assert sums.quotes["yahoo", NOON, "contracts"] == 120.0
    account.add_call(ANSWERED)
    account.flush()
    account.flush()
    assert len(bench.stored) == 2


def test_hours_are_kept_apart() -> None:
    bench = Bench()
    account = bench.account()
    account.add_call(ANSWERED)
    bench.now += timedelta(seconds=4)
    account.flush()
    bench.now = NOON + timedelta(hours=1, minutes=20)
    account.add_call(ANSWERED)
    account.flush()
    hours = {hour for sums in bench.stored for _, hour, _ in sums.calls}
    assert hours == {NOON, NOON + timedelta(hours=1)}


def test_a_database_that_is_away_costs_neither_a_chain_nor_the_sums() -> None:
    bench = Bench(broken=True)
    account = bench.account()
    bench.now += timedelta(seconds=FLUSH_SECONDS)
    account.add_call(ANSWERED)
    account.add_quotes("yahoo", {"contracts": 1.0})
    with pytest.raises(DatabaseError):
        account.flush()
    bench.broken = False
    account.flush()
    assert bench.stored[0].calls["yahoo", NOON, "answer"].calls == 1
    assert bench.stored[0].quotes["yahoo", NOON, "contracts"] == 1.0
