"""Timing several ways of doing the same work in turn, so that a disturbed machine disturbs them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of each round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def best(self) -> float:
        return min(self.rounds)


def alternate(ways: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, Timing]:
    """Each way once to warm up, then `rounds` times in turn."""
    for way in ways.values():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def median_ratio(ours: Timing, other: Timing) -> float:
    """How many times faster ours is: the median over rounds of their quotient, each round's own conditions in both."""
    return statistics.median(theirs / own for own, theirs in zip(ours.rounds, other.rounds, strict=True))
