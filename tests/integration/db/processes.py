"""Several processes at work on one database at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

_HEAD = """
import json, sys, time
from db.engine import open_database
from scanner.model import Mode
database = open_database(sys.argv[1], mode=Mode.SIMULATED)
print("ready", flush=True)
sys.stdin.readline()
"""


def start(dsn: str, script: str, count: int) -> list[subprocess.Popen[str]]:
    """Start `count` processes that run `script` with `database` open, and wait until each is ready to begin."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _HEAD + script, dsn, str(number)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
    return processes


def begin(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def results(processes: Sequence[subprocess.Popen[str]]) -> list[Any]:
    """What each printed last, as JSON."""
    found = []
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        found.append(json.loads(output.splitlines()[-1]))
    return found


def together(dsn: str, script: str, count: int) -> list[Any]:
    """Run `script` in `count` processes at once; what each printed last, as JSON."""
    processes = start(dsn, script, count)
    begin(processes)
    return results(processes)
