"""Skew and volatility over time, smiles, term structure, implied against realised volatility, changes, sentiment."""

import streamlit as st

from app.ui import flow_loaders, flow_status, frame, keys, skew_loaders, skew_view, universe, volatility_view

frame.require()
st.subheader("Skew History")
prefix = keys.SKEW_HISTORY
skew = flow_loaders.skew()
listed = universe.chosen().of(skew)
if skew.empty:
    flow_status.nothing_yet()
elif listed.empty:
    universe.nothing_in_it()
else:
    time = skew_loaders.time(skew["timestamp"].max().to_pydatetime())
    choice = skew_view.choose(prefix, listed, time)
    if not choice.symbols:
        st.info("Choose a symbol.")
    else:
        history, smile, term, volatility, change, mood = st.tabs(
            ["Over time", "Smile", "Term structure", "Volatility", "Changes", "Market sentiment"],
            key=keys.field(prefix, "tab"),
            on_change="rerun",
            bind="query-params",
        )
        if history.open:
            with history:
                skew_view.over_time(prefix, choice, time)
        if smile.open:
            with smile:
                skew_view.smiles(prefix, skew, choice, time)
        if term.open:
            with term:
                skew_view.term_structure(skew, choice)
        if volatility.open:
            with volatility:
                volatility_view.show(prefix, choice.symbols)
        if change.open:
            with change:
                skew_view.changes(choice, time)
        if mood.open:
            with mood:
                skew_view.sentiment(time)
flow_status.follow()
