"""Everything that is stored: overview, new stocks, scan, analytics."""

import streamlit as st

from app.ui import analytics, filter_form, filters, frame, keys, loaders, results, stocks, sync_panel, text

frame.require()
prefix = keys.DATABASE_SCAN
overview, add, scan, analysis = st.tabs(
    ["Overview", "Add Stocks", "Scan Premiums", "Analytics"],
    default="Scan Premiums",
    key=keys.field(prefix, "tab"),
    on_change="rerun",
    bind="query-params",
)

if overview.open:
    with overview:
        sync_panel.show("Sync All", None, help_text=text.SYNC_ALL_HELP)
        stocks.overview_table(loaders.stock_overview())

if add.open:
    with add:
        stocks.add_form()

if scan.open:
    with scan:
        choice = filter_form.show("Everything stored", prefix, filters.DATABASE_DEFAULTS)
        result = loaders.database_scan(choice.filters)
        results.show(prefix, result)
        counted = loaders.with_funnel(result)
        if result.rows.empty:
            results.nothing_passed(counted)
        if counted.counts:
            results.funnel(counted)

if analysis.open:
    with analysis:
        choice = filter_form.show("Analytics", prefix, filters.DATABASE_DEFAULTS, choose_rows=False)
        analytics.show(loaders.database_sample(choice.filters))
