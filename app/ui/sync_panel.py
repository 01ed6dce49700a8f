"""Start a sync and watch it: progress, cancel, resume, failures by class, retry."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from app.log import redact
from app.services.failure_advice import what_to_do
from app.services.sync import SyncProgress
from app.ui import formats, keys, loaders, text
from app.ui.frame import guarded
from app.ui.runtime import services
from app.ui.universe import Universe
from scanner.errors import ScannerError

_POLL_SECONDS = 1.0
_IDLE_POLL_SECONDS = 5.0


Start = Callable[[], int]


def show(label: str, symbols: tuple[str, ...] | None, *, help_text: str, start: Start | None = None) -> None:
    """A button that syncs `symbols` (None: the universe), or does `start`, and the state of the latest run.

    The panel follows runs by itself, whoever started them; when one ends the page is drawn again with its rows.
    """
    with guarded():
        progress = loaders.progress()
        st.session_state[keys.FOLLOWED_SYNC] = _state(progress)
    running = progress is not None and progress.running
    begin = start or (lambda: services().sync.start(symbols))
    st.fragment(_panel, run_every=_POLL_SECONDS if running else _IDLE_POLL_SECONDS)(label, begin, help_text)


def all_of(universe: Universe) -> None:
    """Sync what the page looks at."""
    if universe.symbols is None:
        show("Sync All", None, help_text=text.SYNC_ALL_HELP)
    elif universe.symbols:
        show(f"Sync {universe.name}", universe.symbols, help_text=text.SYNC_LIST_HELP)


def _panel(label: str, start: Start, help_text: str) -> None:
    with guarded():
        progress = loaders.progress()
        _redraw_when_changed(progress)
        _buttons(label, start, help_text, progress)
        if progress is not None and progress.running:
            st.progress(progress.done / progress.total if progress.total else 0.0, text=running_line(progress))
        elif progress is not None and progress.failed:
            st.warning(advice(progress))
        if not loaders.worker_alive():
            st.warning(text.NO_WORKER)
        if keys.SYNC_REFUSED in st.session_state:
            st.warning(st.session_state[keys.SYNC_REFUSED])


def _redraw_when_changed(progress: SyncProgress | None) -> None:
    """Draw the whole page again when a run began, when the first rows are there, and when a run ended."""
    if st.session_state.get(keys.FOLLOWED_SYNC) != _state(progress):
        loaders.data_version.clear()
        st.rerun()


def _state(progress: SyncProgress | None) -> tuple[int | None, bool, bool]:
    if progress is None:
        return None, False, loaders.coverage().empty
    return progress.run_id, progress.running, loaders.coverage().empty


def _do(action: Callable[[], object]) -> None:
    """What a button does, as its callback; why it was refused stays on the page until the next attempt.

    Callbacks run before anything is drawn: no click is lost where the page finds at that moment that it has to be drawn
    again.
    """
    try:
        action()
    except ScannerError as error:
        st.session_state[keys.SYNC_REFUSED] = redact(str(error))
    else:
        st.session_state.pop(keys.SYNC_REFUSED, None)


def _buttons(label: str, start: Start, help_text: str, progress: SyncProgress | None) -> None:
    sync = services().sync
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(label, on_click=_do, args=(start,), key="sync_start", type="primary", help=help_text)
        if progress is None:
            return
        if progress.running:
            st.button("Cancel", on_click=_do, args=(partial(sync.cancel, progress.run_id),), key="sync_cancel")
        else:
            _again(progress)
            st.markdown(ended_line(progress, formats.duration(_seconds_since_end(progress))), width="content")
        if progress.failures:
            _failures(progress)


def _again(progress: SyncProgress) -> None:
    """Buttons for what the latest run left."""
    sync = services().sync
    for left, label, key, action in (
        (progress.cancelled, "Resume", "sync_resume", sync.resume_cancelled),
        (progress.failed, "Retry failed", "sync_retry", sync.retry_failed),
    ):
        if left:
            st.button(f"{label} ({left:,})", on_click=_do, args=(partial(action, progress.run_id),), key=key)


def _seconds_since_end(progress: SyncProgress) -> float:
    return (loaders.now() - (progress.finished_at or progress.started_at)).total_seconds()


def _failures(progress: SyncProgress) -> None:
    with st.popover(failure_line(progress)):
        st.caption("The rows of these symbols stay as they were, with their age.")
        st.dataframe(
            failure_table(progress),
            hide_index=True,
            width=720,
            column_config={"What happened": st.column_config.TextColumn(width="large")},
            alt="Symbols that failed in the latest sync",
        )


def running_line(progress: SyncProgress) -> str:
    """Count, symbols in work, rate and time left of a running sync."""
    parts = [f"{progress.done:,} of {progress.total:,} symbols"]
    if progress.current:
        parts.append("now " + ", ".join(progress.current[:4]))
    if progress.rate_per_second is not None:
        parts.append(f"{progress.rate_per_second:,.1f} symbols/s")
    if progress.seconds_left is not None:
        parts.append(f"{formats.duration(progress.seconds_left)} left")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    return " · ".join(parts)


def ended_line(progress: SyncProgress, ago: str) -> str:
    """How the latest sync ended."""
    parts = [f"{progress.succeeded:,} of {progress.total:,} symbols stored", f"{progress.contracts:,} contracts"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.cancelled:
        parts.append(f"{progress.cancelled:,} cancelled")
    return f"Last sync {progress.state.value} {ago} ago: {', '.join(parts)}"


def failure_line(progress: SyncProgress) -> str:
    """Failures by class, most frequent first."""
    classes = sorted(progress.errors.items(), key=lambda item: (-item[1], item[0]))
    return f"{progress.failed:,} failed: " + ", ".join(f"{name} {number:,}" for name, number in classes)


def advice(progress: SyncProgress) -> str:
    """What to do about the symbols that failed, a line for each class, most frequent first."""
    classes = sorted(progress.errors.items(), key=lambda item: (-item[1], item[0]))
    return "  \n".join(f"**{number:,} of {progress.total:,} failed.** {what_to_do(name)}" for name, number in classes)


def failure_table(progress: SyncProgress) -> pd.DataFrame:
    return pd.DataFrame(
        [(one.symbol, one.error_class, one.message, one.attempts) for one in progress.failures],
        columns=["Symbol", "Class", "What happened", "Attempts"],
    )
