"""A sync, and scans of the past, in the terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import Final, TextIO

from app.services.failure_advice import what_to_do
from app.services.flow_backfill import BackfillProgress, FlowBackfill, PastSlot
from app.services.sync import SyncProgress, SyncService
from scanner.errors import DatabaseError

REFRESH_SECONDS: Final = 0.25
_PLAIN_EVERY: Final = 40
_CURRENT_SHOWN: Final = 3
_FAILURES_SHOWN: Final = 5


def follow(
    sync: SyncService,
    run_id: int,
    *,
    stop: threading.Event,
    out: TextIO | None = None,
) -> SyncProgress:
    """Show the run until it ends or `stop` is set, and return where it stands then.

    In a terminal one line is rewritten; elsewhere a line is written every ten seconds. A database that is
    away (it is being started again) is waited for; `DatabaseError` is raised only when asked to stop meanwhile.
    """
    out = out or sys.stdout
    looks = 0
    while True:
        try:
            progress = _look(sync, run_id)
        except DatabaseError:
            if stop.is_set():
                raise
            stop.wait(REFRESH_SECONDS)
            continue
        over = not progress.running or stop.is_set()
        _show(line(progress), out, over=over, look=looks)
        if over:
            return progress
        looks += 1
        stop.wait(REFRESH_SECONDS)


def _look(sync: SyncService, run_id: int) -> SyncProgress:
    progress = sync.progress(run_id)
    if progress is None:
        raise LookupError(f"run {run_id} is not in the database")
    return progress


def follow_backfill(
    backfill: FlowBackfill, slots: Sequence[PastSlot], *, stop: threading.Event, out: TextIO | None = None
) -> BackfillProgress:
    """Show how scans of the past come about until none is waited for or `stop` is set. Otherwise as `follow`."""
    out = out or sys.stdout
    began = time.monotonic()
    looks = 0
    while True:
        try:
            progress = backfill.progress(slots)
        except DatabaseError:
            if stop.is_set():
                raise
            stop.wait(REFRESH_SECONDS)
            continue
        over = not progress.waiting or stop.is_set()
        _show(backfill_line(progress, time.monotonic() - began), out, over=over, look=looks)
        if over:
            return progress
        looks += 1
        stop.wait(REFRESH_SECONDS)


def backfill_line(progress: BackfillProgress, seconds: float) -> str:
    """`Past flow scans 12/55, 20 s left`."""
    text = f"Past flow scans {progress.made}/{progress.total}"
    if progress.waiting and progress.made:
        text += f", {duration(seconds / progress.made * progress.waiting)} left"
    return text


def _show(text: str, out: TextIO, *, over: bool, look: int) -> None:
    if out.isatty():
        out.write(f"\r\x1b[2K{text}" + ("\n" if over else ""))
    elif over or look % _PLAIN_EVERY == 0:
        out.write(text + "\n")
    out.flush()


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
    """What became of the run, with the first failures of each class and what to do about them."""
    if not progress.failed:
        return ""
    lines = [f"{progress.failed} of {progress.total} symbols failed and keep their older rows, where they have any."]
    for error_class, count in sorted(progress.errors.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"{error_class} ({count}): {what_to_do(error_class)}")
        shown = [one for one in progress.failures if one.error_class == error_class][:_FAILURES_SHOWN]
        lines += [f"  {failure.symbol}: {failure.message}" for failure in shown]
        if count > len(shown):
            lines.append(f"  ... and {count - len(shown)} more, on the page Database Scan")
    lines.append("To retry press Retry failed in the dashboard, or sync these symbols again.")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
