"""The program as its users start it: real processes, a data directory of their own, real kills."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from app.settings import ENV_FILE_VARIABLE
from db.embedded import EmbeddedServer
from db.embedded.place import existing_cluster
from db.embedded.postmaster import postmaster_pid
from db.engine import Database, database_name, open_database
from scanner.errors import DatabaseError
from scanner.model import Mode

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Program:
    """One data directory and dashboard port; `running` runs a command on it. `variables` join its environment."""

    folder: Path
    port: int
    mode: Mode = Mode.SIMULATED
    variables: Mapping[str, str] = field(default_factory=dict)
    _connection: psycopg.Connection | None = None

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SCANNER_", "DATABASE_"))}
        own = {"SCANNER_MODE": self.mode.value, "SCANNER_DATA_DIR": str(self.folder), "SCANNER_FLOW_SCANS": "false"}
        port = {
            "SCANNER_API": "false",
            "SCANNER_DASHBOARD_PORT": str(self.port),
            ENV_FILE_VARIABLE: os.devnull,
            "PYTHONUNBUFFERED": "1",
        }
        return {**clean, **own, **port, **self.variables}

    @contextmanager
    def running(self, *arguments: str, output: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A command of the program; killed at the end where it still runs. Its output goes into a file."""
        with output.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def children(self, process: subprocess.Popen[bytes], command: str) -> list[int]:
        """Process ids of the program's own children of this kind: "worker" or "dashboard"."""
        return [
            pid
            for pid, parent, arguments in _processes()
            if parent == process.pid and "app.cli" in arguments and command in arguments
        ]

    def leftovers(self) -> list[str]:
        """Whatever still runs for this data directory."""
        own = [" ".join(arguments) for pid, _, arguments in _processes() if self._is_ours(pid, arguments)]
        return own + (["postgres"] if self.postmaster() else [])

    def postmaster(self) -> int | None:
        cluster = existing_cluster(self.folder)
        return None if cluster is None else postmaster_pid(cluster)

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_stcore/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    @contextmanager
    def database(self) -> Iterator[Database]:
        opened = open_database(EmbeddedServer(self.folder).dsn(database_name(self.mode)), mode=self.mode)
        try:
            yield opened
        finally:
            opened.close()

    def done(self) -> int:
        """Symbols of the latest run that are done; 0 while the database does not answer."""
        return self.ask(
            "select count(*) from scan_run_symbols where state in ('succeeded', 'failed') "
            "and run_id = (select max(run_id) from scan_runs)"
        )

    def finished(self) -> bool:
        return self.ask("select coalesce(bool_and(state = 'finished'), false)::int from scan_runs") == 1

    def ask(self, question: str) -> int:
        """The number a query answers; 0 while the database does not answer."""
        try:
            if self._connection is None:
                dsn = EmbeddedServer(self.folder).dsn(database_name(self.mode))
                self._connection = psycopg.connect(dsn, autocommit=True)
            row = self._connection.execute(question.encode()).fetchone()
        except (DatabaseError, psycopg.Error):
            self.forget_connection()
            return 0
        return 0 if row is None else int(row[0])

    def forget_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _is_ours(self, pid: int, arguments: Sequence[str]) -> bool:
        if "app.cli" not in arguments or pid == os.getpid():
            return False
        try:
            return f"SCANNER_DATA_DIR={self.folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False


def kill(*pids: int | None) -> None:
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


def _processes() -> Iterator[tuple[int, int, list[str]]]:
    """(process id, parent, arguments) of every living process."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if fields[0] != "Z":
            yield int(folder.name), int(fields[1]), arguments
