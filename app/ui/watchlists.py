"""The watchlists of a user: choice, import with its report, changes, sync, export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from app.services.watchlists import ALL_STOCKS, Imported, WatchlistHead
from app.ui import formats, keys, loaders, sync_panel
from app.ui.runtime import services
from scanner.errors import InputError

_LIST: Final = keys.field(keys.WATCHLISTS, "name")
_SHOWN: Final = 50
_COLOURS: Final = {"": "no colour", "🔴": "red", "🟠": "orange", "🟢": "green", "🔵": "blue", "🟣": "violet"}
_FORMATS: Final = (
    "TradingView's format or any list: commas, blanks, lines; EXCHANGE:SYMBOL; ###Section. A CSV needs a column symbol."
)


def choose(lists: Sequence[WatchlistHead]) -> WatchlistHead | None:
    """The lists, and the one that is chosen; None for the computed list of all stocks."""
    names = [ALL_STOCKS, *(one.name for one in lists)]
    sizes = [
        f"{len(loaders.universe()):,} symbols",
        *(f"{one.colour} {one.symbols:,} symbols".strip() for one in lists),
    ]
    if st.query_params.get(_LIST) not in (None, *names):
        st.warning("The list in the address is not there any more.")
    name = st.radio("Lists", names, captions=sizes, key=_LIST, bind="query-params")
    return next((one for one in lists if one.name == name), None)


def new_list() -> None:
    """Name, and a first import if there is something to import."""
    with _popover("New list", icon=":material/add:"), st.form("new_list", clear_on_submit=True, border=False):
        name = st.text_input("Name", max_chars=100)
        pasted = st.text_area("Symbols", placeholder="###Tech,NASDAQ:AAPL,NASDAQ:MSFT", help=_FORMATS)
        file = st.file_uploader("or a file", type=["txt", "csv"])
        if st.form_submit_button("Make the list", type="primary"):
            _make(name, pasted, None if file is None else file.getvalue())


def _make(name: str, pasted: str, content: bytes | None) -> None:
    try:
        watchlist_id = services().watchlists.create(name)
        if content is not None or pasted.strip():
            _import(watchlist_id, pasted, content)
    except InputError as error:
        st.error(str(error))
    else:
        _done()


def _popover(label: str, *, icon: str | None = None) -> Any:
    """A popover that is closed again once something was done in it: it is another one then."""
    return st.popover(label, icon=icon, key=f"{label}_{st.session_state.get(keys.WATCHLIST_CHANGES, 0)}")


def _done() -> None:
    st.session_state[keys.WATCHLIST_CHANGES] = st.session_state.get(keys.WATCHLIST_CHANGES, 0) + 1
    st.rerun()


def _import(watchlist_id: int, pasted: str, content: bytes | None) -> None:
    lists = services().watchlists
    report = lists.import_text(watchlist_id, pasted) if content is None else lists.import_file(watchlist_id, content)
    st.session_state[keys.WATCHLIST_REPORT] = report


def undo() -> None:
    """Offer to take a deletion back."""
    deleted: WatchlistHead | None = st.session_state.get(keys.WATCHLIST_DELETED)
    if deleted is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"The list {formats.quoted(deleted.name)} was deleted.")
        if st.button("Undo"):
            try:
                services().watchlists.restore(deleted.watchlist_id)
            except InputError as error:
                st.error(str(error))
            else:
                del st.session_state[keys.WATCHLIST_DELETED]
                st.rerun()


def show_report(chosen: WatchlistHead) -> None:
    """What became of the last import into this list."""
    report: Imported | None = st.session_state.get(keys.WATCHLIST_REPORT)
    if report is None or report.watchlist_id != chosen.watchlist_id:
        return
    sections = f" and {report.sections:,} sections" if report.sections else ""
    st.success(f"Added {len(report.added):,} symbols{sections}.")
    if report.duplicate:
        named = ", ".join(map(formats.quoted, report.duplicate[:_SHOWN]))
        st.info(f"There already, {len(report.duplicate):,}: {named}")
    if report.others:
        named = ", ".join(f"{formats.quoted(text)} ({reason})" for text, reason in report.others[:_SHOWN])
        st.warning(f"Kept in the list, without options here, {len(report.others):,}: {named}")


def edit(chosen: WatchlistHead) -> None:
    """Import more, change, export, delete."""
    lists = services().watchlists
    with st.container(horizontal=True):
        with _popover("Add symbols"):
            _add(chosen)
        with _popover("Change"):
            _change(chosen)
        st.download_button(
            "Export for TradingView",
            data=lambda: lists.text(chosen.watchlist_id),
            file_name=f"{chosen.name}.txt",
            mime="text/plain",
            on_click="ignore",
            help="Exactly as it was imported, with what was added or taken out since.",
        )
        if st.button("Delete", help="Can be undone."):
            lists.delete(chosen.watchlist_id)
            st.session_state[keys.WATCHLIST_DELETED] = chosen
            st.rerun()


def _add(chosen: WatchlistHead) -> None:
    with st.form("add_to_list", clear_on_submit=True, border=False):
        pasted = st.text_area("Symbols", help=_FORMATS)
        file = st.file_uploader("or a file", type=["txt", "csv"])
        if not st.form_submit_button("Add", type="primary"):
            return
        try:
            _import(chosen.watchlist_id, pasted, None if file is None else file.getvalue())
        except InputError as error:
            st.error(str(error))
        else:
            _done()


def _change(chosen: WatchlistHead) -> None:
    lists, colours = services().watchlists, list(_COLOURS)
    with st.form("change_list", border=False):
        name = st.text_input("Name", chosen.name, max_chars=100)
        place = colours.index(chosen.colour) if chosen.colour in colours else 0
        colour = st.selectbox("Colour", colours, place, format_func=_COLOURS.__getitem__)
        out = st.multiselect("Take out", [one.text for one in lists.entries(chosen.watchlist_id)])
        copy = st.text_input("Copy it under the name", "", max_chars=100)
        if st.form_submit_button("Apply", type="primary"):
            try:
                lists.rename(chosen.watchlist_id, name)
                lists.set_colour(chosen.watchlist_id, colour)
                lists.remove(chosen.watchlist_id, out)
                if copy.strip():
                    lists.copy(chosen.watchlist_id, copy)
            except InputError as error:
                st.error(str(error))
            else:
                _done()
    with st.container(horizontal=True):
        for label, step in (("Move up", -1), ("Move down", 1)):
            if st.button(label):
                lists.move(chosen.watchlist_id, step)
                st.rerun()


def sync(chosen: WatchlistHead | None, symbols: tuple[str, ...]) -> None:
    """Fetch the list now, with progress; and when that was done last."""
    if chosen is None:
        sync_panel.show("Sync All", None, help_text="Fetch the option chains of all stocks.")
        return
    if not symbols:
        st.info("The list has no symbol with options yet. Press Add symbols.")
        return
    sync_panel.show(
        "Sync this list",
        symbols,
        help_text="Fetch the option chains of its symbols. Those that are new join the stocks.",
        start=lambda: services().watchlists.sync(chosen.watchlist_id),
    )
    if chosen.synced_at is None:
        st.caption("Never synced as a list.")
    else:
        ago = formats.duration((loaders.now() - chosen.synced_at).total_seconds())
        st.caption(f"Synced as a list {ago} ago.")
