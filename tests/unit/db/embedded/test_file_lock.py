"""The lock excludes others, and only as long as its holder lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from db.embedded.file_lock import FileLock
from scanner.errors import DataDirectoryError

PROJECT = Path(__file__).parents[4]


def test_one_holder(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert first.acquire()
    assert first.held
    assert not second.acquire()
    assert not second.held
    first.release()
    first.release()
    assert second.acquire()
    second.release()


def test_a_file_that_cannot_be_opened_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryError, match=r"cannot be opened: .*SCANNER_DATA_DIR"):
        FileLock(tmp_path).acquire()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time; from db.embedded.file_lock import FileLock; "
        "print(FileLock(pathlib.Path(sys.argv[1])).acquire(), flush=True); time.sleep(60)"
    )
    # `acquire` keeps the descriptor open as long as the process lives, also without a reference to the lock
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        lock = FileLock(tmp_path / "lock")
        assert not lock.acquire()
        holder.kill()
        holder.wait(10)
        assert lock.acquire()
        lock.release()
