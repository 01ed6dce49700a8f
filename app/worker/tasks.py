"""The jobs of a worker, each a few lines around a service."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from datetime import datetime
from typing import Final

from procrastinate import App, BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from app.bootstrap import Services, flow_backfill
from app.services.flow_backfill import PastSlot
from app.services.job_names import (
    AFTER_RUN_TASK,
    ALERTS_TASK,
    FLOW_SYMBOL_TASK,
    FLOW_TASK,
    NIGHTLY_TASK,
    PAST_FLOW_TASK,
    REFERENCE_TASK,
    RESUME_TASK,
    SAVED_SCANS_TASK,
    SYMBOL_TASK,
)
from scanner.errors import DatabaseError

NIGHTLY_CRON: Final = "30 8 * * *"
"""UTC: in the small hours of New York, winter and summer."""

MINUTELY_CRON: Final = "* * * * *"
FIRST: Final = 10
"""Priority of what must not wait behind the symbols of a run."""

FAILED_JOBS_KEPT_HOURS: Final = 7 * 24
DATABASE_WAIT_SECONDS: Final = 2
DATABASE_ATTEMPTS: Final = 20


class TryLaterError(Exception):
    """Tells the queue when to run the job again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.1f} s")
        self.seconds = seconds


class _Retry(BaseRetryStrategy):
    """Again when the job says so, and for a while when the database was away; any other failure is final."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, TryLaterError):
            return RetryDecision(retry_in={"milliseconds": round(exception.seconds * 1000)})
        if isinstance(exception, DatabaseError) and job.attempts < DATABASE_ATTEMPTS:
            return RetryDecision(retry_in={"seconds": DATABASE_WAIT_SECONDS})
        return None


def register(queue: App, current: Callable[[], Services]) -> None:
    """Tell the queue how its jobs are done, each on the services of its moment."""

    @queue.task(name=SYMBOL_TASK, retry=_Retry())
    def sync_symbol(run_id: int, symbol: str) -> None:
        wait = current().sync.run_symbol(run_id, symbol)
        if wait is not None:
            raise TryLaterError(wait)

    @queue.periodic(cron=MINUTELY_CRON)
    @queue.task(name=REFERENCE_TASK, lock=REFERENCE_TASK)
    def refresh_reference(timestamp: int = 0) -> None:  # noqa: ARG001 given by the schedule
        current().reference.refresh()

    @queue.periodic(cron=MINUTELY_CRON)
    @queue.task(name=RESUME_TASK, queueing_lock=RESUME_TASK)
    def resume(timestamp: int = 0) -> None:  # noqa: ARG001
        services = current()
        services.sync.resume()
        services.flow_scans.resume()

    @queue.task(name=FLOW_SYMBOL_TASK, retry=_Retry())
    def scan_symbol_flow(run_id: int, symbol: str) -> None:
        wait = current().flow_scans.run_symbol(run_id, symbol)
        if wait is not None:
            raise TryLaterError(wait)

    past_market = functools.cache(lambda: flow_backfill(current()))

    @queue.task(name=PAST_FLOW_TASK, retry=_Retry())
    def scan_past_flow(slot: str, keeps_chains: bool) -> None:
        past_market().scan(PastSlot(datetime.fromisoformat(slot), keeps_chains))

    @queue.periodic(cron=MINUTELY_CRON)
    @queue.task(name=FLOW_TASK, queueing_lock=FLOW_TASK, priority=FIRST)
    def begin_flow_scan(timestamp: int = 0) -> None:  # noqa: ARG001
        services = current()
        if services.settings.flow_scans:
            services.flow_scans.begin_due()

    @queue.periodic(cron=MINUTELY_CRON)
    @queue.task(name=SAVED_SCANS_TASK, queueing_lock=SAVED_SCANS_TASK, lock=SAVED_SCANS_TASK)
    def run_saved_scans(timestamp: int = 0) -> None:  # noqa: ARG001
        current().saved_scans.run_due()

    @queue.periodic(cron=MINUTELY_CRON)
    @queue.task(name=ALERTS_TASK, queueing_lock=ALERTS_TASK, lock=ALERTS_TASK)
    def look_for_alerts(timestamp: int = 0) -> None:  # noqa: ARG001
        current().alerts.look()

    @queue.task(name=AFTER_RUN_TASK, retry=_Retry())
    def after_run() -> None:
        current().housekeeping.after_run()

    @queue.periodic(cron=NIGHTLY_CRON)
    @queue.task(name=NIGHTLY_TASK, queueing_lock=NIGHTLY_TASK, retry=_Retry())
    async def nightly(timestamp: int = 0) -> None:  # noqa: ARG001
        await asyncio.to_thread(current().housekeeping.nightly)
        await queue.job_manager.delete_old_jobs(
            FAILED_JOBS_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )
