"""Saved scans: the choice of one, its link, runs, schedule, files, and the comparison of two runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.services.export import premiums_export
from app.services.saved_scans import RunHead, StoredScan
from app.ui import downloads, filters, formats, keys, loaders, results, sorting, text
from app.ui.runtime import services
from scanner.errors import InputError
from scanner.model import RejectionReason
from scanner.saved_scans import ScanDefinition, UniverseKind, from_json
from scanner.scan_comparison import Change, Difference, Place, Verdict

_PREFIX: Final = keys.SAVED_SCANS
_NAME: Final = keys.field(_PREFIX, "name")

PLACES: Final = {
    Place.NO_CHAIN: "no chain of the stock was stored",
    Place.NOT_IN_CHAIN: "not in the stored chain",
    Place.NOT_IN_UNIVERSE: "its stock was not in the universe",
    Place.NOT_THE_BEST: "another contract of its expiration returned more",
    Place.BEYOND_THE_ROWS: "ranked below the rows that are kept",
}


def choose(scans: Sequence[StoredScan]) -> StoredScan | None:
    names = [one.name for one in scans]
    if not names:
        return None
    sizes = [f"{one.runs:,} runs, {one.schedule or 'by hand'}{', watched' if one.watched else ''}" for one in scans]
    name = st.radio("Scans", names, captions=sizes, key=_NAME, bind="query-params")
    return next((one for one in scans if one.name == name), None)


def import_form() -> None:
    """Take over a scan that was exported."""
    with st.popover("Import"), st.form("import_scan", clear_on_submit=True, border=False):
        pasted = st.text_area("JSON of a scan", height=120)
        file = st.file_uploader("or a file", type=["json"])
        if st.form_submit_button("Import", type="primary"):
            content = pasted if file is None else file.getvalue().decode("utf-8", errors="replace")
            try:
                services().saved_scans.import_json(content)
            except InputError as error:
                st.error(f"Nothing was imported: {error}.")
            else:
                st.rerun()


def nothing_yet() -> None:
    st.info(
        "Set filters on the Premium Scanner or the Database Scan and press **Save scan** above the table.",
        title="No scan is saved yet",
    )


def actions(scan: StoredScan) -> None:
    """Run, open, export, delete."""
    service, definition = services().saved_scans, from_json(scan.definition)
    st.markdown(f"**{scan.name}**: {definition.universe}; {describe(definition)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Run now", type="primary"):
            try:
                service.run(scan.scan_id)
            except InputError as error:
                st.error(str(error))
            else:
                st.rerun()
        page, query = address(definition)
        if definition.filters.dte_max <= filters.LONGEST_DTE:
            st.page_link(page, label="Open with these filters", query_params=query)
        st.download_button("Export JSON", scan.definition, f"{scan.name}.json", "application/json", on_click="ignore")
        with st.popover("Delete"):
            st.markdown("The scan and its runs go.")
            if st.button("Delete it", type="primary"):
                service.delete(scan.scan_id)
                st.rerun()


def describe(definition: ScanDefinition) -> str:
    """Filters and order in a line."""
    words = filters.in_words(definition.filters)
    return f"{words}, sorted by {', '.join(definition.sort)}" if definition.sort else words


def address(definition: ScanDefinition) -> tuple[str, dict[str, Any]]:
    """The page that shows the scan, and the parameters of its address."""
    fixed = definition.universe.kind is UniverseKind.SYMBOLS
    prefix = keys.PREMIUM_SCANNER if fixed else keys.DATABASE_SCAN
    query: dict[str, Any] = dict(filters.in_address(prefix, definition.filters))
    for name, values in (("sort", definition.sort), ("columns", definition.columns)):
        if values:
            query[keys.field(prefix, name)] = list(values)
    if fixed:
        query[keys.field(prefix, "symbols")] = list(definition.universe.symbols)
    if definition.universe.watchlist:
        query[keys.UNIVERSE] = definition.universe.watchlist
    return ("pages/premium_scanner.py" if fixed else "pages/database_scan.py"), query


def schedule(scan: StoredScan) -> None:
    """When it runs by itself, and whether entrants are told."""
    title = f"Schedule and alerts: {scan.schedule or 'by hand'}{', watched' if scan.watched else ''}"
    with st.expander(title), st.form(keys.field(_PREFIX, f"schedule_{scan.scan_id}"), border=False):
        when = st.text_input(
            "Run",
            scan.schedule or "",
            placeholder="by hand",
            help="A New York time of every session, as 09:45, or every n minutes of it, as every 30 min. Empty: by "
            "hand. Missed runs are not caught up. A worker runs it, over what is stored then.",
        )
        watched = st.checkbox("Alert when a contract enters", scan.watched, help="Through the targets of alerts.")
        if st.form_submit_button("Save"):
            try:
                services().saved_scans.set_schedule(scan.scan_id, when.strip() or None, watched=watched)
            except InputError as error:
                st.error(str(error))
            else:
                st.rerun()


def runs(scan: StoredScan) -> None:
    """The chosen run with its rows, and what changed since another one."""
    found = services().saved_scans.runs(scan.scan_id)
    if not found:
        st.info("It has not been run yet. Press Run now.")
        return
    labels = {run_label(run): run for run in found}
    left, right = st.columns(2)
    with left:
        chosen = labels[st.selectbox("Run", list(labels), help="Runs are kept for 30 days.")]
    earlier = {label: run for label, run in labels.items() if run.as_of < chosen.as_of}
    with right:
        other = st.selectbox("Compare with", [_NOTHING, *earlier], help="An earlier run of the same scan.")
    st.caption(account(chosen))
    if other in earlier:
        _comparison(services().saved_scans.compare(earlier[other], chosen))
    definition = from_json(chosen.definition)
    result = services().saved_scans.result(chosen)
    if result.rows.empty:
        st.info("No contract passed in this run.")
        return
    result = replace(result, rows=sorting.in_order(result.rows, definition.sort))
    with st.container(horizontal=True):
        downloads.show(
            _PREFIX,
            lambda: premiums_export(result, mode=loaders.mode(), universe=str(definition.universe)),
            name=f"scan-{scan.scan_id}",
            contents="The rows of this run with all fields, the filters, the mode and the age of the quotes.",
        )
    results.rows_table(_PREFIX, result.rows, definition.filters, definition.columns)
    results.contract_detail(_PREFIX, definition.filters.basis)


_NOTHING: Final = "nothing"


def run_label(run: RunHead) -> str:
    when = formats.new_york_time(run.as_of, now=loaders.now(), seconds=True)
    return f"{when}, {run.shown:,} rows{'' if run.due_at is None else ', scheduled'} (run {run.scan_run_id})"


def account(run: RunHead) -> str:
    """What the run looked at."""
    quotes = "no quotes"
    if run.oldest_quote is not None and run.newest_quote is not None:
        now = loaders.now()
        oldest, newest = (formats.new_york_time(one, now=now) for one in (run.oldest_quote, run.newest_quote))
        quotes = f"quotes of {oldest} to {newest} New York from {', '.join(run.sources)}"
    rates = ", ".join(f"{100 * rate:g} %" for rate in run.rates.values())
    stocks = "all stocks" if run.symbols is None else f"{len(run.symbols):,} stocks"
    as_of = formats.new_york_time(run.as_of, now=loaders.now(), seconds=True)
    return (
        f"As of {as_of} New York, {stocks}: {run.fetched:,} contracts = {run.passed:,} passed + "
        f"{sum(run.rejected.values()):,} rejected; {run.shown:,} rows kept; {quotes}; interest rate {rates}."
    )


def _comparison(found: Sequence[Difference]) -> None:
    if not found:
        st.success("Nothing entered, left or moved between these runs.")
        return
    counts = ", ".join(f"{sum(one.change is kind for one in found):,} {kind.value}" for kind in Change)
    st.markdown(f"**{counts}**")
    config = {name: st.column_config.TextColumn(help=words, pinned=name == "Ticker") for name, words in _HELP.items()}
    st.dataframe(
        pd.DataFrame([difference_row(one) for one in found], columns=list(_HELP)),
        hide_index=True,
        column_config=config,
        height=results.table_height(len(found), most=10),
        row_height=results.ROW_HEIGHT,
        alt="What changed between two runs of the scan",
    )


_HELP: Final = {
    "Ticker": "The underlying stock or ETF.",
    "Contract": "OCC symbol.",
    "Change": "Entered: not in the earlier run. Left: not in the later one. Moved: another rank.",
    "Rank": "In the earlier and in the later run, by monthly return.",
    "Why": "Why it is missing from the other run, judged by the chain of that time; or what changed meanwhile.",
}


def difference_row(one: Difference) -> tuple[str, ...]:
    before, now = (formats.UNKNOWN if rank is None else f"{rank:,}" for rank in (one.rank_before, one.rank_now))
    return one.symbol, one.occ_symbol, one.change.value, f"{before} → {now}", why(one)


def why(one: Difference) -> str:
    """The reason in words; unknown where it cannot be told."""
    if one.change is Change.MOVED:
        parts = [
            f"price {formats.signed(one.spot_pct, 2)} %",
            f"IV {formats.signed(one.iv_points, 1)} points",
            f"premium {formats.signed(one.premium, 2)}",
        ]
        return ", ".join(parts) + (f", {-(one.days or 0)} days less" if one.days else "")
    when = "before" if one.change is Change.ENTERED else "now"
    return "unknown" if one.verdict is None else f"{when}: {verdict_words(one.verdict)}"


def verdict_words(verdict: Verdict) -> str:
    return text.REASONS[verdict] if isinstance(verdict, RejectionReason) else PLACES[verdict]
