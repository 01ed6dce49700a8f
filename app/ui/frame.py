"""What every page has around it: mode banner, market clock, age of the data, state of the worker, errors."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

import streamlit as st

from app.log import redact
from app.services.premiums import DataCoverage
from app.services.sync import SyncProgress
from app.ui import formats, keys, loaders, preferences, text, universe
from scanner.calendar import MarketClock
from scanner.errors import ScannerError
from scanner.model import Mode

_STRIP_SECONDS = 15

BadgeColour = Literal["green", "gray", "blue", "orange", "red"]


_READABLE = """<style>
[data-testid="stButtonGroup"] button:is([aria-checked="true"], [aria-pressed="true"]) p,
[data-testid="stSliderThumbValue"] p,
button[role="tab"][aria-selected="true"] p { color: light-dark(#00628F, #7CC4F0); }
[data-testid^="stBaseButton-primary"] kbd { color: #FFFFFF; opacity: 1; }
[data-testid="stCaptionContainer"] { color: light-dark(#56616B, #9AA5AF); opacity: 1; }
</style>"""
"""Streamlit writes these in a theme's primary colour, or a faded one: less than 4.5:1 against what is behind them."""


def configure() -> None:
    """Title, width and legible colours of the browser page. The first call of a run."""
    st.set_page_config(page_title=text.TITLE, layout="wide")
    st.html(_READABLE)


def navigation() -> st.Page:
    """The bar with all pages, and the page that was asked for."""
    return st.navigation(
        [
            st.Page("pages/home.py", title="Home", default=True, help="State of the data, best puts of the moment."),
            st.Page("pages/premium_scanner.py", title="Premium Scanner", help="Rank contracts of chosen symbols."),
            st.Page("pages/database_scan.py", title="Database Scan", help="The same over everything stored."),
            st.Page("pages/saved_scans.py", title="Saved Scans", help="Scans by name: run, schedule, watch, compare."),
            st.Page("pages/watchlists.py", title="Watchlists", help="Lists in TradingView's format."),
            st.Page(
                "pages/top_opportunities.py", title="Top Opportunities", help="Unusual flow, ranked and explained."
            ),
            st.Page("pages/flow.py", title="Flow", help="Whale flow, fresh open interest, walls of one stock."),
            st.Page("pages/skew_history.py", title="Skew History", help="Skew, volatility and smiles over time."),
            st.Page("pages/settings.py", title="Settings", help="Preferences, sources, rates, alerts, retention."),
            st.Page("pages/system.py", title="System", help="Sources: state, calls, quality of their quotes."),
        ],
        position="top",
    )


def require() -> None:
    """Run the page again inside its frame where Streamlit ran it alone. The first call of a page.

    Streamlit takes a folder named `pages` for one of its own until `st.navigation` was called once in the process: a
    link straight to a page, opened first after a start, would show numbers without the banner of their mode.
    """
    if not st.session_state.get(keys.FRAME_DRAWN):
        navigation()
        st.rerun()


@contextmanager
def guarded() -> Iterator[None]:
    """Show an error of ours with what to do, and end the run there."""
    try:
        yield
    except ScannerError as error:
        show_error(error)
        st.stop()


def show_error(error: ScannerError) -> None:
    st.error(f"{redact(str(error))}\n\n{text.advice(error)}", title="This page cannot be shown")
    st.button("Retry", on_click=loaders.forget, key=f"retry_{type(error).__name__}", type="primary")


def header() -> None:
    """Banner and status line."""
    st.session_state[keys.FRAME_DRAWN] = True
    banner(loaders.mode())
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        status()
        universe.choose()


def banner(mode: Mode) -> None:
    """Unmistakable wherever the numbers are not the market's."""
    if mode not in text.BANNERS:
        return
    title, detail = text.BANNERS[mode]
    stripes = "repeating-linear-gradient(135deg,#14202B 0 14px,#F0C419 14px 28px)"
    st.html(
        f'<div role="status" style="background:{stripes};padding:6px 28px;border-radius:4px">'
        '<div style="background:#F0C419;color:#14202B;padding:6px 16px;display:flex;gap:4px 18px;flex-wrap:wrap;'
        'align-items:baseline">'
        f'<strong style="font-size:1.35rem;letter-spacing:.08em">{html.escape(title)}</strong>'
        f"<span>{html.escape(detail)}</span></div></div>"
    )


@st.fragment(run_every=_STRIP_SECONDS)
def status() -> None:
    """Market clock, age of the data and state of the worker in one line; follows the clock by itself."""
    with guarded():
        now, clock = loaders.now(), loaders.market_clock()
        sign = "●" if clock.is_open else "○"
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            own = preferences.own_time(now)
            st.markdown(f"**New York {formats.new_york_time(now)}**{f' · {own}' if own else ''}", width="content")
            st.badge(f"{sign} {formats.market_clock(clock, now)}", color="green" if clock.is_open else "gray")
            coverage = loaders.coverage()
            st.badge(data_line(coverage, clock, now), color="blue" if coverage.contracts else "orange")
            words, colour = worker_line(loaders.progress(), loaders.worker_alive())
            st.badge(words, color=colour)


def data_line(coverage: DataCoverage, clock: MarketClock, now: datetime) -> str:
    """Age, extent and source of what is stored."""
    if coverage.empty:
        return "No quotes stored"
    return (
        f"{formats.data_age(coverage.oldest_quote, coverage.newest_quote, clock, now)} · "
        f"{coverage.symbols_with_data:,} of {coverage.symbols:,} stocks · {coverage.contracts:,} contracts · "
        f"{', '.join(coverage.sources)}"
    )


def worker_line(progress: SyncProgress | None, alive: bool) -> tuple[str, BadgeColour]:
    """What the workers do, and the colour of the badge."""
    running = progress is not None and progress.running
    if not alive:
        return ("No worker: the sync waits", "red") if running else ("No worker", "orange")
    if progress is not None and running:
        return f"Syncing {progress.done:,} of {progress.total:,}", "blue"
    return "Worker ready", "green"
