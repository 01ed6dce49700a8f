"""The ranked table of opportunities with its summary, CSV, and what to do when it is empty."""

from __future__ import annotations

from datetime import date

import pandas as pd
import streamlit as st

from app.ui import downloads, flow_loaders, flow_tables, loaders, results, text
from app.ui.flow_loaders import Opportunities
from app.ui.opportunity_filters import Wanted, passing


def show(prefix: str, found: Opportunities, wanted: Wanted) -> None:
    """What passes the filters, best first; a click chooses a contract."""
    rows = passing(found.rows, wanted)
    _summary(prefix, rows, len(found.rows), wanted)
    if found.rows.empty:
        st.info(f"No contract has {text.OPPORTUNITY}: nothing unusual was traded.", title="No opportunities")
    elif rows.empty:
        st.info("Lower the minimum score, or clear the other filters.", title="No opportunity passes these filters")
    else:
        shown = flow_tables.opportunity_table(
            rows,
            found.earlier_scores,
            loaders.market_clock(),
            loaders.now(),
            date.fromisoformat(loaders.today()),
        )
        results.selectable_table(
            prefix,
            rows,
            shown,
            column_config=flow_tables.OPPORTUNITY_COLUMNS,
            alt="Ranked opportunities, best score first",
        )


def _summary(prefix: str, rows: pd.DataFrame, total: int, wanted: Wanted) -> None:
    cut = "the best " if total >= flow_loaders.MOST_ROWS else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{len(rows):,} of {cut}{total:,} opportunities**: contracts with {text.OPPORTUNITY}", width="content"
        )
        downloads.show(
            prefix,
            lambda: flow_loaders.export_of(rows, str(wanted)),
            name="opportunities",
            contents="These rows with all fields, the filters, the mode, the source and the time of each scan.",
            disabled=rows.empty,
        )
