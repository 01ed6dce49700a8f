"""Bring stored chains up to date: a run is a list of symbols, each done, failed or cancelled on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.services.job_names import REFERENCE_TASK, SYMBOL_TASK
from app.services.run_end import finish_run
from app.services.run_queue import arguments, queue_lost_symbols
from app.services.symbol_sync import SymbolSync
from db import jobs, run_progress, scan_runs, source_breakers, stocks, workers
from db.engine import Database
from db.run_progress import RunProgress
from db.scan_runs import RunSettings, RunState, RunTicket
from scanner.symbols import normalise

__all__ = ["RunState", "SymbolFailure", "SyncProgress", "SyncService"]


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

    `rate_per_second` counts symbols done per second, lately or over the whole of a finished run; it and
    `seconds_left` are None while unknown. `current` are the symbols being worked on. `worker_alive` is False when no
    worker process answers: nothing moves then until one is started. `failures` are at most 200.
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

    def __init__(
        self, *, database: Database, settings: RunSettings, clock: Callable[[], datetime], symbol_sync: SymbolSync
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._symbol_sync = symbol_sync

    def start(self, symbols: Sequence[str] | None = None) -> int:
        """Queue `symbols` (None: all stocks of the universe) and return the run's id.

        Symbols that are new to the universe are added to it. Single flight: while a run is running, its missing
        symbols are added to it and its id is returned. A new run tries sources again that are left alone for now.
        Raises `InputError` when there is nothing to sync, and `SymbolError` for what is no symbol.
        """
        now = self._clock()
        with self._database.connection() as connection:
            if symbols is None:
                wanted = stocks.symbols(connection)
            else:
                wanted = tuple(normalise(symbol) for symbol in symbols)
                stocks.add(connection, wanted, now=now)
            ticket = scan_runs.start_or_join(connection, wanted, self._settings, now=now)
            if not ticket.joined:
                source_breakers.let_probe(connection)
            jobs.defer(connection, REFERENCE_TASK, [{}])
            jobs.defer(connection, SYMBOL_TASK, arguments(ticket.run_id, ticket.added))
        return ticket.run_id

    def progress(self, run_id: int | None = None) -> SyncProgress | None:
        """Where the run (None: the latest) stands; None when there has been none."""
        now = self._clock()
        with self._database.connection() as connection:
            wanted = scan_runs.latest_run(connection) if run_id is None else run_id
            found = None if wanted is None else run_progress.progress(connection, wanted, now=now)
            alive = workers.worker_count(connection) > 0
        return None if found is None else _progress(found, now, alive)

    def worker_alive(self) -> bool:
        """Whether any worker process is alive, on whatever machine."""
        with self._database.connection() as connection:
            return workers.worker_count(connection) > 0

    def cancel(self, run_id: int) -> int:
        """Cancel what has not begun, and return how many symbols that were. Symbols in work are finished."""
        now = self._clock()
        with self._database.connection() as connection:
            cancelled = scan_runs.cancel(connection, run_id, now=now)
            jobs.cancel_waiting(connection, SYMBOL_TASK, run_id)
            finish_run(connection, run_id, now=now)
        return cancelled

    def retry_failed(self, run_id: int) -> int | None:
        """Sync the symbols that failed in `run_id` again and return that run's id; None when none failed."""
        return self._again(scan_runs.retry_failed, run_id)

    def resume_cancelled(self, run_id: int) -> int | None:
        """Sync what was cancelled in `run_id` and return that run's id; None when nothing was cancelled."""
        return self._again(scan_runs.resume_cancelled, run_id)

    def _again(self, ask: Callable[..., RunTicket | None], run_id: int) -> int | None:
        with self._database.connection() as connection:
            ticket = ask(connection, run_id, self._settings, now=self._clock())
            if ticket is None:
                return None
            jobs.defer(connection, SYMBOL_TASK, arguments(ticket.run_id, ticket.added))
        return ticket.run_id

    def resume(self) -> int:
        """Queue symbols of the running run that have no job (any more); return how many. Safe to repeat."""
        with self._database.connection() as connection:
            run_id = scan_runs.running_run(connection)
            if run_id is None:
                return 0
            lost = queue_lost_symbols(connection, run_id, SYMBOL_TASK)
            finish_run(connection, run_id, now=self._clock())
        return lost

    def run_symbol(self, run_id: int, symbol: str) -> float | None:
        """Fetch, price and store one symbol of a run in one transaction. Called by a worker; safe to repeat.

        Returns None when the symbol is done (well or badly), else the seconds after which to call again.
        """
        return self._symbol_sync.run(run_id, symbol)


def _progress(found: RunProgress, now: datetime, worker_alive: bool) -> SyncProgress:
    rate = _rate(found, now)
    open_symbols = found.pending + found.running
    return SyncProgress(
        run_id=found.run_id,
        state=found.state,
        total=found.total,
        succeeded=found.succeeded,
        failed=found.failed,
        cancelled=found.cancelled,
        current=found.current,
        started_at=found.started_at or found.requested_at,
        finished_at=found.finished_at,
        rate_per_second=rate,
        seconds_left=open_symbols / rate if rate and found.state is RunState.RUNNING else None,
        contracts=found.contracts,
        worker_alive=worker_alive,
        failures=tuple(
            SymbolFailure(failure.symbol, failure.error_class, failure.message, failure.attempts)
            for failure in found.failures
        ),
        errors=found.errors,
    )


def _rate(found: RunProgress, now: datetime) -> float | None:
    """Symbols per second: lately while running, over the whole run when finished; None while nothing is done."""
    if found.started_at is None:
        return None
    elapsed = ((found.finished_at or now) - found.started_at).total_seconds()
    if found.state is RunState.RUNNING:
        done, seconds = found.recent, min(elapsed, found.recent_seconds)
    else:
        done, seconds = found.succeeded + found.failed, elapsed
    return done / seconds if done and seconds > 0 else None
