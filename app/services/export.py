"""A scan as a CSV file that explains itself: every row, every field, and where the numbers come from."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd

from scanner.model import Mode, PremiumFilters, ScanResult
from scanner.schema import SCAN

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def filename(mode: Mode, as_of: datetime, *, name: str = "premiums") -> str:
    """`premiums-simulated-20261121T150000Z.csv`. Live data carry no mode in the name."""
    origin = "" if mode is Mode.LIVE else f"-{mode.value}"
    return f"{name}{origin}-{as_of:%Y%m%dT%H%M%SZ}.csv"


def premiums_csv(result: ScanResult, *, mode: Mode) -> str:
    """The rows of a scan with every `schema.SCAN` field and the column `mode`, below a commented header block.

    Numbers keep their full precision, unknown is an empty field, instants are ISO 8601 in UTC. Text that a
    spreadsheet would run as a formula is prefixed with an apostrophe.
    """
    text = io.StringIO(newline="")
    for line in _header(result, mode):
        text.write(f"# {_one_line(line)}\r\n")
    writer = csv.writer(text)
    writer.writerow([*SCAN.names, "mode"])
    columns = [_cells(result.rows[column.name]) for column in SCAN.columns]
    columns.append([mode.value] * len(result.rows))
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def _header(result: ScanResult, mode: Mode) -> list[str]:
    rows = result.rows
    times = rows["quote_time"].fillna(rows["answer_time"]).dropna()
    oldest, newest = (times.min(), times.max()) if len(times) else (None, None)
    lines = [f"mode: {mode.value}"]
    if mode is Mode.SIMULATED:
        lines.append("SIMULATED DATA: invented for demonstration, not market prices")
    if mode is Mode.RECORDED:
        lines.append("RECORDED DATA: played back from saved answers, not current prices")
    lines += [
        f"as of: {_text(result.as_of)}",
        f"oldest quote: {_text(oldest) or 'unknown'}",
        f"newest quote: {_text(newest) or 'unknown'}",
        f"sources: {', '.join(sorted(set(rows['source']))) or 'none'}",
        f"filters: {_filters(result.filters)}",
    ]
    return lines + _account(result)


def _account(result: ScanResult) -> list[str]:
    if not result.counts:
        return [f"rows: {result.shown}"]
    rejected = "; ".join(f"{reason.value}={count}" for reason, count in result.rejected.items()) or "none"
    lines = [
        f"contracts fetched: {result.fetched}; passed: {result.passed}; rows: {result.shown}",
        f"rejected: {rejected}",
    ]
    if result.without_data:
        lines.append(f"symbols without data: {', '.join(result.without_data)}")
    return lines


def _filters(filters: PremiumFilters) -> str:
    values = {
        "strategies": "+".join(strategy.value for strategy in filters.strategies),
        "target_dtes": "+".join(str(target) for target in filters.target_dtes),
        "dte": f"{filters.dte_min}-{filters.dte_max}",
        "delta": f"{filters.delta_min:g}-{filters.delta_max:g}",
        "volume_min": filters.volume_min,
        "open_interest_min": filters.open_interest_min,
        "max_stock_price": filters.max_stock_price,
        "min_premium_pct": filters.min_premium_pct,
        "max_spread_pct": filters.max_spread_pct,
        "min_grade": filters.min_grade,
        "basis": filters.basis,
        "best_per_expiration": filters.best_per_expiration,
    }
    return "; ".join(f"{name}={'off' if value is None else value}" for name, value in values.items())


def _cells(values: pd.Series) -> list[str]:
    return [_text(value) for value in values.tolist()]


def _text(value: object) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.tzinfo is None else _instant(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int | date):
        return str(value)
    return plain_text(str(value))


def _instant(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def plain_text(text: str) -> str:
    """The text, defused where a spreadsheet would run it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _one_line(text: str) -> str:
    return " ".join(text.split())
