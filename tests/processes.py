"""The workers of a running program, and how to make them stand still: what tests look at amid a sync stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil


@contextmanager
def workers_held(program: int) -> Iterator[None]:
    """The worker processes below this process do nothing meanwhile."""
    workers = [child for child in psutil.Process(program).children(recursive=True) if "worker" in child.cmdline()]
    assert workers
    for worker in workers:
        worker.suspend()
    try:
        yield
    finally:
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.resume()
