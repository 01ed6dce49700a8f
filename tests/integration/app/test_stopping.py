"""A worker that is asked to stop while its threads wait for turns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.bootstrap import build
from app.settings import PROJECT_FOLDER, load_settings
from app.worker.main import SHUTDOWN_SECONDS
from db.engine import Database, migrate
from db.source_turns import SharedLimiter
from scanner.model import Mode
from scanner.sources.registry import VENDORS
from tests.patience import wait_for

KEYS = ("yahoo", "yahoo:reference")
FAR_SECONDS = 60.0


def due(database: Database) -> float:
    with database.connection() as connection:
        row = connection.execute("select due from source_turns where key = 'yahoo'").fetchone()
    assert row is not None
    return float(row[0])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="stops the worker by a signal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_although_turns_are_far_away(
    new_database: Callable[[str | None], str], tmp_path: Path, number: signal.Signals
) -> None:
    """Every turn is a minute away, so that nothing is sent; the symbols stay open for the next worker."""
    dsn = new_database(None)
    migrate(dsn, mode=Mode.LIVE)
    services = build(load_settings(mode=Mode.LIVE, data_dir=tmp_path, DATABASE_URL=dsn))
    for key in KEYS:
        SharedLimiter(services.database, key, VENDORS["yahoo"].limit).postpone(FAR_SECONDS)
    first = due(services.database)
    run_id = services.sync.start(["AAPL", "KO", "MSFT", "PEP"])
    environment = {
        **os.environ,
        "DATABASE_URL": dsn,
        "SCANNER_MODE": "live",
        "SCANNER_DATA_DIR": str(tmp_path),
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "app.cli", "worker"]
    log = tmp_path / "worker.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=PROJECT_FOLDER, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            wait_for(lambda: due(services.database) > first, "a thread that waits for its turn")
            process.send_signal(number)
            assert process.wait(timeout=SHUTDOWN_SECONDS + 20.0) == 0, log.read_text()
        finally:
            process.kill()
    assert "Traceback" not in log.read_text()
    progress = services.sync.progress(run_id)
    assert progress is not None
    assert (progress.running, progress.done) == (True, 0)
    services.close()
