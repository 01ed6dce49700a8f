"""Rows of a large table spread over threads; small ones stay on the caller's.

numba's own thread pool breaks when several Python threads enter it at once. Kernels therefore run on one thread and
release the GIL, and this module hands them ranges of rows. Any number of threads may call `fill` at the same time: the
caller works too and never waits for a helper that has not begun, so a busy pool costs speed and cannot deadlock.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Final

PIECE: Final = 8_192
"""Rows handed out at once: long enough to hide the hand-over, short enough to even out a disturbed processor."""


def fill(kernel: Callable[[int, int], None], rows: int, *, least_rows: int, piece: int = PIECE) -> None:
    """Call `kernel(first, last)` so that the ranges cover 0 to `rows`, on several threads from `least_rows` on.

    `least_rows` is the size from which threads pay for this kernel, `piece` the rows handed out at once. What a kernel
    raises is raised here.
    """
    helpers = min(processors(), -(-rows // piece)) - 1
    if rows < least_rows or helpers < 1:
        if rows:
            kernel(0, rows)
        return
    starts = count(0, piece)

    def work() -> None:
        while (first := next(starts)) < rows:
            kernel(first, min(first + piece, rows))

    pool = _pool(os.getpid())
    pending: list[Future[None]] = [pool.submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        begun = [future for future in pending if not future.cancel()]
    for future in begun:
        future.result()


@functools.cache
def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Helpers of this process; a forked child has none of its parent's threads and starts its own."""
    return ThreadPoolExecutor(max_workers=max(processors() - 1, 1), thread_name_prefix=f"pricing-{process}")
