"""Scans by name: run, schedule, watch, compare two runs, export and import."""

import streamlit as st

from app.ui import frame, saved_scans
from app.ui.runtime import services

frame.require()
st.subheader("Saved Scans")
scans = services().saved_scans.scans()
left, right = st.columns([2, 8], gap="medium")
with left:
    saved_scans.import_form()
    chosen = saved_scans.choose(scans)
with right:
    if chosen is None:
        saved_scans.nothing_yet()
    else:
        saved_scans.actions(chosen)
        saved_scans.schedule(chosen)
        saved_scans.runs(chosen)
