"""The end of a flow scan: once, whoever does the last symbol."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from db import flow_reading, flow_runs, scan_runs
from db.flow_runs import Mood
from scanner.calendar import market_date
from scanner.signals.sentiment import market_sentiment


def finish_flow_run(connection: Any, run_id: int, *, now: datetime) -> bool:
    """End the scan if nothing of it is open. True for the one caller that ended it.

    The market's sentiment is computed from what the scan stored, in the same transaction. `connection` is one of
    `db.engine.Database`.
    """
    if not scan_runs.finish_if_done(connection, run_id, now=now):
        return False
    slot = flow_runs.slot_of(connection, run_id)
    if slot is not None:
        skew = flow_reading.skew_of_run(connection, run_id, slot)
        flow_runs.store_mood(connection, mood_of(skew, run_id=run_id, slot=slot))
    return True


def mood_of(skew: pd.DataFrame, *, run_id: int, slot: datetime) -> Mood:
    """The sentiment of a scan's `schema.EXPIRY_SIGNALS` columns, of all its symbols."""
    measured = market_sentiment(skew, today=market_date(slot))
    return Mood(
        run_id=run_id,
        timestamp=slot,
        market_sentiment=measured.sentiment.value,
        avg_skew=measured.mean_skew,
        stddev=measured.deviation,
        n=measured.symbols,
        without_skew=measured.without_skew,
    )
