"""The universe of stocks: what is known and stored of each, and how to add more."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.services.stocks import AddReport
from app.ui import formats, keys, loaders
from app.ui.runtime import services

_ROW_HEIGHT = 30


def overview_table(stocks: pd.DataFrame) -> None:
    """One line per stock: slow facts, contracts stored, age, last error."""
    if stocks.empty:
        st.info("The universe is empty. Add stocks in the tab Add Stocks, then press Sync All.")
        return
    failed = int(stocks["last_error"].notna().sum())
    never = int(stocks["synced_at"].isna().sum())
    st.markdown(f"**{len(stocks):,} stocks**, {never:,} never synced, {failed:,} with an error in their last sync")
    st.dataframe(
        overview_frame(stocks),
        hide_index=True,
        placeholder=formats.UNKNOWN,
        row_height=_ROW_HEIGHT,
        height=min(620, _ROW_HEIGHT * (len(stocks) + 1) + 12),
        column_config={
            "Ticker": st.column_config.TextColumn(width=70, pinned=True),
            "Name": st.column_config.TextColumn(width=230),
            "Sector": st.column_config.TextColumn(width=170),
            "Last": st.column_config.NumberColumn(format="%,.2f", help="Last price of the stock, $."),
            "Change %": st.column_config.NumberColumn(format="%+.2f", help="Against the previous close."),
            "Contracts": st.column_config.NumberColumn(format="%,d", help="Contracts stored now."),
            "Synced": st.column_config.TextColumn(help="Time since its chain was last stored."),
            "Last error": st.column_config.TextColumn(width="large", help="Why the last sync of it failed."),
        },
        alt="Stocks of the universe with their last sync",
    )


def overview_frame(stocks: pd.DataFrame) -> pd.DataFrame:
    """An `OVERVIEW` frame as shown; unknown stays null."""
    earnings = [
        None if day is pd.NaT else f"{day.date()}{'' if state == 'confirmed' else ' (est.)'}"
        for day, state in zip(stocks["next_earnings"], stocks["earnings_state"], strict=True)
    ]
    return pd.DataFrame(
        {
            "Ticker": stocks["symbol"],
            "Name": stocks["name"],
            "Sector": stocks["sector"],
            "Last": stocks["last_price"],
            "Change %": stocks["change_pct"],
            "Next earnings": earnings,
            "Ex-dividend": [None if day is pd.NaT else str(day.date()) for day in stocks["ex_dividend_date"]],
            "Synced": [
                "never" if formats.is_unknown(seconds) else f"{formats.duration(seconds)} ago"
                for seconds in stocks["sync_age_seconds"]
            ],
            "Contracts": stocks["contracts"],
            "Last error": stocks["last_error"],
        }
    )


def add_form() -> None:
    """Paste or load a list; the report says what became of every entry."""
    with st.form("add_stocks", clear_on_submit=True):
        pasted = st.text_area(
            "Symbols",
            key=keys.ADD_TEXT,
            placeholder="AAPL, BRK.B, NYSE:KO",
            help="Separated by commas, blanks or lines; EXCHANGE:SYMBOL and TradingView lists are read too.",
        )
        file = st.file_uploader("or a text or CSV file of symbols", type=["txt", "csv"])
        submitted = st.form_submit_button("Add", type="primary")
    if submitted:
        content = file.getvalue().decode("utf-8", errors="replace") if file is not None else ""
        st.session_state[keys.ADD_REPORT] = services().stocks.add(f"{pasted or ''}\n{content}")
        loaders.forget()
    report = st.session_state.get(keys.ADD_REPORT)
    if report is not None:
        show_report(report)


def show_report(report: AddReport) -> None:
    if not (report.added or report.duplicate or report.invalid):
        st.info("The list was empty. Write at least one symbol.")
    if report.added:
        st.success(f"Added {len(report.added):,}: {', '.join(report.added)}. Press Sync All to fetch their chains.")
    if report.duplicate:
        st.info(f"Already there, {len(report.duplicate):,}: {', '.join(report.duplicate)}")
    if report.invalid:
        st.warning(f"Not symbols, {len(report.invalid):,}: {', '.join(report.invalid)}. Write them as AAPL or BRK.B.")
