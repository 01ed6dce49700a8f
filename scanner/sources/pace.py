"""A simple limit on calls per second inside one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from scanner.errors import InputError


class Pace:
    """Hands out call times at least `1 / calls_per_second` seconds apart, to all threads together.

    Calls are spaced evenly: a pause earns no burst afterwards. Raises InputError for a rate that is not positive.
    """

    def __init__(
        self,
        calls_per_second: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not calls_per_second > 0:
            raise InputError(f"calls per second must be positive, not {calls_per_second}")
        self._interval_seconds = 1.0 / calls_per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_free = float("-inf")

    def wait(self) -> float:
        """Block until the caller may call. Returns the seconds waited."""
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._next_free)
            self._next_free = turn + self._interval_seconds
        delay = turn - now
        if delay > 0:
            self._sleep(delay)
        return delay
