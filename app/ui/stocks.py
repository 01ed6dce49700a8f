"""The universe of stocks: what is known and stored of each, and how to add more."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from app.services.stocks import AddReport, StockState
from app.ui import formats, keys, loaders
from app.ui.runtime import services
from app.ui.universe import Universe
from scanner.errors import InputError
from scanner.model import EarningsState
from scanner.universes import NAMES, ReadyUniverse, ready_universe

_ROW_HEIGHT: Final = 30


def overview(prefix: str, universe: Universe) -> None:
    """The stocks that were searched for, with what can be done to those that are chosen."""
    every = universe.of(loaders.stock_overview())
    if every.empty:
        st.info("The universe is empty. Add stocks in the tab Add Stocks, then press Sync All.")
        return
    st.markdown(summary_line(every))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            "Search",
            key=keys.field(prefix, "search"),
            placeholder="symbol, company, sector or industry",
            icon=":material/search:",
            width=360,
        )
        inactive = st.toggle("Show inactive", key=keys.field(prefix, "inactive"))
        found = searched(every if inactive else every[every["active"]], words)
        st.markdown(f"{len(found):,} found", width="content")
    if found.empty:
        st.info("No stock is called so. Search for another one, or add it in the tab Add Stocks.")
        return
    _actions(prefix, _table(prefix, found))


def summary_line(stocks: pd.DataFrame) -> str:
    active = stocks[stocks["active"]]
    parts = [f"**{len(active):,} stocks**"]
    counts = {state.value: int((active["state"] == state.value).sum()) for state in StockState}
    counts["with an error in the last sync"] = int(active["last_error"].notna().sum())
    parts += [f"{count:,} {words}" for words, count in counts.items() if count]
    inactive = len(stocks) - len(active)
    return ", ".join(parts) + (f"; {inactive:,} inactive" if inactive else "")


def searched(stocks: pd.DataFrame, words: str) -> pd.DataFrame:
    """The rows in which every word occurs; a symbol that begins with the first comes first."""
    kept = stocks
    for word in words.upper().split():
        hit = pd.Series(False, index=kept.index)
        for column in _SEARCHED:
            hit |= kept[column].str.upper().str.contains(word, regex=False, na=False)
        kept = kept[hit]
    first = words.upper().split()[:1]
    begins = kept["symbol"].str.startswith(first[0]) if first else pd.Series(False, index=kept.index)
    return pd.concat([kept[begins], kept[~begins]]).reset_index(drop=True)


def _table(prefix: str, found: pd.DataFrame) -> list[str]:
    """Draw the rows; the symbols that are chosen in them."""
    shown = overview_frame(found)
    event = st.dataframe(
        shown,
        key=keys.field(prefix, f"stocks_{_fingerprint(found['symbol'])}"),
        hide_index=True,
        placeholder=formats.UNKNOWN,
        row_height=_ROW_HEIGHT,
        height=min(620, _ROW_HEIGHT * (len(shown) + 1) + 12),
        column_config=_COLUMNS,
        on_select="rerun",
        selection_mode="multi-row",
        alt="Stocks of the universe with their last sync",
    )
    return [shown["Ticker"].iloc[row] for row in event["selection"]["rows"] if row < len(shown)]


def _fingerprint(symbols: pd.Series) -> str:
    """Of the rows in their order: a choice of rows, which is by position, must not pass to other stocks."""
    return hashlib.sha256("\n".join(symbols).encode()).hexdigest()[:16]


def _actions(prefix: str, chosen: Sequence[str]) -> None:
    if not chosen:
        st.caption("Choose rows at their left to deactivate, activate or delete stocks.")
        return
    service = services().stocks
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen):,} chosen**", width="content")
        if st.button("Deactivate", help="Sync them no more. What is stored stays, and ages."):
            _done(f"{service.deactivate(chosen):,} deactivated.")
        if st.button("Activate", help="Sync them again."):
            _done(f"{service.activate(chosen):,} activated.")
        with st.popover("Delete"):
            st.markdown(f"Delete {_named(chosen)}? Their current rows go; past scans and the archive stay.")
            if st.button("Delete them", type="primary", key=keys.field(prefix, "delete")):
                try:
                    contracts = service.delete(chosen)
                except InputError as error:
                    st.error(str(error))
                else:
                    _done(f"{len(chosen):,} stocks with {contracts:,} contracts deleted.")


def _named(symbols: Sequence[str], most: int = 12) -> str:
    more = f" and {len(symbols) - most:,} more" if len(symbols) > most else ""
    return f"{', '.join(symbols[:most])}{more}"


def _done(words: str) -> None:
    loaders.forget()
    st.toast(words)
    st.rerun()


_SEARCHED: Final = ("symbol", "name", "sector", "industry")
_COLUMNS: Final = {
    "Ticker": st.column_config.TextColumn(width=70, pinned=True, help="The underlying stock or ETF."),
    "State": st.column_config.TextColumn(help="What the sources said of it. Stored rows say the most."),
    "Name": st.column_config.TextColumn(width=210, help="Company or fund."),
    "Sector": st.column_config.TextColumn(width=150, help="From the source of slow facts."),
    "Industry": st.column_config.TextColumn(width=150, help="From the source of slow facts."),
    "Market cap, $bn": st.column_config.NumberColumn(format="%,.1f", help="Billions of $."),
    "Last": st.column_config.NumberColumn(format="%,.2f", help="Last price of the stock, $."),
    "Change %": st.column_config.NumberColumn(format="%+.2f", help="Against the previous close."),
    "Next earnings": st.column_config.TextColumn(help="(est.): not confirmed. none: a fund."),
    "Ex-dividend": st.column_config.TextColumn(help="Next ex-dividend date, or the last one."),
    "Synced": st.column_config.TextColumn(help="Time since its chain was last stored."),
    "Source": st.column_config.TextColumn(help="Where the stored chain comes from."),
    "Contracts": st.column_config.NumberColumn(format="%,d", help="Contracts stored now."),
    "Last error": st.column_config.TextColumn(width="large", help="Why the last sync of it failed."),
}


def overview_frame(stocks: pd.DataFrame) -> pd.DataFrame:
    """An `OVERVIEW` frame as shown; unknown stays null."""
    earnings = [
        _earnings(None if day is pd.NaT else day.date(), state)
        for day, state in zip(stocks["next_earnings"], stocks["earnings_state"], strict=True)
    ]
    return pd.DataFrame(
        {
            "Ticker": stocks["symbol"],
            "State": stocks["state"].where(stocks["active"], "inactive"),
            "Name": stocks["name"],
            "Sector": stocks["sector"],
            "Industry": stocks["industry"],
            "Market cap, $bn": stocks["market_cap"] / 1e9,
            "Last": stocks["last_price"],
            "Change %": stocks["change_pct"],
            "Next earnings": earnings,
            "Ex-dividend": [None if day is pd.NaT else str(day.date()) for day in stocks["ex_dividend_date"]],
            "Synced": [
                "never" if formats.is_unknown(seconds) else f"{formats.duration(seconds)} ago"
                for seconds in stocks["sync_age_seconds"]
            ],
            "Source": stocks["chain_source"],
            "Contracts": stocks["contracts"],
            "Last error": stocks["last_error"],
        }
    )


def _earnings(day: date | None, state: str) -> str | None:
    if day is None:
        return formats.NO_EARNINGS if state == EarningsState.NONE else None
    return f"{day}{'' if state == EarningsState.CONFIRMED else ' (est.)'}"


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


def report() -> None:
    """What became of the last list."""
    found = st.session_state.get(keys.ADD_REPORT)
    if found is not None:
        show_report(found)


def ready_universes() -> None:
    """Lists of index members, each taken over in one click."""
    with st.container(border=True):
        st.markdown("**Ready universes**")
        name = st.segmented_control("Universe", NAMES, default=NAMES[0], required=True, label_visibility="collapsed")
        ready = ready_universe(str(name))
        st.caption(universe_line(ready))
        with st.container(horizontal=True):
            if st.button(f"Add these {len(ready.symbols):,} to the stocks", key=keys.ADD_UNIVERSE):
                st.session_state[keys.ADD_REPORT] = services().stocks.add_universe(ready.name)
                loaders.forget()
            if st.button("Make a watchlist of it", key=keys.LIST_UNIVERSE):
                try:
                    services().watchlists.create_of(ready.name, ready.symbols)
                except InputError as error:
                    st.warning(str(error))
                else:
                    st.success(f"The watchlist {ready.name} is made. It can be chosen as the universe of every page.")


def universe_line(ready: ReadyUniverse) -> str:
    """How many, from where, of when, and what could not be read."""
    when = "" if ready.as_of is None else f", members as of {formats.day(ready.as_of)}: changes since are not in it"
    lost = f". Not symbols, left out: {', '.join(ready.invalid)}" if ready.invalid else ""
    return f"{len(ready.symbols):,} symbols, from {ready.source}{when}{lost}."


def show_report(report: AddReport) -> None:
    if not (report.added or report.duplicate or report.invalid):
        st.info("The list was empty. Write at least one symbol.")
    if report.added:
        st.success(
            f"Added {len(report.added):,}: {_named(report.added, 60)}. The source is asked whether it knows them; "
            "press Sync All to fetch their chains."
        )
    if report.duplicate:
        st.info(f"Already there, {len(report.duplicate):,}: {_named(report.duplicate, 60)}")
    if report.invalid:
        st.warning(f"Not symbols, {len(report.invalid):,}: {', '.join(report.invalid)}. Write them as AAPL or BRK.B.")
