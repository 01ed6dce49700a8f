"""Processes the supervisor starts, watches, starts again and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from app.settings import PROJECT_FOLDER

LOG_BYTES_KEPT: Final = 5_000_000
NEW_GROUP: Final[int] = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""What keeps Ctrl-C from a child on Windows; elsewhere a session of its own does."""

_BACK_OFF_SECONDS: Final = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that ended by itself: `status` as of `Popen.returncode`, `delay_seconds` until it is started again."""

    name: str
    status: int
    delay_seconds: float
    log: Path


class Child:
    """One `python -m app.cli <command>` in a session of its own: Ctrl-C reaches the supervisor, not the child."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        self._arguments = tuple(arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_again_at: float | None = None
        self._quick_ends = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        self._start_again_at = None
        self._started_at = time.monotonic()
        with _log_file(self.log) as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", *self._arguments, "--lifeline"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=PROJECT_FOLDER,
                start_new_session=True,
                creationflags=NEW_GROUP,
            )

    def tend(self) -> Ended | None:
        """Start the child again when its time has come; report it once when it has ended by itself."""
        now = time.monotonic()
        if self._start_again_at is not None:
            if now >= self._start_again_at:
                self.start()
            return None
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self._let_go()
        if now - self._started_at > _STEADY_SECONDS:
            self._quick_ends = 0
        delay = _BACK_OFF_SECONDS[min(self._quick_ends, len(_BACK_OFF_SECONDS) - 1)]
        self._quick_ends += 1
        self._start_again_at = now + delay
        return Ended(self.name, status, delay, self.log)

    def ask_to_stop(self) -> None:
        self._start_again_at = None
        if self._process and self._process.stdin:
            self._process.stdin.close()

    def wait(self, timeout_seconds: float) -> None:
        """Wait until the child has ended; kill it when it takes longer."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._let_go()

    def _let_go(self) -> None:
        """Processes that the child started itself, and left behind when it was killed, end here: they hold its port."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
        if self._process and sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None


def stop_all(children: Sequence[Child], timeout_seconds: float) -> None:
    """Ask all, then wait for each."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + timeout_seconds
    for child in children:
        child.wait(max(0.1, deadline - time.monotonic()))


def _log_file(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_KEPT:
        path.replace(path.with_suffix(".old.log"))
    return path.open("ab")
