"""Opportunities as files that explain themselves."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from app.services.export import Export, mode_lines, written
from scanner.model import Mode
from scanner.schema import TOP_OPPORTUNITY


def opportunities_export(rows: pd.DataFrame, *, mode: Mode, as_of: datetime, coverage: str, filters: str) -> Export:
    """A `schema.TOP_OPPORTUNITY` frame with every field.

    `timestamp` is the slot of the scan that found a row, `fetched_at` when its chain was fetched. Numbers keep their
    full precision, unknown is an empty field, instants are ISO 8601 in UTC.
    """
    scans = rows["timestamp"]
    header = [
        *mode_lines(mode),
        f"as of: {written(as_of)}",
        f"oldest scan: {written(scans.min()) or 'none'}",
        f"newest scan: {written(scans.max()) or 'none'}",
        f"coverage of the latest scan: {coverage}",
        f"sources: {', '.join(sorted(set(rows['source']))) or 'none'}",
        f"filters: {filters}",
        f"rows: {len(rows)}",
        "volume carries no side: a score says that something unusual was traded, not who bought",
    ]
    return Export(tuple(header), rows[TOP_OPPORTUNITY.names])
