"""Chains written by hand for tests: European quotes around known forwards and volatilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from scanner.model import ChainSnapshot, Mode, UnderlyingQuote
from scanner.schema import CHAIN, validate
from scanner.symbols import occ_symbol
from tests.reference import european
from tests.reference.european import Option

NEW_YORK = ZoneInfo("America/New_York")
IN_SESSION = datetime(2025, 6, 2, 11, 0, tzinfo=NEW_YORK)
JULY = date(2025, 7, 18)
SECONDS_PER_YEAR = 365 * 86_400
RATE = 0.04


def close_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 16, 0, tzinfo=NEW_YORK)


def quotes(
    strikes: Sequence[float],
    *,
    forward: float,
    volatility: float | Callable[[float], float] = 0.3,
    root: str = "AAPL",
    expiration: date = JULY,
    quote_time: datetime | None = IN_SESSION,
    priced_at: datetime = IN_SESSION,
    expires: datetime | None = None,
    half_spread: float = 0.02,
) -> pd.DataFrame:
    """Calls and puts whose mids are Black-76 values (40-digit reference), $/share; a `schema.CHAIN` frame."""
    seconds = ((expires or close_of(expiration)).astimezone(UTC) - priced_at.astimezone(UTC)).total_seconds()
    rows = []
    for strike in strikes:
        own = volatility(strike) if callable(volatility) else volatility
        for option_type in ("call", "put"):
            option = Option(forward, strike, seconds / SECONDS_PER_YEAR, RATE, RATE, own, option_type == "call")
            mid = european.price(option)
            away = min(half_spread, mid / 10)
            rows.append(
                {
                    "root": root,
                    "expiration": expiration,
                    "option_type": option_type,
                    "strike": strike,
                    "occ_symbol": occ_symbol(root, expiration, option_type, strike),  # type: ignore[arg-type]
                    "multiplier": 100,
                    "adjusted": False,
                    "bid": mid - away,
                    "ask": mid + away,
                    "last": np.nan,
                    "volume": np.nan,
                    "open_interest": np.nan,
                    "vendor_iv": np.nan,
                    "quote_time": quote_time,
                }
            )
    return as_chain(pd.DataFrame(rows))


def as_chain(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the declared types of a chain."""
    typed = frame.copy()
    typed["quote_time"] = pd.to_datetime(typed["quote_time"], utc=True)
    typed["expiration"] = pd.to_datetime(typed["expiration"])
    return validate(typed.astype({column.name: column.dtype for column in CHAIN.columns}), CHAIN)


def snapshot(*frames: pd.DataFrame, **changes: Any) -> ChainSnapshot:
    """A snapshot of `frames`; spot 100 quoted with them unless `changes` say otherwise."""
    contracts = pd.concat(frames, ignore_index=True) if frames else CHAIN.empty()
    known: dict[str, Any] = {
        "symbol": "AAPL",
        "source": "test",
        "mode": Mode.RECORDED,
        "fetched_at": IN_SESSION + timedelta(seconds=2),
        "answer_time": IN_SESSION + timedelta(seconds=1),
        "underlying": UnderlyingQuote(bid=99.99, ask=100.01, quote_time=IN_SESSION),
        "listed_expirations": tuple(sorted({day.date() for day in contracts["expiration"]})),
        "contracts": contracts,
    }
    return ChainSnapshot(**{**known, **changes})
