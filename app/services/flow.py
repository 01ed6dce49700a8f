"""What flow scans found, and how they fare: read by pages and API."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.services.archive import ArchiveService
from db import flow_reading, flow_runs, run_progress
from db.engine import Database
from db.flow_reading import FlowFreshness, OpportunityFilters
from db.flow_runs import Mood, Performance
from db.run_kinds import FLOW
from db.run_progress import RunProgress
from scanner.calendar import SCAN_EVERY, MarketCalendar, scan_slots
from scanner.quality import QuoteAges, age_cutoffs, quote_ages

__all__ = ["FlowFreshness", "FlowScanStatus", "FlowService", "Mood", "OpportunityFilters", "Performance"]


@dataclass(frozen=True, slots=True)
class FlowScanStatus:
    """The latest scan and the schedule. `missed` are slots of its session that passed without a scan.

    `coverage` is a sentence: `43 of 44, TSLA: rate limited`. `next_slot` is when the next scan is due.
    """

    latest: Performance | None
    coverage: str
    missed: tuple[datetime, ...]
    next_slot: datetime


class FlowService:
    """Reads what is stored. Every row carries the `timestamp` of its scan: a symbol that failed keeps its older one."""

    def __init__(
        self, *, database: Database, clock: Callable[[], datetime], calendar: MarketCalendar, archive: ArchiveService
    ) -> None:
        self._database = database
        self._archive = archive
        self._clock = clock
        self._calendar = calendar

    def opportunities(self, filters: OpportunityFilters = OpportunityFilters()) -> pd.DataFrame:  # noqa: B008 frozen
        """The opportunities of now, best first: a `schema.TOP_OPPORTUNITY` frame."""
        with self._database.connection() as connection:
            return flow_reading.opportunities(connection, filters)

    def earlier_scores(self) -> dict[str, int]:
        """By symbol, of how many scores of the 30 days before its scan the percentile is; 0 where it is unknown."""
        with self._database.connection() as connection:
            return flow_reading.earlier_scores(connection)

    def market_sentiment(self) -> Mood | None:
        """The sentiment of the latest scan that is over; None before the first."""
        with self._database.connection() as connection:
            return flow_runs.latest_mood(connection)

    def sentiment_history(self, *, since: datetime) -> tuple[Mood, ...]:
        """The sentiment of every scan since an instant, ascending."""
        with self._database.connection() as connection:
            return flow_runs.moods(connection, since=since)

    def skew(self, symbols: Sequence[str] | None = None) -> pd.DataFrame:
        """Skew, move, sums and walls of every (root, expiration) now: a `schema.SKEW_ROWS` frame."""
        with self._database.connection() as connection:
            return flow_reading.current_skew(connection, symbols=symbols)

    def skew_history(self, symbol: str, *, since: datetime, expiration: date | None = None) -> pd.DataFrame:
        """The same of one symbol over time, with the change since the scan before: a `schema.SKEW_HISTORY` frame.

        Raises ArchiveError where the span reaches into an archive that cannot be reached.
        """
        if self._archive.holds_skew_since(since):
            return self._archive.skew_history(symbol, since=since, expiration=expiration)
        with self._database.connection() as connection:
            return flow_reading.skew_history(connection, symbol, since=since, expiration=expiration)

    def whale_flows(self, symbols: Sequence[str] | None = None) -> pd.DataFrame:
        """Contracts with whale flow now, largest score first: a `schema.FLOW_ROWS` frame."""
        with self._database.connection() as connection:
            return flow_reading.whale_flows(connection, symbols=symbols)

    def fresh_open_interest(self, symbols: Sequence[str] | None = None) -> pd.DataFrame:
        """Contracts with fresh open interest now, largest score first: a `schema.FLOW_ROWS` frame."""
        with self._database.connection() as connection:
            return flow_reading.oi_flows(connection, new_strikes=False, symbols=symbols)

    def new_strikes(self, symbols: Sequence[str] | None = None) -> pd.DataFrame:
        """Contracts with volume now and none held before, most traded first: a `schema.FLOW_ROWS` frame."""
        with self._database.connection() as connection:
            return flow_reading.oi_flows(connection, new_strikes=True, symbols=symbols)

    def scans(self, *, limit: int = 50, before: datetime | None = None) -> tuple[Performance, ...]:
        """The latest scans with coverage and times, newest first; with `before`, those of earlier slots."""
        with self._database.connection() as connection:
            return flow_runs.performance(connection, limit=limit, before=before)

    def freshness(self) -> FlowFreshness:
        """How new the data of the latest scan's symbols are."""
        with self._database.connection() as connection:
            return flow_reading.freshness(connection)

    def ages(self, quote_time: NDArray[np.datetime64], answer_time: NDArray[np.datetime64]) -> QuoteAges:
        """How old quotes with these UTC times (without a zone, NaT where unknown) are now."""
        now = self._clock()
        return quote_ages(quote_time, answer_time, as_of=now, cutoffs=age_cutoffs(now, self._calendar))

    def progress(self, run_id: int) -> RunProgress | None:
        """Where a scan stands, with its failures; None where there is no such flow scan."""
        with self._database.connection() as connection:
            found = run_progress.progress(connection, run_id, now=self._clock())
        return found if found is not None and found.kind == FLOW else None

    def status(self) -> FlowScanStatus:
        """How the latest scan fared, and when the next is due."""
        now = self._clock()
        scans = self.scans(limit=1)
        latest = scans[0] if scans else None
        progress = self.progress(latest.run_id) if latest else None
        return FlowScanStatus(
            latest=latest,
            coverage="no scan yet" if progress is None else coverage(progress),
            missed=self._missed(now),
            next_slot=next_slot(now, self._calendar),
        )

    def _missed(self, now: datetime) -> tuple[datetime, ...]:
        """Slots of the latest session that passed without a scan, where it had any scan at all."""
        slots = [slot for slot in scan_slots(self._calendar.latest_session(now), self._calendar) if slot <= now]
        if not slots:
            return ()
        with self._database.connection() as connection:
            done = flow_runs.slots_between(connection, slots[0], slots[-1])
        return tuple(slot for slot in slots if slot not in done and done and slot + SCAN_EVERY <= now)


def coverage(progress: RunProgress) -> str:
    """`43 of 44, TSLA: rate limited`; with what is still open while the scan runs."""
    parts = [f"{progress.succeeded} of {progress.total}"]
    if still_open := progress.pending + progress.running:
        parts.append(f"{still_open} not done yet")
    parts += [f"{failure.symbol}: {_in_words(failure.error_class)}" for failure in progress.failures]
    return ", ".join(parts)


def next_slot(now: datetime, calendar: MarketCalendar) -> datetime:
    """The first slot after `now`."""
    today = [slot for slot in scan_slots(calendar.latest_session(now), calendar) if slot > now]
    if today:
        return today[0]
    return scan_slots(calendar.next_session(calendar.latest_session(now)), calendar)[0]


def _in_words(error_class: str) -> str:
    """`RateLimitedError` as `rate limited`."""
    words = re.findall(r"[A-Z][a-z]*", error_class.removesuffix("Error"))
    return " ".join(words).lower() or error_class
