"""Bring stored chains up to date: a run is a list of symbols, each done, failed or cancelled on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class RunState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SymbolFailure:
    """Why a symbol has no new rows. Its stored rows stay, with their age. `error_class` is a name of scanner.errors."""

    symbol: str
    error_class: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """Where a run stands. `done == succeeded + failed + cancelled <= total`.

    `rate_per_second` counts symbols done per second since the start; it and `seconds_left` are None while unknown.
    `current` are the symbols being worked on. `worker_alive` is False when no worker process answers: nothing
    moves then until one is started.
    """

    run_id: int
    state: RunState
    total: int
    succeeded: int
    failed: int
    cancelled: int
    current: tuple[str, ...]
    started_at: datetime
    finished_at: datetime | None
    rate_per_second: float | None
    seconds_left: float | None
    contracts: int
    worker_alive: bool
    failures: tuple[SymbolFailure, ...] = ()
    errors: Mapping[str, int] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return self.succeeded + self.failed + self.cancelled

    @property
    def running(self) -> bool:
        return self.state is RunState.RUNNING


class SyncService:
    """Start, watch, cancel and repeat sync runs; and, inside a worker, do one symbol of a run."""

    def start(self, symbols: Sequence[str] | None = None) -> int:
        """Queue `symbols` (None: all stocks of the universe) and return the run's id.

        Single flight: while a run is running, its missing symbols are added to it and its id is returned.
        Raises `InputError` when there is nothing to sync.
        """
        raise NotImplementedError

    def progress(self, run_id: int | None = None) -> SyncProgress | None:
        """Where the run (None: the latest) stands; None when there has been none."""
        raise NotImplementedError

    def cancel(self, run_id: int) -> int:
        """Cancel what has not begun, and return how many symbols that were. Symbols in work are finished."""
        raise NotImplementedError

    def retry_failed(self, run_id: int) -> int | None:
        """Start a run of the symbols that failed in `run_id` and return its id; None when none failed."""
        raise NotImplementedError

    def run_symbol(self, run_id: int, symbol: str) -> None:
        """Fetch, price and store one symbol of a run in one transaction. Called by a worker; safe to repeat."""
        raise NotImplementedError
