"""The seller's table: which columns, in which order, how they are written and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import streamlit as st

from app.ui import formats, text
from scanner.model import EarningsState, ReferenceData, Strategy

EX_DIVIDEND_BEFORE_EXPIRY: Final = "ex-div before expiry"
EARLY_ASSIGNMENT_LIKELY: Final = "likely: time value < dividend"


@dataclass(frozen=True, slots=True)
class SellerColumn:
    """A column as shown. `factor` converts the stored unit; `pattern` is a printf pattern of a number."""

    name: str
    label: str
    width: int
    help: str
    pattern: str | None = None
    factor: float = 1.0
    align: Literal["left", "right"] = "right"


SELLER_COLUMNS: Final = (
    SellerColumn("symbol", "Ticker", 66, "The underlying stock or ETF.", align="left"),
    SellerColumn("spot", "Price", 72, "Stock price at the time of the quotes: mid, else last trade.", "%,.2f"),
    SellerColumn("expiration", "Exp (DTE)", 118, "Expiration date and calendar days to it in New York.", align="left"),
    SellerColumn("side", "Side", 48, "Put: cash-secured put. Call: covered call.", align="left"),
    SellerColumn("strike", "Strike", 70, "Strike price, $.", "%,.2f"),
    SellerColumn("otm_pct", "% OTM", 62, "Distance of the strike from the price: put 1 - K/S, call K/S - 1.", "%.1f"),
    SellerColumn("bid", "Bid", 58, "Best bid, $/share.", "%,.2f"),
    SellerColumn("ask", "Ask", 58, "Best ask, $/share.", "%,.2f"),
    SellerColumn("spread_pct", "Spread %", 70, "(ask - bid) / mid x 100.", "%.1f"),
    SellerColumn("premium", "Premium", 70, "What the seller gets under the chosen price basis, $/share.", "%,.2f"),
    SellerColumn(
        "break_even", "Break-even", 80, "Put: strike - premium. Covered call: stock price - premium.", "%,.2f"
    ),
    SellerColumn("delta", "Delta", 58, "Of the long option per share, from the strike's own volatility.", "%+.2f"),
    SellerColumn(
        "prob_otm",
        "Prob. OTM",
        76,
        "Risk-neutral probability to expire worthless: N(d2) for puts, N(-d2) for calls.",
        "%.1f %%",
        100,
    ),
    SellerColumn(
        "prob_profit",
        "Prob. profit",
        82,
        "Risk-neutral probability that the stock ends above the break-even: N(d2) at the break-even.",
        "%.1f %%",
        100,
    ),
    SellerColumn("premium_pct", "Return %", 70, "Put: premium / strike. Covered call: premium / price. x 100.", "%.2f"),
    SellerColumn("monthly_return", "Monthly %", 76, "Return % / DTE x 30, simple. The list is ranked by it.", "%.2f"),
    SellerColumn("annual_return", "Annual %", 72, "Return % / DTE x 365, simple.", "%.1f"),
    SellerColumn("iv", "IV", 62, "Implied volatility of the mid, our own computation.", "%.1f %%", 100),
    SellerColumn("volume", "Volume", 68, "Contracts traded today.", "%,.0f"),
    SellerColumn("open_interest", "OI", 68, "Open interest of the previous session, contracts.", "%,.0f"),
    SellerColumn(
        "next_earnings",
        "Next earnings",
        120,
        "Next earnings date, none for funds; (est.): an estimate. A ! stands where it comes before expiration.",
        align="left",
    ),
    SellerColumn("ex_dividend", "Ex-dividend", 110, "Ex-dividend date; (past) where it is the last one.", align="left"),
    SellerColumn(
        "collateral_usd", "Collateral", 84, "Put: strike x multiplier. Covered call: price x multiplier. $.", "%,.0f"
    ),
    SellerColumn("source", "Source", 82, "Where the quotes come from.", align="left"),
    SellerColumn("age", "Age", 134, "Time since the quote; closed: the last session's closing quotes.", align="left"),
    SellerColumn("grade", "Grade", 54, text.GRADE_HELP, align="left"),
    SellerColumn(
        "if_called_return",
        "If called %",
        76,
        "Covered call exercised at expiration: (strike - price + premium) / price x 100.",
        "%.2f",
    ),
    SellerColumn(
        "early_assignment",
        "Early assignment",
        170,
        "Covered call with an ex-dividend date before expiration: likely where the time value of the mid is below the "
        "dividend.",
        align="left",
    ),
)

_CALL_ONLY: Final = frozenset(("if_called_return", "early_assignment"))


def shown_columns(strategies: Sequence[Strategy]) -> list[str]:
    """Names in display order: the side only where both are scanned, two columns only for covered calls."""
    calls = Strategy.COVERED_CALL in strategies
    return [
        column.name
        for column in SELLER_COLUMNS
        if (column.name not in _CALL_ONLY or calls) and (column.name != "side" or len(strategies) > 1)
    ]


def column_config() -> dict[str, Any]:
    """Streamlit's configuration of every seller's column."""
    return {column.name: _config(column) for column in SELLER_COLUMNS}


def _config(column: SellerColumn) -> Any:
    pinned = column.name == "symbol"
    if column.pattern is None:
        return st.column_config.TextColumn(
            column.label, width=column.width, help=column.help, pinned=pinned, alignment=column.align
        )
    return st.column_config.NumberColumn(column.label, width=column.width, help=column.help, format=column.pattern)


def seller_table(rows: pd.DataFrame, reference: Mapping[str, ReferenceData], today: date) -> pd.DataFrame:
    """A `schema.SCAN` frame as the seller reads it: one row per contract in the same order, unknown stays null.

    Numbers stay numbers (percentages in percent); expirations and ages become text. `today` is the New York date.
    """
    known = [reference.get(symbol) for symbol in rows["symbol"]]
    columns: dict[str, Any] = {
        column.name: rows[column.name].to_numpy() * column.factor
        for column in SELLER_COLUMNS
        if column.pattern is not None
    }
    expirations = [instant.date() for instant in rows["expiration"]]
    columns |= {
        "symbol": rows["symbol"].to_numpy(),
        "expiration": [
            f"{expiration} ({dte})" for expiration, dte in zip(expirations, rows["dte"].tolist(), strict=True)
        ],
        "side": np.where(rows["option_type"].to_numpy() == "put", "Put", "Call"),
        "next_earnings": [earnings(facts, day) for facts, day in zip(known, expirations, strict=True)],
        "ex_dividend": [ex_dividend(facts, today) for facts in known],
        "source": rows["source"].to_numpy(),
        "age": ages(rows),
        "grade": rows["grade"].to_numpy(),
        "early_assignment": early_assignments(rows, known, today),
    }
    return pd.DataFrame(columns, index=rows["occ_symbol"].to_numpy())[[column.name for column in SELLER_COLUMNS]]


def ages(rows: pd.DataFrame) -> list[str]:
    """The age of every row as text."""
    names = ("quote_age_seconds", "age_is_minimum", "age_state", "quote_time", "answer_time")
    return [_age(*values) for values in zip(*(rows[name] for name in names), strict=True)]


def age_of(row: pd.Series) -> str:
    """The age of one row as text."""
    return _age(
        row["quote_age_seconds"], row["age_is_minimum"], row["age_state"], row["quote_time"], row["answer_time"]
    )


def _age(seconds: float, minimum: bool, state: str, quote_time: pd.Timestamp, answer_time: pd.Timestamp) -> str:
    at = answer_time if formats.is_unknown(quote_time) else quote_time
    effective = None if formats.is_unknown(at) else at.to_pydatetime()
    return formats.age(seconds, minimum=minimum, state=state, at=effective)


def earnings(facts: ReferenceData | None, expiration: date) -> str | None:
    """The next earnings date with its state, and a ! where it comes on or before the expiration."""
    if facts is None or facts.next_earnings is None:
        return formats.NO_EARNINGS if facts and facts.earnings_state is EarningsState.NONE else None
    estimated = " (est.)" if facts.earnings_state is not EarningsState.CONFIRMED else ""
    return f"{facts.next_earnings}{estimated}{' !' if facts.next_earnings <= expiration else ''}"


def ex_dividend(facts: ReferenceData | None, today: date) -> str | None:
    if facts is None or facts.ex_dividend_date is None:
        return None
    return f"{facts.ex_dividend_date}{' (past)' if facts.ex_dividend_date < today else ''}"


def early_assignments(rows: pd.DataFrame, known: Sequence[ReferenceData | None], today: date) -> list[str | None]:
    """For covered calls whether an ex-dividend date invites early exercise; None where unknown or not a call.

    Exercise before an ex-dividend date pays where the time value given up is less than the dividend (Hull, "Options,
    Futures and Other Derivatives", chapter on American options and dividends).
    """
    time_value = rows["mid"].to_numpy() - np.maximum(rows["spot"].to_numpy() - rows["strike"].to_numpy(), 0.0)
    return [
        _early_assignment(facts, expiration.date(), today, value) if option_type == "call" else None
        for facts, expiration, option_type, value in zip(
            known, rows["expiration"], rows["option_type"], time_value.tolist(), strict=True
        )
    ]


def _early_assignment(facts: ReferenceData | None, expiration: date, today: date, time_value: float) -> str | None:
    if facts is None or facts.ex_dividend_date is None or facts.ex_dividend_date < today:
        return None
    if facts.ex_dividend_date > expiration:
        return "no"
    likely = facts.dividend_amount is not None and time_value < facts.dividend_amount
    return EARLY_ASSIGNMENT_LIKELY if likely else EX_DIVIDEND_BEFORE_EXPIRY
