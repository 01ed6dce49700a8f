"""Rows as files that explain themselves, CSV or Parquet: every row, every field, and where the numbers come from."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scanner.model import Mode, PremiumFilters, ScanResult
from scanner.schema import SCAN

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


HEADER_KEY: Final = b"header"
"""Of the metadata of a Parquet file: the lines that stand above the rows of a CSV, one below the other."""


@dataclass(frozen=True, slots=True)
class Export:
    """Rows with what must be known of them: `header` are lines of the form "name: value"."""

    header: tuple[str, ...]
    rows: pd.DataFrame

    def csv(self) -> str:
        """The columns as CSV, below the header in lines that begin with #.

        Numbers keep their full precision, unknown is an empty field, instants are ISO 8601 in UTC. Text that a
        spreadsheet would run as a formula is prefixed with an apostrophe.
        """
        text = io.StringIO(newline="")
        for line in self.header:
            text.write(f"# {_one_line(line)}\r\n")
        writer = csv.writer(text)
        writer.writerow(list(self.rows.columns))
        writer.writerows(zip(*(_cells(values) for _, values in self.rows.items()), strict=True))
        return text.getvalue()

    def parquet(self) -> bytes:
        """The columns as Parquet with their types, the header in the metadata of the file."""
        table = pa.Table.from_pandas(self.rows, preserve_index=False)
        lines = "\n".join(map(_one_line, self.header)).encode()
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata({HEADER_KEY: lines}), sink, compression="zstd")
        return bytes(sink.getvalue())


def stem(mode: Mode, as_of: datetime, *, name: str = "premiums") -> str:
    """`premiums-simulated-20261121T150000Z`. Live data carry no mode in the name."""
    origin = "" if mode is Mode.LIVE else f"-{mode.value}"
    return f"{name}{origin}-{as_of:%Y%m%dT%H%M%SZ}"


def premiums_export(result: ScanResult, *, mode: Mode, universe: str = "") -> Export:
    """The rows of a scan with every `schema.SCAN` field and the column `mode`. `universe`: what was scanned."""
    among = (f"universe: {universe}",) if universe else ()
    return Export((*_header(result, mode), *among), result.rows[SCAN.names].assign(mode=mode.value))


def mode_lines(mode: Mode) -> list[str]:
    """The mode, and what it means wherever the numbers are not the market's."""
    lines = [f"mode: {mode.value}"]
    if mode is Mode.SIMULATED:
        lines.append("SIMULATED DATA: invented for demonstration, not market prices")
    if mode is Mode.RECORDED:
        lines.append("RECORDED DATA: played back from saved answers, not current prices")
    return lines


def _header(result: ScanResult, mode: Mode) -> list[str]:
    rows = result.rows
    times = rows["quote_time"].fillna(rows["answer_time"]).dropna()
    oldest, newest = (times.min(), times.max()) if len(times) else (None, None)
    lines = [
        *mode_lines(mode),
        f"as of: {written(result.as_of)}",
        f"oldest quote: {written(oldest) or 'unknown'}",
        f"newest quote: {written(newest) or 'unknown'}",
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
        "earnings": filters.earnings,
        "basis": filters.basis,
        "best_per_expiration": filters.best_per_expiration,
    }
    return "; ".join(f"{name}={'off' if value is None else value}" for name, value in values.items())


def _cells(values: pd.Series) -> list[str]:
    return [written(value) for value in values.tolist()]


def written(value: object) -> str:
    """A value as it stands in a cell; unknown is empty."""
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
