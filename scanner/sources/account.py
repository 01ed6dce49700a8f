"""The account of calls to sources and of the quotes they delivered: sums by source and hour, for choosing a vendor."""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from scanner.errors import DatabaseError
from scanner.sources.resilience import Call

ANSWER: Final = "answer"
"""The outcome of a call that got one. Other outcomes are classes of scanner.errors."""

BUCKET_RATIO: Final = 1.15
"""Latencies are counted in buckets, each this many times as wide as the one before: quantiles are known to 7 %."""

FLUSH_SECONDS: Final = 5.0


def latency_bucket(seconds: float) -> int:
    """The bucket of a latency: the first whose upper end, `BUCKET_RATIO` ** bucket ms, is not below it."""
    return max(0, math.ceil(math.log(max(seconds * 1000.0, 1.0), BUCKET_RATIO)))


def bucket_seconds(bucket: int) -> float:
    """The middle of a bucket, geometrically."""
    return float(BUCKET_RATIO ** (bucket - 0.5)) / 1000.0


def quantile_seconds(calls: Mapping[int, int], share: float) -> float | None:
    """The latency below which `share` of the calls lie, from counts by bucket; None without calls."""
    total = sum(calls.values())
    reached = 0
    for bucket in sorted(calls):
        reached += calls[bucket]
        if reached >= share * total:
            return bucket_seconds(bucket)
    return None


@dataclass(slots=True)
class CallSums:
    """Calls with one outcome."""

    calls: int = 0
    seconds: float = 0.0
    waited_seconds: float = 0.0


Key = tuple[str, datetime]
"""Source and the start of the hour."""


@dataclass(slots=True)
class Sums:
    """What was added up since the last flush."""

    calls: dict[tuple[str, datetime, str], CallSums] = field(default_factory=lambda: defaultdict(CallSums))
    latencies: Counter[tuple[str, datetime, int]] = field(default_factory=Counter)
    quotes: dict[tuple[str, datetime, str], float] = field(default_factory=lambda: defaultdict(float))

    @property
    def empty(self) -> bool:
        return not (self.calls or self.quotes)

    def add(self, other: Sums) -> None:
        for key, calls in other.calls.items():
            sums = self.calls[key]
            sums.calls += calls.calls
            sums.seconds += calls.seconds
            sums.waited_seconds += calls.waited_seconds
        self.latencies.update(other.latencies)
        for measured, amount in other.quotes.items():
            self.quotes[measured] += amount


class SourceAccount:
    """Adds up in memory and hands the sums to `store` every few seconds, in the thread that happens to add.

    `flush` stores the rest; what a killed process has not handed over, at most some seconds, is lost. Where `store`
    raises, the sums are kept for the next time: who was adding has better things to do, `flush` passes the error on.
    """

    def __init__(self, store: Callable[[Sums], None], clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._sums = Sums()
        self._flushed_at = clock()

    def add_call(self, call: Call) -> None:
        with self._lock:
            hour = _hour(self._clock())
            sums = self._sums.calls[call.source, hour, call.error_class or ANSWER]
            sums.calls += 1
            sums.seconds += call.seconds
            sums.waited_seconds += call.waited_seconds
            self._sums.latencies[call.source, hour, latency_bucket(call.seconds)] += 1
        self._flush_when_due()

    def add_quotes(self, source: str, measures: Mapping[str, float]) -> None:
        """Sums over one chain, by the names of `quote_quality`."""
        with self._lock:
            hour = _hour(self._clock())
            for measure, amount in measures.items():
                self._sums.quotes[source, hour, measure] += amount
        self._flush_when_due()

    def flush(self) -> None:
        """Store what was added up. To be called now and then, and at the end."""
        self._flush()

    def _flush_when_due(self) -> None:
        if (self._clock() - self._flushed_at).total_seconds() >= FLUSH_SECONDS:
            with suppress(DatabaseError):
                self._flush()

    def _flush(self) -> None:
        """Others go on adding meanwhile. After a failure the next try is some seconds later."""
        with self._lock:
            sums, self._sums = self._sums, Sums()
            self._flushed_at = self._clock()
        if sums.empty:
            return
        try:
            self._store(sums)
        except BaseException:
            with self._lock:
                self._sums.add(sums)
            raise


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
