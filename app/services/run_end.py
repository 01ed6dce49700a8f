"""The end of a run: once, whoever does the last symbol."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.services.job_names import AFTER_RUN_TASK
from db import jobs, premiums, scan_runs
from scanner.calendar import market_date


def finish_run(connection: Any, run_id: int, *, now: datetime) -> bool:
    """End the run if nothing of it is open. True for the one caller that ended it.

    The list of top premiums is computed anew in the same transaction, so a run that is over shows its results; what
    can wait (statistics, vacuum) is queued in it. `connection` is one of `db.engine.Database`.
    """
    if not scan_runs.finish_if_done(connection, run_id, now=now):
        return False
    premiums.refresh_top_premiums(connection, today=market_date(now))
    jobs.defer(connection, AFTER_RUN_TASK, [{}])
    return True
