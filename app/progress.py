"""A sync run in the terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Final, TextIO

from app.services.sync import SyncProgress, SyncService

REFRESH_SECONDS: Final = 0.25
_PLAIN_EVERY: Final = 40
_CURRENT_SHOWN: Final = 3
_FAILURES_SHOWN: Final = 5


def follow(
    sync: SyncService,
    run_id: int,
    *,
    stop: threading.Event,
    tend: Callable[[], None] = lambda: None,
    out: TextIO | None = None,
) -> SyncProgress:
    """Show the run until it ends or `stop` is set, and return where it stands then.

    In a terminal one line is rewritten; elsewhere a line is written every ten seconds. `tend` is called at each look.
    """
    out = out or sys.stdout
    rewrite = out.isatty()
    looks = 0
    while True:
        progress = sync.progress(run_id)
        if progress is None:
            raise LookupError(f"run {run_id} is not in the database")
        over = not progress.running or stop.is_set()
        if rewrite:
            out.write(f"\r\x1b[2K{line(progress)}" + ("\n" if over else ""))
        elif over or looks % _PLAIN_EVERY == 0:
            out.write(line(progress) + "\n")
        out.flush()
        if over:
            return progress
        looks += 1
        tend()
        stop.wait(REFRESH_SECONDS)


def line(progress: SyncProgress) -> str:
    """`Syncing 12/44 AAPL MSFT, 1 failed, 3.2 symbols/s, 10 s left`."""
    parts = [f"{'Syncing' if progress.running else 'Synced'} {progress.done}/{progress.total}"]
    if progress.current:
        more = " ..." if len(progress.current) > _CURRENT_SHOWN else ""
        parts[0] += " " + " ".join(progress.current[:_CURRENT_SHOWN]) + more
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.cancelled:
        parts.append(f"{progress.cancelled} cancelled")
    parts.append(f"{progress.contracts:,} contracts")
    if progress.rate_per_second:
        parts.append(f"{progress.rate_per_second:.1f} symbols/s")
    if progress.running and progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.running and not progress.worker_alive:
        parts.append("waiting for a worker")
    return ", ".join(parts)


def summary(progress: SyncProgress) -> str:
    """What became of the run, with the first failures and what to do about them."""
    if not progress.failed:
        return ""
    lines = [f"{progress.failed} of {progress.total} symbols failed and keep their older rows:"]
    lines += [f"  {failure.symbol}: {failure.message}" for failure in progress.failures[:_FAILURES_SHOWN]]
    if progress.failed > _FAILURES_SHOWN:
        lines.append(f"  ... and {progress.failed - _FAILURES_SHOWN} more, on the page Database Scan")
    lines.append("Press Retry failed in the dashboard, or sync these symbols again, when the cause is gone.")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
