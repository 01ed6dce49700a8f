"""The symbols of ranked rows as a list: to copy into TradingView, or to keep as a watchlist."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui import keys
from app.ui.runtime import services
from scanner.errors import InputError


def show(prefix: str, symbols: Sequence[str]) -> None:
    """A popover; `symbols` in the order of the rows, repeats included."""
    names = list(dict.fromkeys(symbols))
    with st.popover("As a list", disabled=not names):
        st.markdown(f"**{len(names):,} symbols** in the order of the rows, in TradingView's format:")
        st.code(",".join(names), language=None, wrap_lines=True, height=min(160, 44 + 20 * (len(names) // 12)))
        with st.form(keys.field(prefix, "as_list"), clear_on_submit=True, border=False):
            name = st.text_input("Keep it as a watchlist named", max_chars=100)
            if st.form_submit_button("Keep it", key=keys.field(prefix, "keep_list")):
                _keep(name, names)


def _keep(name: str, symbols: Sequence[str]) -> None:
    try:
        services().watchlists.create_of(name, symbols)
    except InputError as error:
        st.error(str(error))
    else:
        st.success(f"The watchlist {' '.join(name.split())} is made.")
