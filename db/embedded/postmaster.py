"""Finding the server's processes. A process id in a file proves nothing: it may belong to a zombie or a stranger."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PROC = Path("/proc")


def postmaster_pid(cluster: Path) -> int | None:
    """The process id of the living postmaster of this cluster, None where there is none.

    Zombies and processes that only inherited the number do not count. On Windows the process id file alone is
    trusted; `pg_isready` tells the rest.
    """
    try:
        pid = int((cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
    if sys.platform == "win32":
        return pid
    return pid if _serves(pid, cluster) else None


def _serves(pid: int, cluster: Path) -> bool:
    if _PROC.joinpath("self").exists():
        return _is_server_process(_PROC / str(pid), cluster)
    command = ["/bin/ps", "-o", "stat=,command=", "-p", str(pid)]
    line = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return bool(line) and not line.startswith("Z") and str(cluster) in line


def _is_server_process(process: Path, cluster: Path) -> bool:
    """Postmaster and backends work in the cluster's directory; a zombie has no working directory any more."""
    try:
        return (
            os.readlink(process / "cwd") == str(cluster)
            and (process / "comm").read_text(encoding="utf-8").strip() == "postgres"
        )
    except OSError:
        return False


def server_processes(cluster: Path) -> set[int]:
    """Every living server process of the cluster: the postmaster and, where /proc exists, backends that outlived it."""
    postmaster = postmaster_pid(cluster)
    found = set() if postmaster is None else {postmaster}
    if _PROC.joinpath("self").exists():
        numbers = (int(process.name) for process in _PROC.iterdir() if process.name.isdigit())
        found |= {number for number in numbers if _is_server_process(_PROC / str(number), cluster)}
    return found


def kill_leftovers(cluster: Path, timeout_seconds: float = 10.0) -> None:
    """SIGKILL what is left of a server that does not answer. Recovery at the next start repairs the data.

    A backend in the middle of a long computation outlives its postmaster and would keep the next start from
    attaching to the cluster.
    """
    if sys.platform == "win32":
        return
    deadline = time.monotonic() + timeout_seconds
    while (found := server_processes(cluster)) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
