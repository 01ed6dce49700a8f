"""A worker process against a real queue: the jobs of `app.worker`, taken over, retried, and stopped in order."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.bootstrap import Services, build
from app.settings import PROJECT_FOLDER, load_settings
from scanner.model import Mode
from tests.patience import PATIENCE_SECONDS, wait_for


@pytest.fixture
def services(database_dsn: str, tmp_path: Path) -> Iterator[Services]:
    built = build(load_settings(mode=Mode.SIMULATED, data_dir=tmp_path, DATABASE_URL=database_dsn))
    yield built
    built.close()


@contextmanager
def worker(dsn: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "DATABASE_URL": dsn, "SCANNER_MODE": "simulated", "SCANNER_DATA_DIR": str(log.parent)}
    environment["SCANNER_FLOW_SCANS"] = "false"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", "worker", "--lifeline"],
            cwd=PROJECT_FOLDER,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        yield process
        process.kill()


def finished(services: Services, run_id: int) -> bool:
    progress = services.sync.progress(run_id)
    return progress is not None and not progress.running


def test_a_worker_does_a_run_with_slow_facts_and_leaves_no_job(
    services: Services, database_dsn: str, tmp_path: Path
) -> None:
    run_id = services.sync.start(["AAPL", "MSFT", "ZZZZ"])
    assert not services.sync.worker_alive()
    log = tmp_path / "worker.log"
    with worker(database_dsn, log) as process:
        wait_for(lambda: finished(services, run_id), "the end of the run")
        assert services.sync.worker_alive()
        wait_for(lambda: len(services.stocks.reference(["AAPL", "MSFT"])) == 2, "slow facts")
        wait_for(lambda: waiting(services) == 0, "an empty queue")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_SECONDS) == 0
    progress = services.sync.progress(run_id)
    assert progress is not None
    assert (progress.succeeded, progress.failed) == (2, 1)
    assert progress.errors == {"SymbolNotFoundError": 1}
    assert not services.sync.worker_alive()
    assert "Traceback" not in log.read_text()


def test_a_worker_takes_over_what_a_dead_one_began(services: Services, database_dsn: str, tmp_path: Path) -> None:
    run_id = services.sync.start(["AAPL"])
    with services.database.connection() as connection:
        connection.execute("delete from procrastinate_jobs where task_name <> 'sync_symbol'")
        connection.execute("select procrastinate_fetch_job_v2(null, worker_id) from procrastinate_register_worker_v1()")
    with worker(database_dsn, tmp_path / "worker.log"):
        wait_for(lambda: finished(services, run_id), "the end of the run")
    assert "took over jobs" in (tmp_path / "worker.log").read_text()


def test_a_worker_resumes_symbols_that_lost_their_job(services: Services, database_dsn: str, tmp_path: Path) -> None:
    run_id = services.sync.start(["AAPL"])
    with services.database.connection() as connection:
        connection.execute("delete from procrastinate_jobs")
    with worker(database_dsn, tmp_path / "worker.log"):
        wait_for(lambda: finished(services, run_id), "the end of the run")


def waiting(services: Services) -> int:
    with services.database.connection() as connection:
        row = connection.execute("select count(*) from procrastinate_jobs where status in ('todo', 'doing')").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("seconds", [0.0, 0.4, 0.8, 1.2, 1.6, 2.0])
def test_a_worker_ends_at_once_whenever_its_parent_lets_go(database_dsn: str, tmp_path: Path, seconds: float) -> None:
    log = tmp_path / "worker.log"
    with worker(database_dsn, log) as process:
        time.sleep(seconds)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert "did not end in time" not in log.read_text()
    assert "Traceback" not in log.read_text()
