"""The parts of the first page."""

from __future__ import annotations

import streamlit as st

from app.services.premiums import DataCoverage
from app.ui import formats, loaders, results
from app.ui.universe import Universe
from scanner.model import PremiumFilters, PriceBasis

_TOP_ROWS = 10


def coverage_metrics(coverage: DataCoverage) -> None:
    """How much is stored and how old it is."""
    clock, now = loaders.market_clock(), loaders.now()
    with st.grid(4, min_column_width=160):
        st.metric("Stocks with quotes", f"{coverage.symbols_with_data:,} of {coverage.symbols:,}", border=True)
        st.metric("Contracts stored", f"{coverage.contracts:,}", border=True)
        st.metric("Newest quote", formats.quote_age(coverage.newest_quote, clock, now), border=True)
        st.metric("Oldest quote", formats.quote_age(coverage.oldest_quote, clock, now), border=True)


def top_premiums(prefix: str, universe: Universe) -> None:
    """The best cash-secured put of each stock at about 30 days."""
    st.subheader("Best puts at 28-35 days")
    st.caption(
        f"Best contract of each stock, delta -0.35 to -0.25, price basis bid, ranked by monthly return; {universe}."
    )
    rows = loaders.top_premiums(_TOP_ROWS, universe.symbols)
    if rows.empty:
        st.info("No stored put has 28 to 35 days and a delta between -0.35 and -0.25. The scanner shows other days.")
        return
    results.rows_table(prefix, rows, PremiumFilters())
    results.contract_detail(prefix, PriceBasis())


def next_steps() -> None:
    with st.container(horizontal=True):
        st.page_link("pages/premium_scanner.py", label="Scan chosen symbols")
        st.page_link("pages/database_scan.py", label="Scan everything stored")
        st.page_link("pages/watchlists.py", label="Watchlists")
        st.page_link("pages/top_opportunities.py", label="Rank unusual flow")
        st.page_link("pages/flow.py", label="Flow of one stock")
        st.page_link("pages/skew_history.py", label="Skew over time")
