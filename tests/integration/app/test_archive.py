"""Days that leave the database for the archive: nothing is lost, nothing is there twice, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from app.services.archive import ArchiveService
from app.services.flow import FlowService
from db import flow_reading, partitions, snapshots, stocks
from db.archive import days, place, reading
from db.archive.moving import Kept, move
from db.archive.place import Place, open_place
from db.archive.rows import same
from db.engine import Database
from scanner.calendar import MarketCalendar
from scanner.errors import ArchiveError
from scanner.schema import SKEW_HISTORY
from scanner.sources.simulated import SimulatedSource
from tests.acceptance.program import ROOT
from tests.integration.app.conftest import NOW, SettableClock

OLD = date(2026, 10, 5)
"""46 days before NOW."""

RECENT = date(2026, 11, 19)
SYMBOLS = ("AAPL", "KO", "SPY")
SLOTS = 3


def slots(day: date) -> list[datetime]:
    return [datetime(day.year, day.month, day.day, 15, 15 * number, tzinfo=UTC) for number in range(SLOTS)]


def fill(database: Database, *on: date) -> None:
    """Skew of three symbols in three scans a day: unknown ones, and numbers whose last bits matter."""
    with database.connection() as connection:
        partitions.ensure_flow_partitions(connection, on)
        for number, slot in enumerate(at for day in on for at in slots(day)):
            for symbol in SYMBOLS:
                skew = None if symbol == "KO" and number % 2 else 0.1 + 0.2 + number
                connection.execute(
                    "insert into skew_metrics (timestamp, run_id, symbol, root, expiration, skew_25d, atm_iv, "
                    "contracts, clean_contracts, source) values (%s, 1, %s, %s, '2026-12-18', %s, %s, 10, 9, 'made')",
                    [slot, symbol, symbol, skew, 1 / (3 + number)],
                )


def stored(database: Database, table: str = "skew_metrics") -> int:
    with database.connection() as connection:
        row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def everything(database: Database, archive: Place | None) -> list[dict[str, Any]]:
    found = reading.select(database, archive, "skew_metrics", 'select * from found order by symbol, "timestamp"')
    return list(found.to_pylist())


@pytest.fixture
def folder(database: Database, tmp_path: Path) -> Place:
    found = open_place(str(tmp_path / "archive"))
    with database.connection() as connection:
        found.check_owner(days.owner(connection), new=True)
    return found


def test_old_days_leave_and_are_read_as_before(
    database: Database, archive: ArchiveService, flow: FlowService, clock: SettableClock, tmp_path: Path
) -> None:
    fill(database, OLD, RECENT)
    since = datetime(2026, 10, 1, tzinfo=UTC)
    before = everything(database, None)
    with database.connection() as connection:
        history = flow_reading.skew_history(connection, "KO", since=since)
    report = archive.move_old()
    assert (report.problem, report.kept) == (None, ())
    assert Counter((one.table_name, one.day, one.rows) for one in report.moved) == {
        ("skew_metrics", OLD, 9): 1,
        **{(table, OLD, 0): 1 for table in partitions.FLOW_TABLES if table != "skew_metrics"},
    }
    assert stored(database) == 9
    assert (tmp_path / "archive" / "skew_metrics" / "2026-10-05" / "part-1.parquet").is_file()
    assert everything(database, open_place(str(tmp_path / "archive"))) == before
    pd.testing.assert_frame_equal(flow.skew_history("KO", since=since), history)
    assert archive.move_old().moved == ()


def test_the_change_since_the_scan_before_crosses_the_border(
    database: Database, archive: ArchiveService, flow: FlowService, clock: SettableClock
) -> None:
    fill(database, OLD, OLD + timedelta(days=1))
    clock.now = datetime.combine(OLD + timedelta(days=31), datetime.min.time(), UTC)
    assert [one.day for one in archive.move_old().moved] == [OLD] * 4
    first = slots(OLD + timedelta(days=1))[0]
    history = flow.skew_history("SPY", since=slots(OLD)[1])
    row = history[history["timestamp"] == first].iloc[0]
    assert row["previous_timestamp"] == slots(OLD)[2]
    assert row["skew_change"] == pytest.approx(1.0)
    assert history.iloc[0]["previous_timestamp"] == slots(OLD)[0]
    assert list(history.columns) == SKEW_HISTORY.names


def test_one_expiration_of_one_symbol(database: Database, archive: ArchiveService, flow: FlowService) -> None:
    fill(database, OLD)
    archive.move_old()
    since = datetime(2026, 10, 1, tzinfo=UTC)
    assert len(flow.skew_history("SPY", since=since, expiration=date(2026, 12, 18))) == SLOTS
    assert flow.skew_history("SPY", since=since, expiration=date(2026, 12, 19)).empty
    assert flow.skew_history("NVDA", since=since).empty


def test_late_rows_follow_in_a_second_file(database: Database, archive: ArchiveService, folder: Place) -> None:
    fill(database, OLD)
    archive.move_old()
    with database.connection() as connection:
        partitions.ensure_flow_partitions(connection, [OLD])
        connection.execute(
            "insert into skew_metrics (timestamp, run_id, symbol, root, expiration, contracts, clean_contracts, "
            "source) values (%s, 2, 'TSLA', 'TSLA', '2026-12-18', 1, 1, 'late')",
            [slots(OLD)[0]],
        )
    late = [one for one in archive.move_old().moved if one.table_name == "skew_metrics"]
    assert [(one.part, one.rows) for one in late] == [(2, 1)]
    assert [row["symbol"] for row in everything(database, folder)] == ["AAPL"] * 3 + ["KO"] * 3 + ["SPY"] * 3 + ["TSLA"]


def test_rows_that_come_meanwhile_keep_the_day(
    database: Database, folder: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, OLD)
    write = Place.write

    def slowly(self: Place, table: pa.Table, file: str) -> int:
        with database.connection() as connection:
            connection.execute("update skew_metrics set symbol = 'NEW', root = 'NEW' where symbol = 'KO'")
        return write(self, table, file)

    monkeypatch.setattr(Place, "write", slowly)
    kept = move(database, folder, "skew_metrics", OLD, now=NOW)
    assert kept == Kept("skew_metrics", OLD, "rows came while it was being archived")
    assert stored(database) == 9


def test_a_file_that_does_not_hold_what_was_written_drops_nothing(
    database: Database, folder: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, OLD)
    read = Place.read
    monkeypatch.setattr(Place, "read", lambda self, file: read(self, file).slice(1))
    with pytest.raises(ArchiveError, match="does not hold what was written"):
        move(database, folder, "skew_metrics", OLD, now=NOW)
    assert stored(database) == 9


@pytest.mark.parametrize("moment", ["written", "before the commit"])
def test_killed_in_the_middle_nothing_is_lost_or_doubled(
    database: Database, folder: Place, moment: str, tmp_path: Path
) -> None:
    fill(database, OLD)
    before = everything(database, None)
    program = f"""
import os, signal
from datetime import date
from db.archive import days, moving
from db.archive.place import Place, open_place
from db.engine import open_database
from scanner.model import Mode
from tests.integration.app.conftest import NOW

def die(*arguments, **more):
    os.kill(os.getpid(), signal.SIGKILL)

if {moment!r} == "written":
    Place.read = die
else:
    days.record = die
database = open_database(os.environ["DSN"], mode=Mode.SIMULATED)
moving.move(database, open_place(os.environ["PLACE"]), "skew_metrics", date(2026, 10, 5), now=NOW)
"""
    environment = {**os.environ, "DSN": database.dsn, "PLACE": folder.text}
    killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert everything(database, folder) == before
    assert not isinstance(move(database, folder, "skew_metrics", OLD, now=NOW), Kept)
    assert everything(database, folder) == before
    assert stored(database) == 0


def test_two_archivers_at_once_move_a_day_once(database: Database, folder: Place) -> None:
    fill(database, OLD)
    before = everything(database, None)
    program = """
import os
from datetime import date
from db.archive import moving
from db.archive.place import open_place
from db.engine import open_database
from scanner.model import Mode
from tests.integration.app.conftest import NOW

database = open_database(os.environ["DSN"], mode=Mode.SIMULATED)
done = moving.move(database, open_place(os.environ["PLACE"]), "skew_metrics", date(2026, 10, 5), now=NOW)
print(type(done).__name__)
"""
    environment = {**os.environ, "DSN": database.dsn, "PLACE": folder.text}
    both = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60)[0].strip() for process in both]
    assert "ArchivedDay" in told
    assert everything(database, folder) == before
    assert stored(database) == 0


def test_without_a_place_nothing_leaves(database: Database, clock: SettableClock) -> None:
    fill(database, OLD)
    nowhere = ArchiveService(database=database, clock=clock, location=None, keep=timedelta(days=30))
    report = nowhere.move_old()
    assert report.moved == ()
    assert "SCANNER_ARCHIVE names no place" in str(report.problem)
    assert stored(database) == 9


def test_another_machines_empty_folder_is_not_the_archive(
    database: Database, archive: ArchiveService, clock: SettableClock, tmp_path: Path
) -> None:
    fill(database, OLD, OLD + timedelta(days=1))
    clock.now = datetime.combine(OLD + timedelta(days=31), datetime.min.time(), UTC)
    archive.move_old()
    clock.now += timedelta(days=1)
    other = ArchiveService(database=database, clock=clock, location=str(tmp_path / "mine"), keep=timedelta(days=30))
    report = other.move_old()
    assert report.moved == ()
    assert "all machines see" in str(report.problem)
    assert stored(database) == 9
    with pytest.raises(ArchiveError, match="all machines see"):
        other.skew_history("SPY", since=slots(OLD)[0])
    nowhere = ArchiveService(database=database, clock=clock, location=None, keep=timedelta(days=30))
    with pytest.raises(ArchiveError, match="SCANNER_ARCHIVE"):
        nowhere.skew_history("SPY", since=slots(OLD)[0])


def test_the_archive_of_another_database_is_refused(
    database: Database, archive: ArchiveService, tmp_path: Path
) -> None:
    fill(database, OLD)
    (tmp_path / "archive").mkdir()
    owner = {"database": str(uuid4())}
    (tmp_path / "archive" / "options-scanner-archive.json").write_text(json.dumps(owner))
    assert "another database" in str(archive.move_old().problem)
    assert stored(database) == 9


def test_a_missing_or_damaged_file_is_an_error_and_never_fewer_rows(
    database: Database, archive: ArchiveService, flow: FlowService, tmp_path: Path
) -> None:
    fill(database, OLD)
    archive.move_old()
    file = tmp_path / "archive" / "skew_metrics" / "2026-10-05" / "part-1.parquet"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ArchiveError, match=r"skew_metrics/2026-10-05/part-1\.parquet .* cannot be read"):
        flow.skew_history("SPY", since=slots(OLD)[0])
    file.unlink()
    with pytest.raises(ArchiveError, match="cannot be read"):
        flow.skew_history("SPY", since=slots(OLD)[0])


def test_a_place_that_cannot_be_written_drops_nothing(database: Database, clock: SettableClock, tmp_path: Path) -> None:
    fill(database, OLD)
    (tmp_path / "file").touch()
    for location in (str(tmp_path / "file" / "archive"), "gopher://nowhere/archive"):
        service = ArchiveService(database=database, clock=clock, location=location, keep=timedelta(days=30))
        assert "Correct SCANNER_ARCHIVE" in str(service.move_old().problem)
    assert stored(database) == 9


def test_a_disk_that_is_full_drops_nothing(database: Database, folder: Place) -> None:
    fill(database, OLD)

    class FullSystem:
        def __getattr__(self, name: str) -> Any:
            return getattr(folder.system, name)

        def open_output_stream(self, path: str) -> Any:
            raise OSError(28, "No space left on device", path)

    full = Place(folder.text, FullSystem(), folder.root)
    with pytest.raises(ArchiveError, match="No space left on device"):
        move(database, full, "skew_metrics", OLD, now=NOW)
    assert stored(database) == 9


def test_chains_leave_too_but_never_the_newest_of_a_stock(
    database: Database, archive: ArchiveService, clock: SettableClock, calendar: MarketCalendar, folder: Place
) -> None:
    def keep(symbol: str, at: datetime) -> bytes:
        market = SimulatedSource(7, lambda: at, calendar)
        chain = market.chain(symbol, lambda listed: listed[:1])
        body = snapshots.encode(chain)
        with database.connection() as connection:
            stocks.add(connection, [symbol], now=at)
            partitions.ensure_snapshot_partitions(connection, [at.date()])
            snapshots.append(connection, chain, body, scan_id=None)
        return body

    first, second = slots(OLD)[0], slots(OLD + timedelta(days=1))[0]
    body = keep("AAPL", first)
    keep("AAPL", second)
    report = archive.move_old()
    assert [(one.table_name, one.day, one.rows) for one in report.moved] == [("chain_snapshots", OLD, 1)]
    assert [(one.table_name, one.day) for one in report.kept] == [("chain_snapshots", OLD + timedelta(days=1))]
    assert "newest chains of 1 stocks" in report.kept[0].reason
    (row,) = reading.select(database, folder, "chain_snapshots", "select * from found", until=first).to_pylist()
    assert row["body"] == body
    pd.testing.assert_frame_equal(
        snapshots.decode(row["body"], row["schema_version"]).contracts, snapshots.decode(body, 1).contracts
    )


def test_columns_that_came_later_are_unknown_in_older_days(database: Database, folder: Place) -> None:
    fill(database, OLD)
    move(database, folder, "skew_metrics", OLD, now=NOW)
    with database.connection() as connection:
        connection.execute("alter table skew_metrics add column later double precision")
    assert {row["later"] for row in everything(database, folder)} == {None}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1.0, None], [1.0, None], True),
        ([np.nan, 1.0], [np.nan, 1.0], True),
        ([np.nan], [None], False),
        ([1.0], [1.0000000000000002], False),
        ([1.0], [1.0, 1.0], False),
    ],
)
def test_what_is_the_same(one: list[Any], other: list[Any], expected: bool) -> None:
    tables = [pa.table({"x": pa.array(values, type=pa.float64())}) for values in (one, other)]
    assert same(*tables) is expected


def test_s3_is_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it can be told without a bucket: the address is understood, and nothing is sent."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    found = place.open_place("s3://bucket/options?region=us-east-1")
    assert (found.system.type_name, found.root) == ("s3", "bucket/options")
