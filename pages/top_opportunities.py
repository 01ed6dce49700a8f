"""Contracts with unusual flow, ranked by their score, with the reasons."""

import streamlit as st

from app.ui import (
    flow_loaders,
    flow_status,
    formats,
    frame,
    keys,
    opportunities,
    opportunity,
    opportunity_filters,
    text,
    universe,
)

frame.require()
prefix = keys.TOP_OPPORTUNITIES
among = universe.chosen()
st.subheader("Top Opportunities")
wanted = opportunity_filters.show(
    prefix, symbols=among.of_names(flow_loaders.scanned_symbols()), expirations=flow_loaders.opportunity_expirations()
)
if wanted.invalid:
    named = ", ".join(map(formats.quoted, wanted.invalid))
    st.warning(f"Not symbols, left out: {named}. Write them as AAPL or BRK.B.")


@st.fragment(run_every=20)
def board() -> None:
    """Follows the scans by itself; filters, choice and place in the table stay."""
    with frame.guarded():
        if flow_status.show():
            flow_status.sentiment()
            found = flow_loaders.opportunities(among)
            opportunities.show(prefix, found, wanted)
            opportunity.show(prefix, found.rows)


board()
st.caption(text.NO_SIDE)
