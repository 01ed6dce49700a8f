"""What the stored premiums look like as a whole."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.ui import charts, loaders, plots, results
from scanner.model import ScanResult


def show(sample: ScanResult, symbols: tuple[str, ...] | None) -> None:
    """Sector by days, return over delta, yield by days, of the contracts that pass the filters."""
    rows = sample.rows
    if rows.empty:
        results.nothing_passed(loaders.with_funnel(sample, symbols))
        return
    st.markdown(sample_line(rows))
    st.subheader("Median annual return by sector and days to expiration")
    plots.show(charts.sector_heat_map(rows, loaders.sectors(rows["symbol"])), alt="Return by sector and days")
    left, right = st.columns(2)
    with left:
        st.subheader("Annual return against delta")
        plots.show(charts.delta_return(rows), alt="Annual return over absolute delta")
    with right:
        st.subheader("Monthly return by days to expiration")
        plots.show(charts.yield_by_dte(rows), alt="Monthly return by days to expiration")


def sample_line(rows: pd.DataFrame) -> str:
    """What the charts are made of; says when it is a part only."""
    line = f"**{len(rows):,} contracts** of {rows['symbol'].nunique():,} stocks pass the filters."
    if len(rows) >= loaders.SAMPLE_ROWS:
        line += " Only the best by monthly return are drawn: narrow the filters to see all of them."
    return line
