"""Lists of symbols: import, sync, look, scan, export."""

import streamlit as st

from app.ui import frame, keys, loaders, universe, watchlist_table, watchlists
from app.ui.runtime import services

frame.require()
st.subheader("Watchlists")
service = services().watchlists
left, right = st.columns([2, 8], gap="medium")
with left:
    watchlists.new_list()
    chosen = watchlists.choose(service.lists())
with right:
    watchlists.undo()
    if chosen is None:
        watchlists.sync(None, loaders.universe())
        watchlist_table.show(keys.WATCHLISTS, universe.ALL_STOCKS, loaders.universe(), ())
    else:
        symbols = service.symbols(chosen.watchlist_id)
        watchlists.show_report(chosen)
        watchlists.edit(chosen)
        watchlists.sync(chosen, symbols)
        watchlist_table.show(keys.WATCHLISTS, chosen.name, symbols, service.entries(chosen.watchlist_id))
