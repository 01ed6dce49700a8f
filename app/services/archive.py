"""Days older than is kept leave the database for Parquet files, and questions that reach further back read both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import structlog

from db.archive import days, reading
from db.archive.days import ArchivedDay
from db.archive.moving import Kept, move
from db.archive.place import open_place
from db.engine import Database
from scanner.errors import ArchiveError

__all__ = ["ArchiveReport", "ArchiveService"]

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """What one night did. `problem` says why days stay that should have gone; None: all is well."""

    moved: tuple[ArchivedDay, ...] = ()
    kept: tuple[Kept, ...] = ()
    problem: str | None = None


class ArchiveService:
    """`location`: a folder, `s3://bucket/folder`, or None: nothing leaves the database then."""

    def __init__(
        self, *, database: Database, clock: Callable[[], datetime], location: str | None, keep: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._location = location
        self._keep = keep

    def move_old(self) -> ArchiveReport:
        """Move every whole UTC day older than is kept; called at night, may be cut short and repeated."""
        now = self._clock()
        before = (now - self._keep).astimezone(UTC).date()
        with self._database.connection() as connection:
            old = [(table, day) for table in days.TABLES for day in days.old_days(connection, table, before=before)]
            owner = days.owner(connection)
            fresh = not any(days.archived(connection, table) for table in days.TABLES)
        if not old:
            return ArchiveReport()
        if self._location is None:
            return _told(ArchiveReport(problem=f"{len(old)} old days stay: SCANNER_ARCHIVE names no place for them"))
        done: list[ArchivedDay | Kept] = []
        problem = None
        try:
            place = open_place(self._location)
            place.check_owner(owner, new=fresh)
            for table, day in old:
                done.append(move(self._database, place, table, day, now=now))
        except ArchiveError as error:
            problem = str(error)
        moved = tuple(one for one in done if isinstance(one, ArchivedDay))
        return _told(ArchiveReport(moved, tuple(one for one in done if isinstance(one, Kept)), problem))

    def holds_skew_since(self, since: datetime) -> bool:
        """Whether a skew history that begins at `since` reaches into the archive."""
        return reading.reaches(self._database, "skew_metrics", since)

    def skew_history(self, symbol: str, *, since: datetime, expiration: date | None = None) -> pd.DataFrame:
        """`FlowService.skew_history` over database and archive. Raises ArchiveError where that cannot be reached."""
        place = None if self._location is None else open_place(self._location)
        return reading.skew_history(self._database, place, symbol, since=since, expiration=expiration)


def _told(report: ArchiveReport) -> ArchiveReport:
    for one in report.moved:
        logger.info("day archived", table=one.table_name, day=one.day, rows=one.rows, bytes=one.bytes)
    for kept in report.kept:
        logger.info("old day stays", table=kept.table_name, day=kept.day, reason=kept.reason)
    if report.problem:
        logger.warning("old days are not archived", reason=report.problem)
    return report
