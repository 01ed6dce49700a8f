"""The embedded server: first start, adoption, every kind of death, and what must not leak."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from db.embedded import EmbeddedServer, ServerStatus
from db.embedded.place import existing_cluster, find_place
from db.embedded.postmaster import postmaster_pid, server_processes
from db.engine import create_database_if_missing, migrate, open_database
from scanner.errors import DatabaseUnreachableError
from scanner.model import Mode
from tests.patience import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
PROJECT = Path(__file__).parents[3]
SECONDS = 60


@dataclass
class Directory:
    """A data directory of its own, with its server."""

    path: Path
    server: EmbeddedServer

    @property
    def cluster(self) -> Path:
        cluster = existing_cluster(self.path)
        assert cluster is not None
        return cluster

    @property
    def pid(self) -> int:
        pid = postmaster_pid(self.cluster)
        assert pid is not None
        return pid

    def ask(self, question: str) -> object:
        with psycopg.connect(self.server.dsn("postgres")) as connection:
            row = connection.execute(question).fetchone()
        return None if row is None else row[0]


@pytest.fixture
def directory(public_directory: Path, request: pytest.FixtureRequest) -> Iterator[Directory]:
    path = public_directory / request.node.name
    directory = Directory(path, EmbeddedServer(path))
    yield directory
    if not directory.server.is_owner:
        directory.server.start()
    directory.server.stop()


@pytest.fixture
def another_process() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """A function that starts a second process which starts the server of a directory."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.integration.db.owner", str(path)]
        process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.communicate(timeout=SECONDS)


def answer(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


def test_start_again_stop(directory: Directory) -> None:
    server = directory.server
    assert server.status() is ServerStatus.STOPPED
    server.start()
    assert server.is_owner
    assert server.status() is ServerStatus.READY
    assert str(directory.ask("show server_version_num")).startswith("18")
    dsn, pid = server.dsn("postgres"), directory.pid
    server.start()
    assert directory.pid == pid

    server.stop()
    assert not server.is_owner
    assert server.status() is ServerStatus.STOPPED
    assert server_processes(directory.cluster) == set()

    server.start()
    assert server.dsn("postgres") == dsn


def test_dsn_before_the_first_start(directory: Directory) -> None:
    with pytest.raises(DatabaseUnreachableError, match="Start the program first"):
        directory.server.dsn("postgres")


def test_text_sorts_the_same_on_every_machine(directory: Directory) -> None:
    directory.server.start()
    assert directory.ask("select array_agg(t order by t) from unnest(array['b', 'B', 'a.b', 'ab', 'é']) t") == [
        "B", "a.b", "ab", "b", "é",
    ]  # fmt: skip


def test_the_password_is_nowhere_to_be_seen(directory: Directory) -> None:
    directory.server.start()
    password = str(conninfo_to_dict(directory.server.dsn("postgres"))["password"])
    assert len(password) >= 32
    for process in server_processes(directory.cluster):
        assert password not in Path(f"/proc/{process}/cmdline").read_text()
    for name in ("server.log", "postmaster.opts", "scanner.conf", "postgresql.conf"):
        assert password not in (directory.cluster / name).read_text()
    secret = directory.cluster / "scanner.json"
    assert password in secret.read_text()
    assert secret.stat().st_mode & 0o077 == 0
    assert directory.cluster.stat().st_mode & 0o077 == 0
    assert {path.name for path in directory.path.iterdir()} == {"postgres", "postgres.lock"}


def test_nobody_enters_without_the_password(directory: Directory) -> None:
    directory.server.start()
    parts = conninfo_to_dict(directory.server.dsn("postgres"))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host="127.0.0.1", port=parts["port"], user=parts["user"], dbname="postgres", passfile="none")


def test_settings_of_the_shell_do_not_matter(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"PGSSLMODE": "verify-full", "PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "192.0.2.1"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    directory.server.start()
    assert directory.ask("select 1") == 1


def test_a_second_process_uses_the_server_and_leaves_it_running(
    directory: Directory, another_process: Callable[[Path], subprocess.Popen[str]]
) -> None:
    directory.server.start()
    pid = directory.pid
    second = another_process(directory.path)
    assert answer(second) == {"owner": False, "dsn": directory.server.dsn("postgres")}
    second.communicate(timeout=SECONDS)
    assert directory.pid == pid
    assert directory.ask("select 1") == 1


def test_two_processes_at_once_make_one_server(
    directory: Directory, another_process: Callable[[Path], subprocess.Popen[str]]
) -> None:
    both = [another_process(directory.path) for _ in range(2)]
    answers = [answer(process) for process in both]
    assert sorted(bool(found["owner"]) for found in answers) == [False, True]
    assert answers[0]["dsn"] == answers[1]["dsn"]
    with psycopg.connect(str(answers[0]["dsn"])) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    for process in both:
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0
    assert directory.server.status() is ServerStatus.STOPPED


def test_a_killed_owner_leaves_a_server_that_the_next_one_adopts(
    directory: Directory, another_process: Callable[[Path], subprocess.Popen[str]]
) -> None:
    owner = another_process(directory.path)
    assert answer(owner)["owner"] is True
    pid = directory.pid
    owner.kill()
    owner.wait(SECONDS)
    assert directory.pid == pid

    directory.server.start()
    assert directory.server.is_owner
    assert directory.pid == pid
    directory.server.stop()
    assert server_processes(directory.cluster) == set()


def test_an_owner_that_ended_while_another_waits_is_followed(
    directory: Directory, another_process: Callable[[Path], subprocess.Popen[str]]
) -> None:
    owner = another_process(directory.path)
    answer(owner)
    os.kill(directory.pid, signal.SIGKILL)
    owner.kill()
    directory.server.start()
    assert directory.server.is_owner
    assert directory.ask("select 1") == 1


def test_a_killed_postmaster_is_started_again_with_everything_committed(directory: Directory) -> None:
    directory.server.start()
    dsn = directory.server.dsn("options_simulated")
    create_database_if_missing(dsn)
    migrate(dsn, mode=Mode.SIMULATED)
    database = open_database(dsn, mode=Mode.SIMULATED)
    with database.connection() as connection:
        connection.execute("set local synchronous_commit = on")
        connection.execute("update data_version set version = 77")

    os.kill(directory.pid, signal.SIGKILL)
    with pytest.raises(DatabaseUnreachableError), database.connection() as connection:
        connection.execute("select pg_sleep(20)")
    directory.server.start()
    assert directory.server.dsn("options_simulated") == dsn
    with database.connection() as connection:
        assert connection.execute("select version from data_version").fetchone() == (77,)
    database.close()


def test_a_pool_comes_back_after_an_outage(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.POOL_WAIT_SECONDS", 1.0)
    directory.server.start()
    dsn = directory.server.dsn("options_simulated")
    create_database_if_missing(dsn)
    migrate(dsn, mode=Mode.SIMULATED)
    database = open_database(dsn, mode=Mode.SIMULATED)
    directory.server.stop()
    for _ in range(3):
        with pytest.raises(DatabaseUnreachableError), database.connection():
            pass
    directory.server.start()
    with database.connection() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    database.close()


def test_a_backend_that_outlives_its_postmaster_is_ended(directory: Directory) -> None:
    directory.server.start()
    connection = psycopg.connect(directory.server.dsn("postgres"))
    backend = connection.info.backend_pid
    postmaster = directory.pid
    os.kill(backend, signal.SIGSTOP)
    os.kill(postmaster, signal.SIGKILL)
    wait_for(lambda: server_processes(directory.cluster) == {backend}, "the end of the others")

    directory.server.start()
    assert directory.ask("select 1") == 1
    assert backend not in server_processes(directory.cluster)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("select 1")
    connection.close()


def test_a_process_id_file_that_names_a_stranger(directory: Directory) -> None:
    directory.server.start()
    text = (directory.cluster / "postmaster.pid").read_text()
    directory.server.stop()
    lines = [str(os.getpid()), *text.splitlines()[1:]]
    (directory.cluster / "postmaster.pid").write_text("\n".join(lines) + "\n")

    assert directory.server.status() is ServerStatus.STOPPED
    directory.server.start()
    assert directory.pid != os.getpid()
    assert directory.ask("select 1") == 1


def test_a_zombie_postmaster_is_dead(directory: Directory) -> None:
    directory.server.start()
    directory.server.stop()
    place = find_place(directory.path, use_fallback=False)
    command = [place.binaries.program("postgres"), "-D", str(place.cluster)]
    child = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **place.user.identity)
    wait_for(lambda: directory.server.status() is ServerStatus.READY, "the server")
    child.send_signal(signal.SIGKILL)
    wait_for(lambda: "Z" in Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2], "the end of the child")

    assert (directory.cluster / "postmaster.pid").read_text().startswith(f"{child.pid}\n")
    assert directory.server.status() is ServerStatus.STOPPED
    directory.server.start()
    assert directory.pid != child.pid
    child.wait(SECONDS)


def test_a_server_that_does_not_answer_is_restarted(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.embedded.server._NO_ANSWER_SECONDS", 1.0)
    directory.server.start()
    stuck = directory.pid
    os.kill(stuck, signal.SIGSTOP)
    assert directory.server.status() is ServerStatus.SILENT
    directory.server.start()
    assert directory.pid != stuck
    assert directory.ask("select 1") == 1


def test_a_taken_port_is_replaced(directory: Directory) -> None:
    directory.server.start()
    port = int(conninfo_to_dict(directory.server.dsn("postgres"))["port"] or 0)
    directory.server.stop()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        directory.server.start()
        assert directory.ask("select 1") == 1
        assert int(conninfo_to_dict(directory.server.dsn("postgres"))["port"] or 0) != port


def test_an_interrupted_first_start_is_done_again(directory: Directory) -> None:
    directory.path.mkdir()
    half = directory.path / "postgres.initializing"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    (directory.path / "postgres.password").write_text("old")
    directory.server.start()
    assert directory.ask("select 1") == 1
    assert {path.name for path in directory.path.iterdir()} == {"postgres", "postgres.lock"}
