"""Contracts of `tests.reference.signals` as the frames the product computes with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd

from scanner.schema import PREMIUM
from tests.reference.signals import Contract

EXPIRATION = date(2026, 12, 18)
NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)


_READ = (
    *(
        "symbol",
        "root",
        "expiration",
        "option_type",
        "strike",
        "occ_symbol",
        "multiplier",
        "adjusted",
        "source",
        "spot",
    ),
    *("mid", "forward", "years_to_expiry", "iv", "delta", "gamma", "volume", "open_interest", "moneyness_pct"),
    *("expected_move_usd", "expected_move_pct", "upper_1sd", "lower_1sd"),
    *("quote_grade", "answer_time", "quote_time", "fetched_at"),
)


def facts(
    contracts: Sequence[Contract],
    *,
    symbol: str = "KO",
    root: str | None = None,
    expiration: date = EXPIRATION,
    forward: float = 100.0,
    adjusted: bool = False,
) -> pd.DataFrame:
    """The columns of a `schema.PREMIUM` frame that signals read."""
    name = root or symbol
    columns = [column for column in PREMIUM.columns if column.name in _READ]
    rows = [_row(one, symbol, name, expiration, forward, adjusted) for one in contracts]
    frame = pd.DataFrame(
        {column.name: [row.get(column.name, _blank(column.kind)) for row in rows] for column in columns}
    )
    for column in columns:
        values = frame[column.name]
        frame[column.name] = pd.to_datetime(values, utc=True) if column.kind == "instant" else values
        frame[column.name] = frame[column.name].astype(column.dtype)  # type: ignore[call-overload]
    return frame


def _row(one: Contract, symbol: str, root: str, expiration: date, forward: float, adjusted: bool) -> dict[str, Any]:
    spot = np.nan if one.spot is None else one.spot
    return {
        "symbol": symbol,
        "root": root,
        "expiration": pd.Timestamp(expiration),
        "option_type": one.side,
        "strike": one.strike,
        "occ_symbol": f"{root} {expiration:%y%m%d} {one.side} {one.strike}",
        "multiplier": int(one.multiplier),
        "adjusted": adjusted,
        "source": "made by hand",
        "spot": spot,
        "mid": one.mark,
        "forward": forward,
        "iv": one.iv,
        "delta": one.delta,
        "gamma": one.gamma,
        "volume": one.volume,
        "open_interest": one.interest,
        "moneyness_pct": (one.strike / spot - 1) * 100,
        "quote_grade": "A" if one.clean else "D",
        "answer_time": NOW,
        "quote_time": NOW,
        "fetched_at": NOW,
    }


def _blank(kind: str) -> Any:
    return {"text": "", "flag": False, "integer": 0, "number": np.nan}.get(kind, pd.NaT)
