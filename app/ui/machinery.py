"""Flow scans, workers and their queue on the page System."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from app.services import job_names
from app.services.flow import Performance
from app.services.machinery import AliveWorker, QueueLine
from app.ui import flow_status, formats, loaders
from app.ui.runtime import services

_SCANS: Final = 30

JOBS: Final = {
    job_names.AFTER_RUN_TASK: "Clean up after a run",
    job_names.FLOW_TASK: "Begin a flow scan when it is due",
    job_names.ALERTS_TASK: "Look for alerts",
    job_names.SAVED_SCANS_TASK: "Run saved scans that are due",
    job_names.NIGHTLY_TASK: "Nightly work",
    job_names.REFERENCE_TASK: "Fetch slow facts of stocks",
    job_names.RESUME_TASK: "Resume what was left",
    job_names.PAST_FLOW_TASK: "Flow scan of a past slot",
    job_names.FLOW_SYMBOL_TASK: "Flow scan of a symbol",
    job_names.SYMBOL_TASK: "Sync of a symbol",
}


def scans() -> None:
    """The latest flow scans: when, coverage, time; when the next is due."""
    status, now = services().flow.status(), loaders.now()
    st.markdown(f"{flow_status.next_line(status, now)}. Latest scan: {status.coverage}.")
    if missed := flow_status.missed_line(status):
        st.caption(missed)
    rows = services().flow.scans(limit=_SCANS)
    if rows:
        frame = pd.DataFrame([scan_row(one, now) for one in rows])
        st.dataframe(frame, hide_index=True, alt="The latest flow scans, newest first", height=260)


def scan_row(one: Performance, now: datetime) -> dict[str, str]:
    """One scan in words."""
    failed = f", {one.failed} failed" if one.failed else ""
    return {
        "Slot, New York": formats.new_york_time(one.timestamp, now=now),
        "State": one.state,
        "Symbols": f"{one.succeeded} of {one.total}{failed}",
        "Contracts": f"{one.contracts:,}",
        "Took": formats.UNKNOWN if one.seconds is None else formats.duration(one.seconds),
        "Fetch, ms": formats.number(one.fetch_ms, "{:,.0f}"),
        "Pricing, ms": formats.number(one.price_ms, "{:,.0f}"),
        "Storing, ms": formats.number(one.store_ms, "{:,.0f}"),
        "Most attempts": formats.number(one.most_attempts, "{:,.0f}"),
    }


def workers() -> None:
    """Who works, and what waits."""
    alive, queue = services().machinery.workers(), services().machinery.queue()
    if not alive:
        st.warning("No worker is alive: nothing is fetched. Start one: `python -m app.cli worker`")
    else:
        st.dataframe(
            pd.DataFrame([worker_row(one) for one in alive]), hide_index=True, width="content", alt="Living workers"
        )
    if queue:
        st.dataframe(pd.DataFrame(queue_rows(queue)), hide_index=True, width="content", alt="Jobs in the queue")
    else:
        st.caption("The queue is empty.")


def worker_row(one: AliveWorker) -> dict[str, str]:
    return {
        "Worker": str(one.worker_id),
        "Last sign of life": f"{formats.duration(one.heartbeat_seconds)} ago",
        "Jobs in work": f"{one.in_work:,}",
    }


def queue_rows(queue: Sequence[QueueLine]) -> list[dict[str, str]]:
    """A row for each kind of job."""
    return [
        {
            "Job": JOBS.get(line.task, line.task),
            "Waiting": f"{line.waiting:,}",
            "Later": f"{line.later:,}",
            "In work": f"{line.in_work:,}",
            "Failed, 7 days": f"{line.failed:,}",
        }
        for line in queue
    ]
