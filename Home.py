"""The frame of every page: navigation, mode banner, market clock, age of the data, state of the worker."""

import streamlit as st

from app.ui import frame

frame.configure()
page = st.navigation(
    [
        st.Page("pages/home.py", title="Home", default=True, help="State of the data and the best puts of the moment."),
        st.Page("pages/premium_scanner.py", title="Premium Scanner", help="Rank the contracts of chosen symbols."),
        st.Page("pages/database_scan.py", title="Database Scan", help="The same over everything stored; analytics."),
    ],
    position="top",
)
with frame.guarded():
    frame.header()
    page.run()
