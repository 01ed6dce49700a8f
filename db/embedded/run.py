"""Running the server's programs: as the right user, with nothing of ours inherited and output in a file."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise

from db.embedded.binaries import Binaries
from db.embedded.system_user import SystemUser

_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] ")
_COMPLAINT = re.compile(r"\b(?:PANIC|FATAL|ERROR|error):|could not|cannot")
_HINT = re.compile(r"\b(?:HINT|hint):")
_PASSING = re.compile("is starting up|not yet accepting connections")
_LINES = 4


class ProgramError(Exception):
    """A program of PostgreSQL failed. The message is what it wrote."""

    def __init__(self, name: str, code: int | None, output: str) -> None:
        super().__init__(f"{name} {'timed out' if code is None else f'ended with {code}'}: {output.strip()}")
        self.code = code
        self.output = output


def essence(output: str) -> str:
    """What matters of a program's output, on one line: its complaints and hints, else its last lines."""
    lines = [_STAMP.sub("", line.strip()) for line in output.splitlines() if line.strip()]
    complaints: list[str] = []
    for before, line in pairwise(["", *lines]):
        hinted = _HINT.search(line) and complaints and complaints[-1] == before
        if hinted or (_COMPLAINT.search(line) and not _PASSING.search(line)):
            complaints.append(line)
    return " / ".join(dict.fromkeys((complaints or lines)[-_LINES:])) or "it wrote nothing"


def run(
    binaries: Binaries,
    user: SystemUser,
    name: str,
    arguments: Sequence[str],
    *,
    timeout_seconds: float | None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run one program to its end and return its output.

    Output goes to a file: a server inherits a pipe and would keep it open for ever. The session is new, so that a
    Ctrl-C in the terminal reaches us and not the server. On POSIX the environment is ours alone, because libpq and
    PostgreSQL read a dozen PG* variables.

    Errors: ProgramError on a non-zero exit code or after `timeout_seconds`.
    """
    with tempfile.TemporaryFile() as output:
        try:
            completed = subprocess.run(
                [binaries.program(name), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=binaries.folder if sys.platform == "win32" else "/",
                env=None if sys.platform == "win32" else {**_ENVIRONMENT, **(environment or {})},
                start_new_session=True,
                timeout=timeout_seconds,
                check=False,
                **user.identity,
            )
            code: int | None = completed.returncode
        except subprocess.TimeoutExpired:
            code = None
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if code != 0:
        raise ProgramError(name, code, text)
    return text
