"""Opportunities and expirations made by hand for tests of what pages do with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd

from scanner.schema import FLOW, SKEW_ROWS, TOP_OPPORTUNITY, Schema, validate

SLOT: Final = datetime(2026, 11, 20, 19, 45, tzinfo=UTC)
"""Friday, 14:45 in New York: the slot before `AS_OF`, which is 15:00."""

_OPPORTUNITY: Final[Mapping[str, Any]] = {
    "timestamp": SLOT,
    "run_id": 3,
    "symbol": "NVDA",
    "root": "NVDA",
    "expiration": "2026-12-04",
    "option_type": "call",
    "strike": 142.5,
    "occ_symbol": "NVDA261204C00142500",
    "multiplier": 100,
    "underlying_price": 140.0,
    "mark": 2.0,
    "volume": 7400.0,
    "open_interest": 1000.0,
    "vol_oi_ratio": 7.4,
    "whale_exact": 148.4,
    "whale_score": 148.0,
    "notional": 1_480_000.0,
    "flags": "",
    "source": "simulated",
    "skew_25d": 5.2,
    "vol_ratio": -12.0,
    "whale_points": 25,
    "fresh_points": 30,
    "skew_points": 20,
    "composite_score": 75,
    "signal_type": "CONTRARIAN_BULL",
    "implied_move_pct": 6.9,
    "put_wall": 135.0,
    "call_wall": 145.0,
    "fetched_at": SLOT + timedelta(seconds=40),
    "mode": "simulated",
    "score_percentile": 83.0,
}

_SKEW: Final[Mapping[str, Any]] = {
    "timestamp": SLOT,
    "run_id": 3,
    "symbol": "NVDA",
    "root": "NVDA",
    "expiration": "2026-12-04",
    "spot": 140.0,
    "put_wall": 135.0,
    "call_wall": 145.0,
    "net_gex": -2_500_000.0,
    "contracts": 4,
    "clean_contracts": 4,
    "source": "simulated",
}

_FLOW: Final[Mapping[str, Any]] = {
    "symbol": "NVDA",
    "root": "NVDA",
    "expiration": "2026-12-04",
    "option_type": "call",
    "strike": 140.0,
    "occ_symbol": "NVDA261204C00140000",
    "multiplier": 100,
    "spot": 140.0,
    "volume": 600.0,
    "open_interest": 100.0,
    "vol_oi_ratio": 6.0,
    "gex": 50.0,
    "flags": "",
    "source": "simulated",
}


def opportunities(*changes: Mapping[str, Any]) -> pd.DataFrame:
    """A `schema.TOP_OPPORTUNITY` frame: a call with 25 + 30 + 20 points, changed as given, row by row."""
    return _frame(TOP_OPPORTUNITY, _OPPORTUNITY, changes)


def skew_rows(*changes: Mapping[str, Any]) -> pd.DataFrame:
    """A `schema.SKEW_ROWS` frame."""
    return _frame(SKEW_ROWS, _SKEW, changes)


def flow(*changes: Mapping[str, Any]) -> pd.DataFrame:
    """A `schema.FLOW` frame."""
    return _frame(FLOW, _FLOW, changes)


def _frame(schema: Schema, base: Mapping[str, Any], changes: tuple[Mapping[str, Any], ...]) -> pd.DataFrame:
    rows = [{**base, **change} for change in changes]
    columns = {}
    for column in schema.columns:
        values = pd.Series([row.get(column.name) for row in rows], dtype="object")
        read = pd.to_datetime(values, utc=column.kind == "instant") if column.kind in ("date", "instant") else values
        columns[column.name] = read.astype(column.dtype)  # type: ignore[call-overload]
    return validate(pd.DataFrame(columns), schema)
