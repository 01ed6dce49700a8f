"""Where the embedded server may keep its data, as whom it runs, and what it refuses."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from db.embedded import EmbeddedServer
from db.embedded.binaries import Binaries, bundled
from db.embedded.cluster import free_port
from db.embedded.place import existing_cluster, fallback_directory, find_place
from db.embedded.system_user import SystemUser, system_user
from scanner.errors import DataDirectoryError, DataDirectoryTooOldError

PROJECT = Path(__file__).parents[3]
as_root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root runs it as another user")


@pytest.fixture
def directory(public_directory: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    path = public_directory / f"{request.node.name} and spaces"
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def fallback_root(public_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = public_directory / "other-place"
    root.mkdir()
    monkeypatch.setattr("db.embedded.place._FALLBACK_ROOTS", (root,))
    yield root
    shutil.rmtree(root)


@as_root
def test_root_gives_the_cluster_to_another_user_and_changes_nothing_else(directory: Path) -> None:
    before = (directory.stat().st_mode, directory.stat().st_uid, directory.parent.stat().st_mode)
    server = EmbeddedServer(directory)
    server.start()
    try:
        cluster = existing_cluster(directory)
        assert cluster is not None
        assert cluster.stat().st_uid == system_user(cluster).uid != 0
        with psycopg.connect(server.dsn("postgres")) as connection:
            row = connection.execute("select pg_read_file('/proc/self/status')").fetchone()
        assert row is not None
        assert f"Uid:\t{cluster.stat().st_uid}\t" in row[0]
        assert "Groups:\t \n" in row[0]
    finally:
        server.stop()
    assert (directory.stat().st_mode, directory.stat().st_uid, directory.parent.stat().st_mode) == before


@as_root
def test_a_private_directory_is_refused_with_a_place_that_works(directory: Path, fallback_root: Path) -> None:
    directory.chmod(0o700)
    private = directory / "data"
    with pytest.raises(DataDirectoryError) as caught:
        EmbeddedServer(private, use_fallback=False).start()
    assert str(fallback_directory(private)) in str(caught.value)
    assert "SCANNER_DATA_DIR" in str(caught.value)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert list(fallback_root.iterdir()) == []

    suggested = re.search(r"SCANNER_DATA_DIR=([^,]+),", str(caught.value))
    assert suggested
    server = EmbeddedServer(Path(suggested[1]), use_fallback=False)
    server.start()
    server.stop()


@as_root
def test_a_private_directory_keeps_its_data_in_the_other_place(
    directory: Path, fallback_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    directory.chmod(0o700)
    private = directory / "data"
    server = EmbeddedServer(private)
    assert server.directory == private
    server.start()
    try:
        cluster = existing_cluster(private)
        assert cluster is not None
        assert cluster.is_relative_to(fallback_root)
        assert server.directory == cluster.parent
        assert cluster.stat().st_mode & 0o777 == 0o700
        assert str(cluster.parent) in caplog.text
        assert EmbeddedServer(private).dsn("postgres") == server.dsn("postgres")
        assert directory.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
    caplog.clear()
    server.start()
    server.stop()
    assert existing_cluster(private) == cluster


@as_root
def test_programs_in_a_private_place_are_copied(
    directory: Path, fallback_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = bundled()
    assert wheel is not None
    can_enter = SystemUser.can_enter
    monkeypatch.setattr(
        SystemUser, "can_enter", lambda self, path: wheel.folder not in path.parents and can_enter(self, path)
    )
    server = EmbeddedServer(directory)
    server.start()
    try:
        copied = find_place(directory, use_fallback=False).binaries.folder
        assert copied.is_relative_to(fallback_root)
        with psycopg.connect(server.dsn("postgres")) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        server.stop()
    assert [path.name for path in (fallback_root / "options-scanner").iterdir() if "partial" in path.name] == []


@as_root
def test_an_ordinary_user_runs_it_as_himself(directory: Path) -> None:
    user = pwd.getpwnam("nobody")
    os.chown(directory, user.pw_uid, user.pw_gid)
    python = _python_of(user)
    if python is None:
        pytest.skip("the user nobody can run no Python that sees this project and its packages")
    done = _as(user, [python, "-B", "-m", "tests.integration.db.owner", str(directory / "data")])
    assert '"owner": true' in done.stdout
    assert (directory / "data" / "postgres" / "PG_VERSION").stat().st_uid == user.pw_uid


def _python_of(user: pwd.struct_passwd) -> str | None:
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            if _as(user, [python, "-B", "-c", "import db.embedded, tests.integration.db.owner"]).returncode == 0:
                return python
        except PermissionError:
            continue
    return None


def _as(user: pwd.struct_passwd, command: list[str]) -> subprocess.CompletedProcess[str]:
    packages = sysconfig.get_path("purelib")
    return subprocess.run(
        command,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        cwd=PROJECT,
        env={"PYTHONPATH": f"{PROJECT}{os.pathsep}{packages}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_cluster_of_another_user(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "postgres").mkdir()
    ours = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: ours + 12345)
    with pytest.raises(DataDirectoryError, match=f"belongs to the user {pwd.getpwuid(ours).pw_name}"):
        EmbeddedServer(directory).dsn("postgres")


def test_a_directory_that_cannot_be_made(directory: Path) -> None:
    (directory / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="SCANNER_DATA_DIR"):
        EmbeddedServer(directory / "file" / "data").start()


def test_no_programs_at_all(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.embedded.binaries.PACKAGE", "no_such_package")
    server = EmbeddedServer(directory)
    with pytest.raises(DataDirectoryError, match=r"Install requirements\.txt, or set DATABASE_URL"):
        server.start()
    assert not server.is_owner


def test_a_newer_cluster(directory: Path) -> None:
    _fake_cluster(directory, "99")
    with pytest.raises(DataDirectoryError, match=r"written by PostgreSQL 99.*Update the program"):
        EmbeddedServer(directory).start()


def test_a_broken_cluster_says_where_its_log_is(directory: Path) -> None:
    server = EmbeddedServer(directory)
    server.start()
    server.stop()
    (directory / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(DataDirectoryError, match=r"did not start: .*pg_control.*server\.log"):
        server.start()
    assert not server.is_owner


def test_an_older_cluster_and_the_commands_that_move_it(directory: Path) -> None:
    old = bundled(16)
    if old is None:
        pytest.skip("the wheel brings no older PostgreSQL")
    _old_cluster_with_data(directory, old)
    server = EmbeddedServer(directory)
    with pytest.raises(DataDirectoryTooOldError, match="written by PostgreSQL 16") as caught:
        server.start()
    assert not server.is_owner

    commands = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert len(commands) == 5
    for command in commands:
        _run(command)
    server.start()
    try:
        with psycopg.connect(server.dsn("options_live")) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)
    finally:
        server.stop()


def _old_cluster_with_data(directory: Path, old: Binaries) -> None:
    cluster = directory / "postgres"
    cluster.mkdir()
    user = system_user(directory / "none")
    user.give(cluster)
    prefix = f"runuser -u {user.name} -- " if user.uid else ""
    port = free_port()
    quoted = shlex.quote(str(cluster))
    _run(f"{prefix}{old.program('initdb')} -D {quoted} -U scanner --auth=trust")
    with (cluster / "postgresql.conf").open("a") as file:
        file.write("unix_socket_directories = ''\n")
    _run(f"{prefix}{old.program('pg_ctl')} -D {quoted} -w -l {quoted}/log -o '-p {port}' start")
    where = f"host=127.0.0.1 port={port} user=scanner"
    with psycopg.connect(f"{where} dbname=postgres", autocommit=True) as connection:
        connection.execute("create database options_live")
    with psycopg.connect(f"{where} dbname=options_live") as connection:
        connection.execute("create table kept as select 42 as answer")
    _run(f"{prefix}{old.program('pg_ctl')} -D {quoted} -w stop")


def _run(command: str) -> None:
    subprocess.run(shlex.split(command), cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


def _fake_cluster(directory: Path, version: str) -> None:
    cluster = directory / "postgres"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text(f"{version}\n")
    system_user(directory / "none").give(cluster)
