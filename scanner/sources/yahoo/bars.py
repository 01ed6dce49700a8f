"""Yahoo's daily bars (`/v8/finance/chart`) read into closes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from scanner.model import DailyClose
from scanner.sources.payload import PayloadError
from scanner.sources.yahoo.options import positive

PARAMS: Final = {"range": "1y", "interval": "1d", "includePrePost": "false"}


def read_closes(body: object, *, fetched_at: datetime) -> tuple[DailyClose, ...] | None:
    """Split-adjusted closes of finished sessions, ascending; None where Yahoo does not know the symbol.

    A session without a close is left out. Raises PayloadError.
    """
    chart = body.get("chart") if isinstance(body, Mapping) else None
    if not isinstance(chart, Mapping):
        raise PayloadError("chart is not an object")
    error = chart.get("error")
    if isinstance(error, Mapping) and error.get("code") == "Not Found":
        return None
    results = chart.get("result")
    if error is not None or not isinstance(results, list) or not results or not isinstance(results[0], Mapping):
        raise PayloadError(f"error {error}" if error is not None else "result is not a list of objects")
    return _closes(results[0], fetched_at)


def _closes(result: Mapping[str, Any], fetched_at: datetime) -> tuple[DailyClose, ...]:
    meta, stamps = result.get("meta"), result.get("timestamp", [])
    if not isinstance(meta, Mapping) or not isinstance(stamps, list):
        raise PayloadError("meta or timestamp is not what it should be")
    zone, unfinished = ZoneInfo(str(meta.get("exchangeTimezoneName", "UTC"))), _unfinished(meta, fetched_at)
    found: dict[Any, float] = {}
    for stamp, value in zip(stamps, _values(result, len(stamps)), strict=True):
        close = positive(value)
        if close is None or not isinstance(stamp, int) or (unfinished is not None and stamp >= unfinished):
            continue
        found[datetime.fromtimestamp(stamp, zone).date()] = close
    return tuple(DailyClose(day, found[day]) for day in sorted(found))


def _values(result: Mapping[str, Any], count: int) -> list[object]:
    try:
        values = result["indicators"]["quote"][0].get("close", [])
    except (KeyError, IndexError, TypeError, AttributeError):
        raise PayloadError("indicators have no quote") from None
    if not isinstance(values, list) or len(values) not in (0, count):
        raise PayloadError("there are not as many closes as times")
    return values or [None] * count


def _unfinished(meta: Mapping[str, Any], fetched_at: datetime) -> int | None:
    """The open of the session in progress, None where the latest one has ended."""
    regular = meta.get("currentTradingPeriod", {}).get("regular", {})
    start, end = regular.get("start"), regular.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    return start if fetched_at < datetime.fromtimestamp(end, UTC) else None
