"""Tables of unusual flow: which columns, in which order, how they are written and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from app.ui import formats
from scanner.calendar import MarketClock

Config = dict[str, Any]


def _text(label: str, width: int, words: str, *, pinned: bool = False) -> Any:
    return st.column_config.TextColumn(label, width=width, help=words, pinned=pinned)


def _number(label: str, width: int, pattern: str, words: str) -> Any:
    return st.column_config.NumberColumn(label, width=width, help=words, format=pattern)


_CONTRACT: Final[Config] = {
    "symbol": _text("Ticker", 58, "The underlying stock or ETF.", pinned=True),
    "expires": _text("Exp (DTE)", 106, "Expiration date and calendar days to it in New York."),
    "side": _text("Side", 44, "Call or put. Volume does not say who bought."),
    "strike": _number("Strike", 66, "%,.2f", "Strike price, $."),
}

_TRADED: Final[Config] = {
    "whale_score": _number(
        "Whale", 58, "%,.0f", "valr x vol/OI x dollar ratio x 1000, for strikes within 5 % of the price."
    ),
    "vol_oi_ratio": _number("Vol/OI", 54, "%,.1f", "Volume of today over the open interest of the session before."),
    "volume": _number("Volume", 70, "%,.0f", "Contracts traded today, up to the scan."),
    "open_interest": _number("OI", 70, "%,.0f", "Open interest of the session before, contracts."),
    "notional": _number("Traded, $", 92, "%,.0f", "Premium traded: volume x mark x multiplier."),
}

OPPORTUNITY_COLUMNS: Final[Config] = {
    **_CONTRACT,
    "composite_score": st.column_config.ProgressColumn(
        "Score", width=98, format="%d", min_value=0, max_value=100, help="The sum of the three parts beside it."
    ),
    "whale_points": _number("Whale /35", 66, "%d", "Points for the whale score, of 35."),
    "fresh_points": _number("Fresh /35", 66, "%d", "Points for volume over open interest, of 35."),
    "skew_points": _number("Skew /30", 64, "%d", "Points for the skew of the expiration, of 30."),
    "signal": _text("Signal", 104, "The first that matches. Choose a row to read why."),
    "whale_score": _TRADED["whale_score"],
    "vol_oi_ratio": _TRADED["vol_oi_ratio"],
    "skew_25d": _number("Skew", 50, "%+.1f", "25-delta skew of the expiration, vol points: put less call volatility."),
    "implied_move_pct": _number("Move %", 56, "%.1f", "Straddle at the money, % of the price: about 0.8 deviations."),
    "put_wall": _number("Put wall", 66, "%,.2f", "Strike with most put open interest of the expiration."),
    "call_wall": _number("Call wall", 66, "%,.2f", "Strike with most call open interest of the expiration."),
    "score_percentile": _number(
        "Pctl", 44, "%.0f", "How many % of the symbol's own scores of the 30 days before are lower; ties count half."
    ),
    "earlier_scores": _number("of n", 44, "%,d", "How many scores of the symbol the percentile is of."),
    "scan": _text("Scan", 118, "Age of the scan that found the row. Scores grow with the clock."),
    "source": _text("Source", 70, "Where the chain comes from."),
    "underlying_price": _number("Price", 74, "%,.2f", "Stock price at the scan, $."),
    "volume": _TRADED["volume"],
    "open_interest": _TRADED["open_interest"],
    "notional": _TRADED["notional"],
}

WHALE_COLUMNS: Final[Config] = {
    "expires": _CONTRACT["expires"],
    "side": _CONTRACT["side"],
    "strike": _CONTRACT["strike"],
    **_TRADED,
    "valr": _number("valr", 58, "%,.1f", "Volatility adjusted leverage ratio: |delta| x price / mark x IV."),
    "dollar_ratio": _number("$ ratio, %", 76, "%.3f", "Premium traded over $ traded in the stock, in %."),
    "delta": _number("Delta", 58, "%+.2f", "Of the long option per share."),
    "iv": _number("IV", 62, "%.1f %%", "Implied volatility of the mark, our own."),
    "mark": _number("Mark", 62, "%,.2f", "Mid of bid and ask at the scan, $/share."),
}

FRESH_COLUMNS: Final[Config] = {
    "expires": _CONTRACT["expires"],
    "side": _CONTRACT["side"],
    "strike": _CONTRACT["strike"],
    "oi_score": _number(
        "Fresh score", 80, "%,.0f", "vol/OI x premium traded / 1000; from vol/OI 3, strikes within 10 % of the price."
    ),
    **{name: column for name, column in _TRADED.items() if name != "whale_score"},
    "delta": WHALE_COLUMNS["delta"],
    "mark": WHALE_COLUMNS["mark"],
}

NEW_COLUMNS: Final[Config] = {
    name: FRESH_COLUMNS[name] for name in ("expires", "side", "strike", "volume", "notional", "delta", "mark")
}

_FACTORS: Final = {"dollar_ratio": 100.0, "iv": 100.0}


def opportunity_table(
    rows: pd.DataFrame, earlier_scores: Mapping[str, int], clock: MarketClock, now: datetime, today: date
) -> pd.DataFrame:
    """A `schema.TOP_OPPORTUNITY` frame as the columns of `OPPORTUNITY_COLUMNS`: same rows, same order.

    A percentile of no score is unknown.
    """
    counts = rows["symbol"].map(dict(earlier_scores)).astype("float64").replace(0.0, np.nan)
    return _written(
        rows.assign(
            signal=[formats.words(name) for name in rows["signal_type"]],
            earlier_scores=counts,
            scan=[formats.scan_age(slot.to_pydatetime(), clock, now) for slot in rows["timestamp"]],
        ),
        OPPORTUNITY_COLUMNS,
        today,
    )


def flow_table(rows: pd.DataFrame, columns: Config, today: date) -> pd.DataFrame:
    """A `schema.FLOW_ROWS` frame as these columns, expirations ascending, in the order given within each."""
    return _written(rows.sort_values("expiration", kind="stable"), columns, today)


def _written(rows: pd.DataFrame, columns: Config, today: date) -> pd.DataFrame:
    days = (rows["expiration"] - pd.Timestamp(today)).dt.days
    columns_of_text: dict[str, Any] = {
        "expires": [f"{day:%Y-%m-%d} ({left})" for day, left in zip(rows["expiration"], days.tolist(), strict=True)],
        "side": np.where(rows["option_type"] == "put", "Put", "Call"),
    }
    scaled = {name: rows[name] * factor for name, factor in _FACTORS.items() if name in columns}
    return rows.assign(**columns_of_text, **scaled)[list(columns)]
