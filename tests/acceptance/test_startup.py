"""Starting and stopping as a user does: what works leaves nothing behind, what fails says why in one paragraph."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.bootstrap import build
from app.connection import embedded_server
from app.settings import load_settings
from scanner.calendar import MarketCalendar
from scanner.model import Mode, PremiumFilters
from scanner.sources.recorded import save_snapshot
from scanner.sources.simulated import SimulatedSource
from tests.acceptance.program import ROOT, Program, free_port
from tests.patience import PATIENCE_SECONDS, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the program's processes in /proc"),
]


@pytest.fixture
def program(public_directory: Path, request: pytest.FixtureRequest) -> Iterator[Program]:
    program = Program(public_directory / request.node.name, free_port())
    yield program
    program.forget_connection()
    assert program.leftovers() == []


def run(program: Program, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env={**program.environment, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def assert_explained(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr + result.stdout
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_demo_fills_its_pages_and_stops_without_a_trace(
    program: Program, tmp_path: Path, number: signal.Signals
) -> None:
    output = tmp_path / "output.txt"
    with program.running("demo", output=output) as process:
        wait_for(lambda: f"http://127.0.0.1:{program.port}" in output.read_text(), what="the address")
        assert program.answers()
        assert program.finished()
        assert program.done() == 44
        second = run(program, "demo")
        assert_explained(second, "already running", f"http://127.0.0.1:{program.port}")
        status = run(program, "status")
        assert status.returncode == 0
        assert "Worker: running" in status.stdout
        assert "Synced 44/44" in status.stdout
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 0
    text = output.read_text()
    assert "Traceback" not in text
    assert "Synced 44/44" in text
    assert text.rstrip().endswith("Stopped.")


def test_ctrl_c_in_the_first_sync_stops_everything_too(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "output.txt"
    with program.running("demo", output=output) as process:
        wait_for(lambda: "First sync" in output.read_text(), what="the first sync")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
    assert "Traceback" not in output.read_text()


def test_a_sync_of_chosen_symbols_needs_nothing_running(program: Program) -> None:
    result = run(program, "sync", "AAPL", "brk-b")
    assert result.returncode == 0, result.stderr
    assert "Synced 2/2" in result.stdout
    failing = run(program, "sync", "ZZZZ")
    assert failing.returncode == 1
    assert "1 of 1 symbols failed" in failing.stdout
    assert "ZZZZ" in failing.stdout


def test_migrate_leaves_an_up_to_date_database(program: Program) -> None:
    assert "up to date" in run(program, "migrate").stdout
    assert "up to date" in run(program, "migrate").stdout


def test_status_of_nothing_says_how_to_start(program: Program) -> None:
    result = run(program, "status")
    assert result.returncode == 1
    assert "python -m app.cli run" in result.stdout


def test_a_busy_port_is_named_with_a_free_one(program: Program) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", program.port))
        other.listen()
        assert_explained(
            run(program, "demo"), f"{program.port} on 127.0.0.1 is used", f"SCANNER_DASHBOARD_PORT={program.port + 1}"
        )


def test_a_setting_that_cannot_be_read_is_named(program: Program) -> None:
    assert_explained(run(program, "run", SCANNER_RATE="4 %"), "SCANNER_RATE")


def test_a_database_that_does_not_answer_is_named_without_its_password(program: Program) -> None:
    address = f"postgresql://me:hush@127.0.0.1:{free_port()}/options"
    result = run(program, "run", DATABASE_URL=address)
    assert_explained(result, "database answers", "me@127.0.0.1", "DATABASE_URL")
    assert "hush" not in result.stderr + result.stdout


def test_a_data_directory_that_is_a_file_is_named(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert_explained(run(program, "run", SCANNER_DATA_DIR=str(file)), str(file), "SCANNER_DATA_DIR")


def test_the_mode_recorded_needs_a_folder(program: Program) -> None:
    assert_explained(run(program, "run", "--mode", "recorded"), "SCANNER_RECORDED_DIR")


def test_saved_answers_are_played_back_at_their_own_time(program: Program, tmp_path: Path) -> None:
    then = datetime(2026, 6, 10, 15, 0, tzinfo=UTC)
    market = SimulatedSource(1, lambda: then, MarketCalendar.around(then))
    for symbol in ("KO", "PEP"):
        save_snapshot(market.chain(symbol, lambda listed: listed[:12]), tmp_path)
    recorded = {"SCANNER_MODE": "recorded", "SCANNER_RECORDED_DIR": str(tmp_path)}
    result = run(program, "sync", **recorded)
    assert result.returncode == 0, result.stderr
    assert "Synced 2/2" in result.stdout
    settings = load_settings(mode=Mode.RECORDED, data_dir=program.folder, recorded_dir=tmp_path)
    server = embedded_server(settings)
    assert server is not None
    server.start()
    services = build(settings)
    assert services.stocks.symbols() == ("KO", "PEP")
    assert services.clock() == then
    rows = services.premiums.database_scan(PremiumFilters()).rows
    assert set(rows["symbol"]) == {"KO", "PEP"}
    assert rows["dte"].min() > 0
    services.close()
    server.stop()


def test_help_needs_no_settings() -> None:
    environment = {**os.environ, "SCANNER_MODE": "nonsense"}
    result = subprocess.run(
        [sys.executable, "-m", "app.cli", "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    for command in ("demo", "run", "sync", "worker", "status", "migrate"):
        assert command in result.stdout
