"""Unusual flow of one stock: tables by expiration, open interest and gamma exposure by strike."""

import streamlit as st

from app.ui import flow_loaders, flow_status, flow_view, frame, keys, text, universe

frame.require()
st.subheader("Flow")
skew = flow_loaders.skew()
listed = universe.chosen().of(skew)
if skew.empty:
    flow_status.nothing_yet()
elif listed.empty:
    universe.nothing_in_it()
else:
    choice = flow_view.choose(keys.FLOW, listed)
    found = flow_loaders.stock(choice.symbol)
    flow_view.origin(choice)
    flow_view.expirations(choice)
    flow_view.charts(choice, found)
    flow_view.tables(choice, found)
    st.caption(text.NO_SIDE)
flow_status.follow()
