"""Tables and timings that all benchmarks share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True)
class Timings:
    """Milliseconds of repeated calls."""

    milliseconds: Sequence[float]

    @property
    def p50(self) -> float:
        return float(np.percentile(self.milliseconds, 50))

    @property
    def p95(self) -> float:
        return float(np.percentile(self.milliseconds, 95))


def timed(call: Callable[[T], object], arguments: Sequence[T], *, warm_up: int = 3) -> Timings:
    """Wall time of `call` for each argument; the first `warm_up` run once before and count for nothing."""
    for argument in arguments[:warm_up]:
        call(argument)
    milliseconds = []
    for argument in arguments:
        started = time.perf_counter()
        call(argument)
        milliseconds.append((time.perf_counter() - started) * 1000)
    return Timings(milliseconds)


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table under a line of text."""
    lines = [title, f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])
