"""Tells people what is worth telling: once, within limits, and never in the way of a scan."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from app.services import alert_rules
from app.services.alert_rules import Entrants, Facts, Found, Scan, Suspended
from app.services.alert_sender import AlertSender, Delivery
from app.services.flow import FlowService
from app.services.premiums import PremiumService
from app.services.source_report import SourceReportService
from db import alerts
from db.alerts import StoredAlert
from db.engine import Database
from db.flow_reading import OpportunityFilters
from db.saved_scans import WatchedRun
from db.scan_runs import RunState
from db.source_breakers import BreakerState
from scanner.calendar import MarketCalendar
from scanner.errors import InputError, ScannerError
from scanner.model import Mode
from scanner.sources.registry import SourceState

KEPT: Final = timedelta(days=30)
_LINES: Final = 10
"""Alerts told in full in one message; the rest is counted."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """`most_an_hour` messages are sent, not alerts: what waits goes into the next one together.

    `sends`: whether this mode tells anybody anything. `disk`: whose free space is watched, None: of no disk.
    """

    mode: Mode
    least_score: int
    most_an_hour: int
    sends: bool
    flow_scans: bool
    disk: Path | None


@dataclass(frozen=True, slots=True)
class Observed:
    """Where facts come from."""

    flow: FlowService
    premiums: PremiumService
    reports: SourceReportService
    sources: Callable[[], Sequence[SourceState]]
    calendar: MarketCalendar
    watched_scans: Callable[[], Sequence[WatchedRun]] = tuple


class AlertService:
    """`sender()` opens the targets when first needed. Raises InputError where one of them is wrong."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        settings: AlertSettings,
        observed: Observed,
        sender: Callable[[], AlertSender],
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._observed = observed
        self._sender = sender
        self._sending = threading.Lock()

    def kinds(self) -> tuple[str, ...]:
        """The services that are told, as Discord or Email; never their addresses."""
        return self._sender().kinds

    def latest(self, *, limit: int = 50) -> tuple[StoredAlert, ...]:
        """The latest alerts, newest first."""
        with self._database.connection() as connection:
            return alerts.latest(connection, limit=limit)

    def look(self) -> None:
        """See what is worth telling now, and let a thread of its own tell it: targets that hang hold up nobody."""
        found = alert_rules.alerts(self.facts())
        muted = not (self._settings.sends and self._kinds_or_none())
        with self._database.connection() as connection:
            alerts.note(connection, found, now=self._clock(), muted=muted)
        if not muted and not self._sending.locked():
            threading.Thread(target=self._tell_safely, name="alerts", daemon=True).start()

    def tell(self) -> int:
        """Send what waits, in one message; return how many alerts that were. Safe to call from many processes."""
        now = self._clock()
        with self._database.connection() as connection:
            waiting = alerts.claim(connection, now=now, most_an_hour=self._settings.most_an_hour)
        if not waiting:
            return 0
        ids = [one.alert_id for one in waiting]
        done = self._sender().send(*self._message(waiting))
        reached = [one.kind for one in done if one.error is None]
        error = "; ".join(f"{one.kind}: {one.error}" for one in done if one.error) or None
        with self._database.connection() as connection:
            if reached:
                alerts.told(connection, ids, targets=", ".join(reached), error=error, now=now)
            else:
                alerts.not_told(connection, ids, error=error or "no target is set")
        if error:
            logger.warning("alerts did not reach every target", error=error, alerts=len(ids))
        return len(ids) if reached else 0

    def test(self) -> tuple[Delivery, ...]:
        """Send a test message to every target, in any mode. Raises InputError where none is set."""
        sender = self._sender()
        if not sender.kinds:
            raise InputError("no target of alerts is set. Set SCANNER_ALERT_URLS, as discord://... or mailto://...")
        return sender.send(self._subject("Test"), "This is a test of the options scanner's alerts. All is well.")

    def forget_old(self) -> None:
        """Drop what ended more than 30 days ago."""
        with self._database.connection() as connection:
            alerts.drop_before(connection, self._clock() - KEPT)

    def facts(self) -> Facts:
        """What the rules look at, now."""
        now, observed = self._clock(), self._observed
        market = observed.calendar.clock(now)
        scans = observed.flow.scans(limit=2)
        over = next((one for one in scans if one.state != RunState.RUNNING), None)
        disk = shutil.disk_usage(self._settings.disk) if self._settings.disk else None
        return Facts(
            now=now,
            market_open_since=market.opens_at if market.is_open else None,
            newest=self._newest(),
            opportunities=self._opportunities(),
            sources=observed.sources(),
            suspended=[
                Suspended(one.key, one.open_until, f"{one.error_class}: {one.error_message}.")
                for one in observed.reports.breakers()
                if one.state is BreakerState.OPEN
            ],
            scan=None if over is None else Scan(over.timestamp, over.total, over.succeeded),
            entrants=[Entrants(one.scan_run_id, one.name, one.as_of, one.entered) for one in observed.watched_scans()],
            disk_free=disk.free if disk else None,
            disk_total=disk.total if disk else None,
        )

    def _newest(self) -> datetime | None:
        """Of what should be fresh: the flow of half of the stocks where scans are switched on, else quotes."""
        if not self._settings.flow_scans:
            return self._observed.premiums.coverage().newest_quote
        return self._observed.flow.freshness().half_since

    def _opportunities(self) -> list[Found]:
        frame = self._observed.flow.opportunities(
            OpportunityFilters(limit=50, min_composite_score=self._settings.least_score)
        )
        return [_found(row) for row in frame.to_dict("records")]

    def _message(self, waiting: Sequence[StoredAlert]) -> tuple[str, str]:
        if len(waiting) == 1:
            return self._subject(waiting[0].title), waiting[0].body
        lines = [f"* {one.title}\n  {one.body}" for one in waiting[:_LINES]]
        if more := len(waiting) - _LINES:
            lines.append(f"and {more} more, on the page System" if more > 0 else "")
        return self._subject(f"{len(waiting)} alerts"), "\n".join(filter(None, lines))

    def _subject(self, words: str) -> str:
        mode = "" if self._settings.mode is Mode.LIVE else f"{self._settings.mode.value.upper()} DATA: "
        return f"{mode}Options scanner: {words}"

    def _kinds_or_none(self) -> tuple[str, ...]:
        try:
            return self._sender().kinds
        except InputError as error:
            logger.warning("alerts cannot be sent", error=str(error))
            return ()

    def _tell_safely(self) -> None:
        with self._sending:
            try:
                self.tell()
            except ScannerError as error:
                logger.warning("alerts could not be told", error=str(error))


def _found(row: Mapping[Any, Any]) -> Found:
    """A row of a `schema.TOP_OPPORTUNITY` frame."""
    return Found(
        symbol=row["symbol"],
        occ_symbol=row["occ_symbol"],
        contract=f"{row['symbol']} {row['expiration']:%Y-%m-%d} {row['strike']:g} {row['option_type']}",
        composite_score=row["composite_score"],
        parts=(row["whale_points"], row["fresh_points"], row["skew_points"]),
        signal_type=row["signal_type"],
        skew_25d=None if math.isnan(row["skew_25d"]) else row["skew_25d"],
        scanned_at=row["timestamp"].to_pydatetime(),
        source=row["source"],
    )
