"""The jobs of a run: one for each symbol that is not done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from db import jobs, run_symbols


def arguments(run_id: int, symbols: Sequence[str]) -> list[dict[str, int | str]]:
    """What the job of each symbol is given."""
    return [{"run_id": run_id, "symbol": symbol} for symbol in symbols]


def queue_lost_symbols(connection: Any, run_id: int, task: str, *, priority: int = 0) -> int:
    """Queue symbols of a run that are not done and have no job (any more); return how many."""
    unfinished = run_symbols.open_symbols(connection, run_id)
    queued = jobs.symbols_with_job(connection, task, run_id)
    lost = tuple(symbol for symbol in unfinished if symbol not in queued)
    jobs.defer(connection, task, arguments(run_id, lost), priority=priority)
    return len(lost)
