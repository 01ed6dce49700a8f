"""A worker as the program runs it, whose clock is a file and whose minute is a second.

Usage: python -m tests.integration.app.flow_worker CLOCK [FAULT]  where FAULT is a symbol whose first chain never comes.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from app import bootstrap
from app.settings import load_settings
from app.worker import main as worker
from app.worker import tasks
from scanner.model import ChainSnapshot
from scanner.sources.simulated import SimulatedSource

NEVER_SECONDS = 3600.0


def with_fault(fault: str) -> Any:
    """`SimulatedSource.chain` with the fault."""
    original = SimulatedSource.chain
    hung: list[str] = []

    def chain(self: SimulatedSource, symbol: str, choose: Any) -> ChainSnapshot:
        if symbol == fault and not hung:
            hung.append(symbol)
            time.sleep(NEVER_SECONDS)
        return original(self, symbol, choose)

    return chain


def main(clock: str, fault: str = "") -> None:
    replaced: tuple[tuple[Any, str, Any], ...] = (
        (bootstrap, "wall_clock", lambda: datetime.fromisoformat(Path(clock).read_text(encoding="ascii"))),
        (tasks, "MINUTELY_CRON", "* * * * * *"),
        (SimulatedSource, "chain", with_fault(fault)),
    )
    for owner, name, value in replaced:
        setattr(owner, name, value)
    sys.exit(worker.run_worker(load_settings(), lifeline=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
