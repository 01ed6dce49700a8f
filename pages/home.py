"""What to do first, Sync All, and the best cash-secured puts of the moment."""

import streamlit as st

from app.ui import frame, home, keys, loaders, sync_panel, text, universe

frame.require()
wanted = universe.chosen()
coverage = loaders.coverage()
if coverage.empty:
    st.info(text.EMPTY_DATABASE, title="Start here")
sync_panel.all_of(wanted)
if not coverage.empty:
    home.coverage_metrics(coverage)
    home.top_premiums(keys.TOP_PREMIUMS, wanted)
    home.next_steps()
