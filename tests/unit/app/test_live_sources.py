from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.live_sources import split
from scanner.sources.gate import LocalLimiter
from scanner.sources.registry import VENDORS
from scanner.sources.resilience import RateLimit


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("limit", [*(vendor.limit for vendor in VENDORS.values()), RateLimit(500, 10.0, 50)])
@given(st.integers(0, 400))
def test_chains_and_slow_facts_together_keep_the_limit(limit: RateLimit, phase: int) -> None:
    """Both ask as fast as they are let, the slow facts beginning somewhat later."""
    departures = []
    for part, start in zip(split(limit), (0.0, phase / 100 * limit.interval_seconds), strict=True):
        clock = Time()
        limiter = LocalLimiter(part, monotonic=clock)
        while clock.now < 3 * limit.window_seconds:
            clock.now += limiter.reserve(patience_seconds=math.inf)[0]
            departures.append(start + clock.now)
    departures.sort()
    window = limit.window_seconds * (1 - 1e-9)
    busiest = max(sum(1 for other in departures if first <= other < first + window) for first in departures[:200])
    assert busiest <= limit.calls


def test_small_limits_are_split_too() -> None:
    chains, slow = split(RateLimit(5, 1.0))
    assert (chains.calls, chains.burst) == (4, 1)
    assert slow.interval_seconds >= 1.0
