"""Flow scans by the clock: every 15 minutes of a session, one at a time, ended when the next is near."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from app.services.flow_end import finish_flow_run
from app.services.job_names import FLOW_SYMBOL_TASK
from app.services.run_queue import arguments, queue_lost_symbols
from app.services.symbol_flow import SymbolFlow
from db import flow_runs, jobs, run_symbols, stocks
from db.engine import Database
from db.scan_runs import RunSettings
from scanner.calendar import MarketCalendar, due_scan
from scanner.errors import ScanOvertakenError

OVERTAKEN_AFTER: Final = timedelta(minutes=14)
"""After its slot a scan that is not done is ended, so that nothing that hangs stops the next one."""

PRIORITY: Final = 5
"""Of its jobs in the queue: a sync may be hours long, a scan has its quarter of an hour."""

logger = structlog.get_logger(__name__)


class FlowScanService:
    """Begins, ends and resumes flow scans; and, inside a worker, does one symbol of one.

    Called by every worker on every machine; the database lets one of them begin each slot.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: RunSettings,
        clock: Callable[[], datetime],
        calendar: MarketCalendar,
        symbols: Sequence[str],
        symbol_flow: SymbolFlow,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._calendar = calendar
        self._symbols = tuple(symbols)
        self._symbol_flow = symbol_flow

    @property
    def settings(self) -> RunSettings:
        """What each scan computes with."""
        return self._settings

    @property
    def symbols(self) -> tuple[str, ...]:
        """What each scan looks at."""
        return self._symbols

    def begin_due(self) -> int | None:
        """Begin the scan that is due and return its id; None where none is, or where it was begun already.

        A scan still running 14 minutes after its slot is ended first. Missed slots are not caught up. Symbols that are
        new to the universe are added to it.
        """
        now = self._clock()
        with self._database.connection() as connection:
            self._end_overtaken(connection, now)
            last = flow_runs.latest(connection)
            slot = due_scan(now, None if last is None else last.slot, self._calendar)
            if slot is None:
                return None
            stocks.add(connection, self._symbols, now=now)
            run_id = flow_runs.begin(connection, slot, self._symbols, self._settings, now=now)
            if run_id is None:
                logger.warning("flow scan skipped: the slot is taken or the last scan still runs", slot=slot)
                return None
            jobs.defer(connection, FLOW_SYMBOL_TASK, arguments(run_id, self._symbols), priority=PRIORITY)
        logger.info("flow scan begun", slot=slot, run=run_id, symbols=len(self._symbols))
        return run_id

    def resume(self) -> int:
        """Queue symbols of the running scan that have no job (any more); return how many. Safe to repeat."""
        with self._database.connection() as connection:
            run = flow_runs.running(connection)
            if run is None:
                return 0
            lost = queue_lost_symbols(connection, run.run_id, FLOW_SYMBOL_TASK, priority=PRIORITY)
            finish_flow_run(connection, run.run_id, now=self._clock())
        return lost

    def run_symbol(self, run_id: int, symbol: str) -> float | None:
        """Do one symbol of a scan. Called by a worker; safe to repeat. Returns as `SyncService.run_symbol`."""
        return self._symbol_flow.run(run_id, symbol)

    def _end_overtaken(self, connection: Any, now: datetime) -> None:
        run = flow_runs.running(connection)
        if run is None or now < run.slot + OVERTAKEN_AFTER:
            return
        failed = run_symbols.fail_open(
            connection,
            run.run_id,
            error_class=ScanOvertakenError.__name__,
            message=f"not done {OVERTAKEN_AFTER.seconds // 60} minutes after the scan was due",
            now=now,
        )
        jobs.cancel_waiting(connection, FLOW_SYMBOL_TASK, run.run_id)
        finish_flow_run(connection, run.run_id, now=now)
        logger.warning("flow scan ended before it was done", slot=run.slot, run=run.run_id, symbols=failed)
