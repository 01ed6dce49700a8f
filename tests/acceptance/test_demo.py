"""What the demo brings beside its pages: the REST API, and a history of flow scans that survives being killed."""

from __future__ import annotations

import json
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.program import Program, free_port, kill
from tests.patience import PATIENCE_SECONDS, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the program's processes in /proc"),
]

SCANS = "select count(*) from scan_runs where kind = 'flow' and state = 'finished'"


def demo(folder: Path, **variables: str) -> Program:
    """Flow scans of four symbols only: the rest would only take longer."""
    return Program(folder, free_port(), variables={"SCANNER_FLOW_SYMBOLS": "AAPL,KO,SPY,TSLA", **variables})


def asked(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)


def answers(port: int) -> bool:
    try:
        return bool(asked(port, "/health")["status"] == "ok")
    except OSError:
        return False


@pytest.fixture
def folder(public_directory: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = public_directory / request.node.name
    yield folder
    assert Program(folder, free_port()).leftovers() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_the_rest_api_comes_along_is_started_again_and_ends(folder: Path, tmp_path: Path, processes: int) -> None:
    port = free_port()
    variables = {"SCANNER_API": "true", "SCANNER_API_PORT": str(port), "SCANNER_API_WORKERS": str(processes)}
    program, output = demo(folder, **variables), tmp_path / "output.txt"
    with program.running("demo", output=output) as process:
        wait_for(lambda: f"REST API:  http://127.0.0.1:{port}" in output.read_text(), what="the REST API")
        assert program.answers()
        assert asked(port, "/api/symbols")
        kill(*program.children(process, "api"))
        wait_for(lambda: "The REST API ended unexpectedly" in output.read_text(), what="the end of the REST API")
        wait_for(lambda: answers(port), what="another REST API")
        assert program.children(process, "api")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
    assert not answers(port)
    assert "Traceback" not in output.read_text() + (folder / "logs" / "api.log").read_text()
    program.forget_connection()


def test_a_busy_port_of_the_rest_api_stops_nothing_else(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "output.txt"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        program = demo(folder, SCANNER_API="true", SCANNER_API_PORT=str(port))
        with program.running("demo", output=output) as process:
            wait_for(lambda: "REST API is not started" in output.read_text(), what="the word about the port")
            assert program.answers()
            assert not program.children(process, "api")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == 0
    assert f"SCANNER_API_PORT={port + 1}" in output.read_text()
    assert "Dashboard: http" in output.read_text()


def test_the_history_of_flow_scans_is_made_at_the_first_start_and_survives_kill_9(folder: Path, tmp_path: Path) -> None:
    program, output = demo(folder, SCANNER_FLOW_SCANS="true"), tmp_path / "output.txt"
    with program.running("demo", output=output) as process:
        wait_for(lambda: program.ask(SCANS) >= 3, what="a scan of the past")
        kill(process.pid, *program.children(process, "worker"))
    assert "Past flow scans" in output.read_text()
    assert "Dashboard: http" in output.read_text()
    program.forget_connection()
    made = program.ask(SCANS)
    assert made < 30
    with program.running("demo", output=output) as process:
        wait_for(lambda: program.ask(SCANS) >= 30, what="the rest of the history")
        wait_for(
            lambda: program.ask("select count(*) from procrastinate_jobs where task_name = 'scan_past_flow'") == 0,
            what="the end of the jobs",
        )
        days = "select count(distinct slot::date) from scan_runs where kind = 'flow'"
        assert program.ask(days) in (30, 31)
        assert program.ask("select count(*) from market_moods") == program.ask(SCANS)
        assert (
            program.ask("select count(distinct (run_id, symbol, root, expiration)) - count(*) from skew_metrics") == 0
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
    program.forget_connection()
