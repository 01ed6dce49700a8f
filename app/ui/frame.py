"""What every page has around it: mode banner, market clock, age of the data, state of the worker, errors."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

import streamlit as st

from app.services.premiums import DataCoverage
from app.services.sync import SyncProgress
from app.ui import formats, loaders, text
from scanner.errors import ScannerError
from scanner.model import Mode

_STRIP_SECONDS = 15

BadgeColour = Literal["green", "gray", "blue", "orange", "red"]


def configure() -> None:
    """Title and width of the browser page. The first call of a run."""
    st.set_page_config(page_title=text.TITLE, layout="wide")


@contextmanager
def guarded() -> Iterator[None]:
    """Show an error of ours with what to do, and end the run there."""
    try:
        yield
    except ScannerError as error:
        show_error(error)
        st.stop()


def show_error(error: ScannerError) -> None:
    st.error(f"{error}\n\n{text.advice(error)}", title="This page cannot be shown")
    st.button("Retry", on_click=loaders.forget, key=f"retry_{type(error).__name__}", type="primary")


def header() -> None:
    """Banner and status line."""
    banner(loaders.mode())
    status()


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
            st.markdown(f"**New York {formats.new_york_time(now)}**", width="content")
            st.badge(f"{sign} {formats.market_clock(clock, now)}", color="green" if clock.is_open else "gray")
            coverage = loaders.coverage()
            st.badge(data_line(coverage, now), color="blue" if coverage.contracts else "orange")
            words, colour = worker_line(loaders.progress())
            st.badge(words, color=colour)


def data_line(coverage: DataCoverage, now: datetime) -> str:
    """Age, extent and source of what is stored."""
    if coverage.empty:
        return "No quotes stored"
    return (
        f"{formats.data_age(coverage.oldest_quote, coverage.newest_quote, now)} · "
        f"{coverage.symbols_with_data:,} of {coverage.symbols:,} stocks · {coverage.contracts:,} contracts · "
        f"{', '.join(coverage.sources)}"
    )


def worker_line(progress: SyncProgress | None) -> tuple[str, BadgeColour]:
    """What the workers do, and the colour of the badge."""
    if progress is None:
        return "No sync yet", "gray"
    if progress.running and not progress.worker_alive:
        return "No worker: sync waits", "red"
    if not progress.worker_alive:
        return "No worker", "orange"
    if progress.running:
        return f"Syncing {progress.done:,} of {progress.total:,}", "blue"
    return "Worker ready", "green"
