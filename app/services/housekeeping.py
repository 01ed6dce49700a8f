"""What keeps the database small and fast: after a run, and every night."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from app.services.alerts import AlertService
from app.services.archive import ArchiveService
from app.services.consistency import ConsistencyService
from app.services.saved_scans import SavedScanService
from app.services.source_report import SourceReportService
from app.services.volatility_history import VolatilityHistory
from app.services.watchlists import WatchlistService
from db import data_version, partitions, premiums
from db.chain_cache import SharedChainCache
from db.engine import Database
from scanner.calendar import market_date

CHAINS_KEPT: Final = timedelta(hours=1)
"""Chains in the shared cache; far beyond what anybody uses them for."""


class Housekeeping:
    """Called by workers. Everything here may be cut short and repeated."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        source_reports: SourceReportService,
        consistency: ConsistencyService,
        archive: ArchiveService,
        alerts: AlertService,
        watchlists: WatchlistService,
        saved_scans: SavedScanService,
        volatility_history: VolatilityHistory,
    ) -> None:
        self._database = database
        self._clock = clock
        self._source_reports = source_reports
        self._consistency = consistency
        self._archive = archive
        self._alerts = alerts
        self._watchlists = watchlists
        self._saved_scans = saved_scans
        self._volatility_history = volatility_history

    def after_run(self) -> None:
        """Fresh planner statistics and visibility, so that scans read indexes alone; volatilities of the session."""
        with self._database.connection() as connection:
            premiums.vacuum(connection)
        self._volatility_history.record()

    def nightly(self) -> None:
        """Expired contracts leave, the list of top premiums moves on to the new day, stored rows are looked through,
        old days go to the archive."""
        today = market_date(self._clock())
        self._source_reports.forget_old()
        self._alerts.forget_old()
        self._watchlists.forget_deleted()
        self._saved_scans.forget_old()
        SharedChainCache(self._database).drop_before(self._clock() - CHAINS_KEPT)
        with self._database.connection() as connection:
            partitions.drop_expired_premium_partitions(connection, today)
        with self._database.connection() as connection:
            premiums.delete_expired(connection, today=today)
            premiums.refresh_top_premiums(connection, today=today)
            data_version.advance(connection)
        self._consistency.check()
        self._archive.move_old()
        self.after_run()
