"""Saved scans: kept, run by hand or by schedule over what is stored, compared run by run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import pandas as pd
import structlog

from app.services.premiums import PremiumService
from app.services.priced_chains import PricingInputs
from app.services.scan_verdicts import ScanVerdicts
from app.services.watchlists import WatchlistService
from db import data_version, saved_scans
from db.engine import Database
from db.saved_scans import RunHead, StoredScan, WatchedRun
from scanner.errors import InputError, ScannerError
from scanner.model import ScanResult
from scanner.saved_scans import ScanDefinition, UniverseKind, from_json, to_json
from scanner.scan_comparison import Difference, differences, missing
from scanner.scan_schedule import due_run, read_schedule

__all__ = ["RunHead", "SavedScanService", "StoredScan"]

KEPT: Final = timedelta(days=30)
MOST_ROWS: Final = 500
"""Rows of a run that are kept, the best of them."""

logger = structlog.get_logger(__name__)


class SavedScanService:
    """The scans of one user at a time; None is the person at this machine."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Callable[[], datetime],
        inputs: PricingInputs,
        premiums: PremiumService,
        watchlists: WatchlistService,
    ) -> None:
        self._database = database
        self._clock = clock
        self._inputs = inputs
        self._premiums = premiums
        self._watchlists = watchlists
        self._verdicts = ScanVerdicts(database, inputs)

    def scans(self, owner_id: int | None = None) -> tuple[StoredScan, ...]:
        with self._database.connection() as connection:
            return saved_scans.scans(connection, owner_id)

    def save(self, definition: ScanDefinition, owner_id: int | None = None) -> int:
        """Keep a new scan and return its id. Raises InputError for a name that is taken."""
        with self._database.connection() as connection:
            return saved_scans.save(
                connection, definition.name.strip(), to_json(definition), owner_id=owner_id, now=self._clock()
            )

    def import_json(self, text: str, owner_id: int | None = None) -> int:
        """Keep a scan that was exported. Raises InputError for what is none, and for a name that is taken."""
        return self.save(from_json(text), owner_id)

    def set_schedule(self, scan_id: int, schedule: str | None, *, watched: bool, owner_id: int | None = None) -> None:
        """Run it by this schedule, None: by hand alone. `watched`: alert on contracts that enter. Raises InputError."""
        text = None if schedule is None else str(read_schedule(schedule))
        with self._database.connection() as connection:
            saved_scans.find(connection, scan_id, owner_id)
            saved_scans.set_schedule(connection, scan_id, text, watched=watched, owner_id=owner_id, now=self._clock())

    def delete(self, scan_id: int, owner_id: int | None = None) -> None:
        with self._database.connection() as connection:
            saved_scans.delete(connection, scan_id, owner_id=owner_id)

    def run(self, scan_id: int, owner_id: int | None = None) -> int:
        """Run it now over what is stored and keep the run; its id. Raises InputError where its list is gone."""
        with self._database.connection() as connection:
            scan = saved_scans.find(connection, scan_id, owner_id)
        done = self._run(scan, None)
        if done is None:
            raise LookupError("a run by hand is nobody else's")
        return done

    def run_due(self) -> int:
        """Run what is due now; how many. Several workers may ask: each run is kept once. One that fails is logged."""
        now, done = self._clock(), 0
        with self._database.connection() as connection:
            scans = saved_scans.scheduled(connection)
        for scan in scans:
            due = due_run(read_schedule(scan.schedule or ""), now, scan.last_due, self._inputs.calendar)
            if due is None:
                continue
            try:
                done += self._run(scan, due) is not None
            except ScannerError as error:
                logger.warning("saved scan failed", scan=scan.name, error=str(error))
        return done

    def runs(self, scan_id: int, *, limit: int = 200) -> tuple[RunHead, ...]:
        """The runs that are kept, newest first."""
        with self._database.connection() as connection:
            return saved_scans.runs(connection, scan_id, limit=limit)

    def result(self, run: RunHead) -> ScanResult:
        """A run as it was shown; its account of other contracts is in `run.rejected`."""
        with self._database.connection() as connection:
            rows = saved_scans.rows(connection, run.scan_run_id)
        return ScanResult(rows, from_json(run.definition).filters, run.as_of, ())

    def compare(self, before: RunHead, now: RunHead) -> tuple[Difference, ...]:
        """What changed from one run to a later one, with the reason of each contract that is in one of them alone."""
        earlier, later = self.result(before).rows, self.result(now).rows
        return differences(
            earlier,
            later,
            then_absent=self._verdicts.of(missing(later, earlier), before),
            now_absent=self._verdicts.of(missing(earlier, later), now),
        )

    def watched(self) -> tuple[WatchedRun, ...]:
        """The latest runs of watched scans in which contracts entered."""
        with self._database.connection() as connection:
            return saved_scans.watched(connection)

    def forget_old(self) -> None:
        """Drop runs of more than 30 days ago."""
        with self._database.connection() as connection:
            saved_scans.drop_runs(connection, before=self._clock() - KEPT)

    def _run(self, scan: StoredScan, due: datetime | None) -> int | None:
        definition, now = from_json(scan.definition), self._clock()
        symbols = self._symbols(definition, scan.owner_id)
        result = self._premiums.database_scan(definition.filters, as_of=now, limit=MOST_ROWS, symbols=symbols)
        (account,) = self._premiums.database_funnel(definition.filters, as_of=now, symbols=symbols)
        with self._database.connection() as connection:
            before = saved_scans.runs(connection, scan.scan_id, limit=1)
            earlier = saved_scans.rows(connection, before[0].scan_run_id) if before else None
            entered = [] if earlier is None else [occ for _, occ in missing(result.rows, earlier)]
            facts = {
                **_origin(result.rows),
                "scan_id": scan.scan_id,
                "as_of": now,
                "due_at": due,
                "definition": scan.definition,
                "symbols": None if symbols is None else list(symbols),
                "rates": self._rates(),
                "data_version": data_version.current(connection),
                "fetched": account.fetched,
                "passed": account.passed,
                "rejected": {reason.value: count for reason, count in account.rejected.items()},
                "shown": result.shown,
                "entered": entered,
            }
            return saved_scans.add_run(connection, facts, result.rows)

    def _symbols(self, definition: ScanDefinition, owner_id: int | None) -> tuple[str, ...] | None:
        universe = definition.universe
        if universe.kind is UniverseKind.ALL:
            return None
        if universe.kind is UniverseKind.SYMBOLS:
            return universe.symbols
        lists = {one.name: one.watchlist_id for one in self._watchlists.lists(owner_id)}
        if universe.watchlist not in lists:
            raise InputError(f"the watchlist {universe.watchlist} of this scan is gone. Make one of this name again")
        return self._watchlists.symbols(lists[universe.watchlist], owner_id)

    def _rates(self) -> dict[str, float]:
        curve = self._inputs.rates
        return {f"{years:g}": float(rate) for years, rate in zip(curve.years, curve.rates, strict=True)}


def _origin(rows: pd.DataFrame) -> dict[str, Any]:
    times = rows["quote_time"].fillna(rows["answer_time"]).dropna()
    return {
        "oldest_quote": times.min().to_pydatetime() if len(times) else None,
        "newest_quote": times.max().to_pydatetime() if len(times) else None,
        "sources": sorted(set(rows["source"])),
    }
