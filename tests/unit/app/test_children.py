from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app import children
from app.children import Child, stop_all
from tests.patience import PATIENCE_SECONDS, wait_for

OBEDIENT = "import sys; sys.stdin.buffer.read(); print('bye')"
STUBBORN = "import time; time.sleep(60)"
CRASHING = "import sys; sys.exit(3)"
MOTHER = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""
REAL_POPEN = subprocess.Popen


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Child]:
    """A factory of children that run a line of Python in place of a command."""

    def make(code: str) -> Child:
        def popen(command: list[str], **options: object) -> subprocess.Popen[bytes]:
            assert command[1:] == ["-m", "app.cli", "work", "--lifeline"]
            return REAL_POPEN([sys.executable, "-c", code], **options)  # type: ignore[call-overload, no-any-return]

        monkeypatch.setattr("app.children.subprocess.Popen", popen)
        return Child("test", ["work"], tmp_path / "logs" / "test.log")

    return make


def wait_for_end(child: Child) -> children.Ended:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if ended := child.tend():
            return ended
        time.sleep(0.01)
    raise AssertionError("the child did not end")


def test_a_child_ends_when_its_standard_input_is_closed(child: Callable[[str], Child]) -> None:
    obedient = child(OBEDIENT)
    obedient.start()
    stop_all([obedient], timeout_seconds=PATIENCE_SECONDS)
    assert obedient.pid is None
    assert obedient.log.read_text() == "bye\n"


def test_a_stubborn_child_is_killed(child: Callable[[str], Child]) -> None:
    stubborn = child(STUBBORN)
    stubborn.start()
    began = time.monotonic()
    stop_all([stubborn], timeout_seconds=0.2)
    assert time.monotonic() - began < 30
    assert stubborn.pid is None


def test_a_child_that_dies_is_reported_once_and_started_again(child: Callable[[str], Child]) -> None:
    crashing = child(CRASHING)
    crashing.start()
    first = wait_for_end(crashing)
    assert (first.status, first.delay_seconds) == (3, 0.2)
    assert crashing.pid is None
    assert crashing.tend() is None
    assert crashing.pid is None
    second = wait_for_end(crashing)
    assert second.delay_seconds == 1.0
    stop_all([crashing], timeout_seconds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_killed_child_had_started_ends_too(child: Callable[[str], Child]) -> None:
    mother = child(MOTHER)
    mother.start()
    wait_for(lambda: mother.log.read_text().endswith("\n"), "the child of the child")
    said = int(mother.log.read_text())
    assert lives(said)
    assert mother.pid is not None
    os.kill(mother.pid, signal.SIGKILL)
    wait_for_end(mother)
    wait_for(lambda: not lives(said), "the end of the child of the child")
    stop_all([mother], timeout_seconds=1)


def lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_stopped_child_is_not_started_again(child: Callable[[str], Child]) -> None:
    crashing = child(CRASHING)
    crashing.start()
    wait_for_end(crashing)
    stop_all([crashing], timeout_seconds=1)
    time.sleep(0.3)
    assert crashing.tend() is None
    assert crashing.pid is None


def test_a_large_log_is_put_aside(child: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOG_BYTES_KEPT", 10)
    obedient = child(OBEDIENT)
    obedient.log.parent.mkdir()
    obedient.log.write_text("old and long enough\n")
    obedient.start()
    stop_all([obedient], timeout_seconds=PATIENCE_SECONDS)
    assert obedient.log.read_text() == "bye\n"
    assert obedient.log.with_suffix(".old.log").read_text() == "old and long enough\n"
