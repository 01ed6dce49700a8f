"""How the flow scans stand: sentiment, coverage, schedule, and what to do before the first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from app.services.flow import FlowScanStatus, Mood, Performance
from app.services.sync import RunState
from app.ui import flow_loaders, formats, loaders, text
from app.ui.frame import guarded
from scanner.calendar import MarketClock
from scanner.model import Mode

_LATE: Final = timedelta(minutes=30)
_NAMED_FAILURES: Final = 6
_FOLLOW_SECONDS: Final = 20.0


def show() -> bool:
    """The line about the latest scan and the next; what to do before the first. Whether there was a scan."""
    status = flow_loaders.status()
    if status.latest is None:
        nothing_yet()
        return False
    _latest(status, status.latest)
    return True


def nothing_yet() -> None:
    """What to do before the first scan, or while the first has found nothing."""
    status = flow_loaders.status()
    if status.latest is not None:
        _latest(status, status.latest)
        st.info("No symbol of the scan is done yet, or all have failed.", title="Nothing found yet")
        return
    simulated = f" {text.BACKFILL}" if loaders.mode() is Mode.SIMULATED else ""
    st.info(f"{text.FLOW_SCANS} {next_line(status, loaders.now())}.{simulated}", title="No flow scan yet")


def follow() -> None:
    """Draw the page again by itself when a scan begins or ends; what was chosen stays."""
    st.fragment(_redraw_when_changed, run_every=_FOLLOW_SECONDS)(_latest_state())


def _redraw_when_changed(drawn: tuple[datetime, str] | None) -> None:
    with guarded():
        if _latest_state() != drawn:
            loaders.data_version.clear()
            st.rerun()


def _latest_state() -> tuple[datetime, str] | None:
    latest = flow_loaders.status().latest
    return None if latest is None else (latest.timestamp, latest.state)


def sentiment() -> None:
    """The market's mood after the latest scan that is over."""
    mood = flow_loaders.sentiment()
    if mood is None:
        st.caption("Market sentiment: unknown until a scan is over.")
        return
    clock, now = loaders.market_clock(), loaders.now()
    with st.grid(5, min_column_width=150):
        st.metric("Market sentiment", formats.words(mood.market_sentiment), border=True, help=_SENTIMENT_HELP)
        st.metric("Mean skew, points", formats.number(mood.avg_skew, "{:+.2f}"), border=True)
        st.metric("Standard deviation", formats.number(mood.stddev), border=True)
        st.metric("Symbols", symbols_line(mood), border=True)
        st.metric("Of the scan", formats.scan_age(mood.timestamp, clock, now), border=True)


_SENTIMENT_HELP: Final = (
    "Of the mean 25-delta skew over symbols, each with its nearest expiration from 5 days on. Above 5 extreme fear, "
    "above 3 elevated fear, above -1 neutral, above -3 bullish, else euphoria."
)


def symbols_line(mood: Mood) -> str:
    """ "42, 2 without skew"."""
    return f"{mood.n:,}" if not mood.without_skew else f"{mood.n:,}, {mood.without_skew:,} without skew"


def _latest(status: FlowScanStatus, latest: Performance) -> None:
    slot, clock, now = latest.timestamp, loaders.market_clock(), loaders.now()
    age = formats.scan_age(slot, clock, now) if clock.is_open else "market closed"
    state = "running" if latest.state == RunState.RUNNING.value else age
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**Scan of {formats.new_york_time(slot, now=now)} New York**", width="content")
        st.badge(state, color="orange" if late(slot, clock, now) else "green" if clock.is_open else "gray")
        words, whole = coverage_line(status.coverage)
        st.markdown(words, width="content")
        if words != whole:
            with st.popover("All failures"):
                st.markdown(whole)
        st.markdown(f"{next_line(status, now)}.", width="content")
    if missed := missed_line(status):
        st.caption(missed)


def late(slot: datetime, clock: MarketClock, now: datetime) -> bool:
    """Whether a scan of this session should have followed. A closed market is never late."""
    return clock.is_open and now - max(slot, clock.opens_at) > _LATE


def coverage_line(coverage: str) -> tuple[str, str]:
    """The coverage with few failures named, and whole."""
    parts = coverage.split(", ")
    if len(parts) <= _NAMED_FAILURES + 1:
        return coverage, coverage
    shown = ", ".join(parts[: _NAMED_FAILURES + 1])
    return f"{shown} and {len(parts) - _NAMED_FAILURES - 1} more", coverage


def next_line(status: FlowScanStatus, now: datetime) -> str:
    """When the next scan is due, or why none comes."""
    if not flow_loaders.scheduled():
        return text.SCHEDULE_OFF
    left = formats.duration((status.next_slot - now).total_seconds())
    line = f"Next scan {formats.new_york_time(status.next_slot, now=now)} New York, in {left}"
    return line if loaders.worker_alive() else f"{line}, if a worker runs then: `{text.WORKER_COMMAND}`"


def missed_line(status: FlowScanStatus) -> str:
    """The slots of the latest session that passed without a scan; empty where there are none."""
    if not status.missed:
        return ""
    times = ", ".join(formats.new_york_time(slot) for slot in status.missed)
    return f"{len(status.missed)} missed in the latest session and not caught up: {times}."
