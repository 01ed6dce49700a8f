"""Everything that is stored: overview, new stocks, scan, analytics."""

import streamlit as st

from app.ui import analytics, filter_form, filters, frame, keys, loaders, results, stocks, sync_panel, universe

frame.require()
prefix = keys.DATABASE_SCAN
wanted = universe.chosen()
overview, add, scan, analysis = st.tabs(
    ["Overview", "Add Stocks", "Scan Premiums", "Analytics"],
    default="Scan Premiums",
    key=keys.field(prefix, "tab"),
    on_change="rerun",
    bind="query-params",
)

if overview.open:
    with overview:
        sync_panel.all_of(wanted)
        stocks.overview(prefix, wanted)

if add.open:
    with add:
        stocks.add_form()
        stocks.ready_universes()
        stocks.report()

if scan.open:
    with scan:
        choice = filter_form.show(
            "Everything stored" if wanted.symbols is None else f"Everything stored of {wanted.name}",
            prefix,
            filters.DATABASE_DEFAULTS,
        )
        result = loaders.database_scan(choice.filters, wanted.symbols)
        results.show(prefix, result)
        counted = loaders.with_funnel(result, wanted.symbols)
        if result.rows.empty:
            results.nothing_passed(counted)
        if counted.counts:
            results.funnel(counted)

if analysis.open:
    with analysis:
        choice = filter_form.show("Analytics", prefix, filters.DATABASE_DEFAULTS, choose_rows=False)
        analytics.show(loaders.database_sample(choice.filters, wanted.symbols), wanted.symbols)
