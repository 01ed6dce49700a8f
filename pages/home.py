"""What to do first, Sync All, and the best cash-secured puts of the moment."""

import streamlit as st

from app.ui import frame, home, keys, loaders, sync_panel, text

frame.require()
coverage = loaders.coverage()
if coverage.empty:
    st.info(text.EMPTY_DATABASE, title="Start here")
sync_panel.show("Sync All", None, help_text=text.SYNC_ALL_HELP)
if not coverage.empty:
    home.coverage_metrics(coverage)
    home.top_premiums(keys.TOP_PREMIUMS)
    home.next_steps()
