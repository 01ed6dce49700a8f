"""Flow scans begun by the periodic schedule of real worker processes, on a clock that a test sets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.bootstrap import Services, build
from app.services.flow_scan import OVERTAKEN_AFTER
from app.settings import PROJECT_FOLDER, load_settings
from scanner.model import Mode
from tests.patience import wait_for

pytestmark = pytest.mark.slow

QUARTER = timedelta(minutes=15)
SLOT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SYMBOLS = ("AAPL", "KO", "SPY", "TSLA")


@dataclass
class Schedule:
    """A database, a folder, and the clock of the workers that work on them."""

    services: Services
    dsn: str
    folder: Path

    @property
    def clock_file(self) -> Path:
        return self.folder / "clock"

    def set_clock(self, now: datetime) -> None:
        new = self.folder / "clock.new"
        new.write_text(now.isoformat(), encoding="ascii")
        new.replace(self.clock_file)

    @contextmanager
    def worker(self, fault: str = "", symbols: tuple[str, ...] = SYMBOLS) -> Iterator[subprocess.Popen[bytes]]:
        environment = {
            **os.environ,
            "DATABASE_URL": self.dsn,
            "SCANNER_MODE": "simulated",
            "SCANNER_DATA_DIR": str(self.folder),
            "SCANNER_FLOW_SYMBOLS": ",".join(symbols),
            "SCANNER_WORKER_THREADS": "2",
        }
        command = [sys.executable, "-m", "tests.integration.app.flow_worker", str(self.clock_file), fault]
        with (
            (self.folder / "worker.log").open("ab") as log,
            subprocess.Popen(
                command, cwd=PROJECT_FOLDER, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def scans(self) -> list[tuple[str, int, int, str]]:
        """(slot in UTC, symbols that succeeded, that failed, state), oldest first."""
        return [
            (f"{scan.timestamp:%H:%M}", scan.succeeded, scan.failed, scan.state)
            for scan in reversed(self.services.flow.scans(limit=100))
        ]

    def finished(self) -> int:
        return sum(state == "finished" for *_, state in self.scans())

    def asked_again(self, times: int = 2) -> None:
        """Wait until the workers' schedule has asked for a due scan and been done with it, `times` more times."""
        first = self._asked()
        wait_for(lambda: self._asked() >= first + times, "another question of the schedule")

    def _asked(self) -> int:
        with self.services.database.connection() as connection:
            row = connection.execute(
                "select coalesce(max(defer_timestamp), 0) from procrastinate_periodic_defers "
                "where task_name = 'begin_flow_scan'"
            ).fetchone()
        return 0 if row is None else int(row[0])


@pytest.fixture
def schedule(database_dsn: str, tmp_path: Path) -> Iterator[Schedule]:
    services = build(load_settings(mode=Mode.SIMULATED, data_dir=tmp_path, DATABASE_URL=database_dsn))
    yield Schedule(services, database_dsn, tmp_path)
    services.close()


@pytest.mark.parametrize(
    ("opens", "count"),
    [(datetime(2026, 11, 20, 14, 30, tzinfo=UTC), 26), (datetime(2026, 11, 27, 14, 30, tzinfo=UTC), 14)],
    ids=["full session", "half-day"],
)
def test_a_worker_begins_every_slot_of_a_session_once_and_none_outside(
    schedule: Schedule, opens: datetime, count: int
) -> None:
    slots = [opens + QUARTER * number for number in range(1, count + 1)]
    schedule.set_clock(slots[0] - timedelta(seconds=1))
    with schedule.worker(symbols=("SPY",)):
        schedule.asked_again()
        assert schedule.scans() == []
        for number, slot in enumerate(slots, start=1):
            schedule.set_clock(slot + timedelta(seconds=5))
            wait_for(lambda wanted=number: schedule.finished() == wanted, f"the scan of {slot}")  # type: ignore[misc]
        for closed in (slots[-1] + QUARTER, slots[-1] + timedelta(hours=6)):
            schedule.set_clock(closed)
            schedule.asked_again()
    assert schedule.scans() == [(f"{slot:%H:%M}", 1, 0, "finished") for slot in slots]


@pytest.mark.parametrize(
    "closed", [datetime(2026, 11, 26, 16, 0, tzinfo=UTC), datetime(2026, 11, 28, 16, 0, tzinfo=UTC)]
)
def test_a_worker_begins_nothing_on_a_day_without_session(schedule: Schedule, closed: datetime) -> None:
    schedule.set_clock(closed)
    with schedule.worker():
        schedule.asked_again(3)
    assert schedule.scans() == []


def test_a_slot_is_begun_once_while_its_scan_runs_and_a_killed_worker_loses_nothing(schedule: Schedule) -> None:
    schedule.set_clock(SLOT)
    begun = [("15:00", len(SYMBOLS) - 1, 0, "running")]
    with schedule.worker("TSLA") as process:
        wait_for(lambda: schedule.scans() == begun, "all but one of the scan")
        schedule.asked_again()
        process.kill()
        process.wait()
    assert schedule.scans() == begun
    with schedule.worker():
        wait_for(lambda: schedule.finished() == 1, "the end of the scan that was begun")
    assert schedule.scans() == [("15:00", len(SYMBOLS), 0, "finished")]
    assert "took over jobs" in (schedule.folder / "worker.log").read_text()


def test_a_vendor_that_hangs_does_not_stop_the_next_scan(schedule: Schedule) -> None:
    schedule.set_clock(SLOT)
    with schedule.worker("KO"):
        wait_for(lambda: schedule.scans() == [("15:00", 3, 0, "running")], "the others of the scan")
        schedule.set_clock(SLOT + OVERTAKEN_AFTER - timedelta(seconds=1))
        schedule.asked_again()
        assert schedule.scans() == [("15:00", 3, 0, "running")]
        schedule.set_clock(SLOT + OVERTAKEN_AFTER)
        wait_for(lambda: schedule.scans() == [("15:00", 3, 1, "finished")], "the end of the scan that hangs")
        schedule.set_clock(SLOT + QUARTER)
        wait_for(lambda: schedule.finished() == 2, "the next scan")
    assert schedule.scans() == [("15:00", 3, 1, "finished"), ("15:15", 4, 0, "finished")]
    with schedule.services.database.connection() as connection:
        failed = connection.execute(
            "select symbol, error_class from scan_run_symbols where state = 'failed'"
        ).fetchall()
    assert failed == [("KO", "ScanOvertakenError")]
