"""Skew over time: which expiration stands for a symbol, one value a session, percentiles and changes.

A series has a value for every point of time that should have one; where a scan is missing it is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd

from scanner.calendar import NEW_YORK

LEAST_DTE: Final = 5
"""Days to the expiration that stands for a symbol, as for the market's sentiment (definitions 7)."""

LEAST_FOR_PERCENTILE: Final = 10
"""Sessions; a percentile of fewer says nothing."""

CHANGES: Final = ("skew_25d", "atm_iv")
"""What changes are shown of."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """How many % of `n` earlier sessions were lower, ties half; `value` None with fewer than ten."""

    value: float | None
    n: int


def nearest_of_each_scan(history: pd.DataFrame) -> pd.DataFrame:
    """Of a `schema.SKEW_HISTORY` frame of one symbol, the row of each scan that expires next from five days on.

    Where two roots share that expiration, the one with more contracts.
    """
    scanned = session_days(history["timestamp"])
    far = history[(history["expiration"] - scanned).dt.days >= LEAST_DTE]
    order = far.sort_values(["timestamp", "expiration", "contracts", "root"], ascending=[True, True, False, True])
    return order.drop_duplicates("timestamp").reset_index(drop=True)


def session_days(timestamps: pd.Series) -> pd.Series:
    """The New York date of each scan, as a date without a zone."""
    days: pd.Series = timestamps.dt.tz_convert(NEW_YORK).dt.tz_localize(None).dt.normalize().astype("datetime64[s]")
    return days


def at_slots(series: pd.DataFrame, slots: Sequence[datetime]) -> pd.DataFrame:
    """The rows of a series at these slots, a row for each; unknown where the scan is missing."""
    index = pd.DatetimeIndex(list(slots), name="timestamp").as_unit("us")
    return series.set_index("timestamp").reindex(index).reset_index()


def at_closes(series: pd.DataFrame, sessions: Sequence[date]) -> pd.DataFrame:
    """The last row of each session, with its date as `session`; unknown where the session has no scan."""
    days = session_days(series["timestamp"]).rename("session")
    last = series.assign(session=days).drop_duplicates("session", keep="last").set_index("session")
    index = pd.DatetimeIndex([pd.Timestamp(day) for day in sessions], name="session").as_unit("s")
    return last.reindex(index).reset_index()


def percentile(closes: pd.Series) -> Percentile:
    """Where the last value stands among the known ones before it."""
    earlier = closes.iloc[:-1].dropna().to_numpy()
    now = closes.iloc[-1] if len(closes) else np.nan
    if np.isnan(now) or len(earlier) < LEAST_FOR_PERCENTILE:
        return Percentile(None, len(earlier))
    lower, equal = np.count_nonzero(earlier < now), np.count_nonzero(earlier == now)
    return Percentile(100.0 * (lower + equal / 2) / len(earlier), len(earlier))


def changes(history: pd.DataFrame, sessions: Sequence[date]) -> pd.DataFrame:
    """Values and changes of every (root, expiration) in the latest scan of one symbol's `schema.SKEW_HISTORY` frame.

    Columns: symbol, root, expiration, timestamp, and of skew_25d and atm_iv the value, `_scan` (since the scan before),
    `_session` and `_5_sessions` (since the last scan of the session before, and of the fifth before). NaN where either
    is unknown. `sessions` ascend and end with the latest scan's.
    """
    if history.empty:
        return pd.DataFrame(columns=["symbol", "root", "expiration", "timestamp", *_change_names()])
    rows = _last_scan(history)
    result: pd.DataFrame = rows[["symbol", "timestamp", *CHANGES]].copy()
    result["skew_25d_scan"], result["atm_iv_scan"] = rows["skew_change"], rows["atm_iv_change"]
    days = session_days(history["timestamp"])
    for label, back in (("session", 1), ("5_sessions", 5)):
        there = days == pd.Timestamp(sessions[-1 - back]) if len(sessions) > back else days.isna()
        earlier = _last_scan(history[there])
        for name in CHANGES:
            result[f"{name}_{label}"] = rows[name] - earlier[name].reindex(rows.index)
    return result.reset_index()


def _last_scan(history: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last scan by root and expiration."""
    last = history[history["timestamp"] == history["timestamp"].max()]
    by_unit: pd.DataFrame = last.set_index(["root", "expiration"])
    return by_unit


def _change_names() -> list[str]:
    return [f"{name}{end}" for name in CHANGES for end in ("", "_scan", "_session", "_5_sessions")]
