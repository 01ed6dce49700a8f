"""Every setting: what holds, where it comes from, and how to change it."""

import streamlit as st

from app.ui import frame, preferences, settings

frame.require()
st.subheader("Settings")
st.caption(settings.ORDER)
mine, program, secret, place = st.tabs(
    ["Preferences", "Program", "Credentials and alerts", "This installation"],
    key=settings.TAB,
    on_change="rerun",
    bind="query-params",
)
if mine.open:
    with mine:
        preferences.form()
if program.open:
    with program:
        settings.forms()
if secret.open:
    with secret:
        settings.credentials()
if place.open:
    with place:
        settings.installation()
