"""A scan on the page, kept under a name."""

from __future__ import annotations

import streamlit as st

from app.ui import columns, keys, sorting, universe
from app.ui.runtime import services
from scanner.errors import InputError
from scanner.model import PremiumFilters
from scanner.saved_scans import MOST_NAME, ScanDefinition, ScanUniverse, UniverseKind


def show(prefix: str, filters: PremiumFilters, symbols: tuple[str, ...]) -> None:
    """A popover with the name. `symbols` are those chosen one by one, none: the universe of the page."""
    with st.popover("Save scan"), st.form(keys.field(prefix, "save"), clear_on_submit=True, border=False):
        name = st.text_input("Name of the scan", max_chars=MOST_NAME)
        if st.form_submit_button("Save", key=keys.field(prefix, "save_scan"), type="primary"):
            try:
                services().saved_scans.save(
                    ScanDefinition(
                        name, filters, _universe(symbols), tuple(sorting.chosen(prefix)), tuple(columns.chosen(prefix))
                    )
                )
            except InputError as error:
                st.error(str(error))
            else:
                st.success(f"Saved. The page Saved Scans runs, schedules and compares {' '.join(name.split())}.")


def _universe(symbols: tuple[str, ...]) -> ScanUniverse:
    if symbols:
        return ScanUniverse(UniverseKind.SYMBOLS, symbols=symbols)
    chosen = universe.chosen()
    return ScanUniverse() if chosen.symbols is None else ScanUniverse(UniverseKind.LIST, watchlist=chosen.name)
