"""Scan rows made by hand for tests of what pages do with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from scanner.schema import SCAN, Column, validate

AS_OF: Final = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
"""Friday, 15:00 in New York: one hour before the close."""

_PUT: Final[Mapping[str, Any]] = {
    "root": "AAPL",
    "expiration": "2026-12-18",
    "option_type": "put",
    "strike": 250.0,
    "occ_symbol": "AAPL261218P00250000",
    "multiplier": 100,
    "adjusted": False,
    "bid": 3.10,
    "ask": 3.20,
    "last": 3.15,
    "volume": 812.0,
    "open_interest": 5120.0,
    "vendor_iv": 0.29,
    "quote_time": AS_OF - pd.Timedelta(seconds=12),
    "symbol": "AAPL",
    "source": "simulated",
    "fetched_at": AS_OF,
    "answer_time": AS_OF,
    "previous_expiration": "2026-12-11",
    "next_expiration": "2026-12-24",
    "expiry_instant": datetime(2026, 12, 18, 21, 0, tzinfo=UTC),
    "spot": 262.5,
    "spot_time": AS_OF,
    "mid": 3.15,
    "spread_pct": 3.175,
    "moneyness_pct": -4.762,
    "otm_pct": 4.762,
    "years_to_expiry": 0.0768,
    "rate": 0.043,
    "forward": 263.3,
    "forward_method": "parity_american",
    "iv": 0.288,
    "model": "black_scholes_merton",
    "delta": -0.256,
    "gamma": 0.015,
    "theta": -0.09,
    "vega": 0.24,
    "rho": -0.055,
    "prob_otm": 0.731,
    "prob_touch": 0.52,
    "expected_move_usd": 17.1,
    "expected_move_pct": 6.5,
    "upper_1sd": 283.2,
    "lower_1sd": 243.3,
    "flags": "",
    "quote_grade": "A",
    "grade_reasons": "",
    "price_basis": "bid",
    "premium": 3.10,
    "premium_usd": 310.0,
    "premium_pct": 1.24,
    "collateral_usd": 25_000.0,
    "break_even": 246.9,
    "downside_protection": 5.943,
    "prob_profit": 0.781,
    "strategy": "cash_secured_put",
    "dte": 28,
    "daily_return": 0.0443,
    "monthly_return": 1.3286,
    "annual_return": 16.164,
    "quote_age_seconds": 12.0,
    "age_is_minimum": False,
    "age_state": "fresh",
    "grade": "A",
}

_CALL: Final[Mapping[str, Any]] = {
    "option_type": "call",
    "strike": 275.0,
    "occ_symbol": "AAPL261218C00275000",
    "moneyness_pct": 4.762,
    "delta": 0.291,
    "rho": 0.058,
    "premium_pct": 1.181,
    "collateral_usd": 26_250.0,
    "break_even": 259.4,
    "downside_protection": 1.181,
    "if_called_return": 5.943,
    "strategy": "covered_call",
}

UNKNOWN_FIELDS: Final = tuple(column.name for column in SCAN.columns if column.null)


def put(**changes: Any) -> dict[str, Any]:
    return {**_PUT, **changes}


def call(**changes: Any) -> dict[str, Any]:
    return {**_PUT, **_CALL, **changes}


def unknown(**changes: Any) -> dict[str, Any]:
    """A put of which everything that may be unknown is unknown."""
    return {**_PUT, **dict.fromkeys(UNKNOWN_FIELDS), **changes}


def scan_frame(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """A valid `schema.SCAN` frame of these rows."""
    columns = {column.name: _column([row.get(column.name) for row in rows], column) for column in SCAN.columns}
    return validate(pd.DataFrame(columns), SCAN)


def _column(values: list[Any], column: Column) -> pd.Series:
    if column.kind == "number":
        values = [np.nan if value is None else float(value) for value in values]
    dtype: Any = column.dtype
    return pd.Series(pd.array(values, dtype=dtype))
