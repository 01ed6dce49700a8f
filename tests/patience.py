"""How long tests wait for what has to happen: a limit against hangs, far above what a busy machine needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE_SECONDS: Final = 180.0


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Errors: AssertionError where it has not happened after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE_SECONDS:.0f} s"
        time.sleep(0.05)
