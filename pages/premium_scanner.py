"""Chosen symbols and filters, ranked contracts, the account of the rest."""

import streamlit as st

from app.ui import filter_form, filters, frame, keys, loaders, results, sync_panel, text, universe

frame.require()
prefix = keys.PREMIUM_SCANNER
wanted = universe.chosen().every
choice = filter_form.show("Premium Scanner", prefix, filters.SCANNER_DEFAULTS, universe=wanted)
if choice.invalid:
    st.warning(f"Not symbols, left out: {', '.join(choice.invalid)}. Write them as AAPL or BRK.B.")
symbols = choice.symbols or wanted
sync_panel.show("Scan now", symbols, help_text=text.SCAN_NOW_HELP)

result = loaders.scan(symbols, choice.filters)
results.show(prefix, result, symbols=choice.symbols)
if result.rows.empty:
    results.nothing_passed(result)
if result.counts:
    results.funnel(result)
