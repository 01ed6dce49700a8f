"""A server of one's own, as DATABASE_URL names it: an older version than the embedded one, and the same code."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.embedded.binaries import bundled
from db.embedded.cluster import free_port
from db.embedded.system_user import system_user
from db.engine import create_database_if_missing, migrate, open_database
from db.revisions import known_revisions
from scanner.model import Mode

VERSION = 16


@pytest.fixture
def address(public_directory: Path) -> Iterator[str]:
    """The address of a database on a PostgreSQL 16 without any setting of ours, reached without a password."""
    programs = bundled(VERSION)
    if programs is None:
        pytest.skip(f"the wheel brings no PostgreSQL {VERSION}")
    user, port = system_user(public_directory / "none"), free_port()
    cluster = public_directory / "server-of-ones-own"
    cluster.mkdir()
    user.give(cluster)

    def run(name: str, arguments: str) -> None:
        command = [programs.program(name), "-D", str(cluster), *shlex.split(arguments)]
        subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, **user.identity
        )

    run("initdb", "-U owner --auth=trust --no-sync")
    run("pg_ctl", f"-w -l {cluster / 'log'} -o \"-p {port} -c unix_socket_directories=''\" start")
    yield f"postgresql://owner@127.0.0.1:{port}/prices"
    run("pg_ctl", "-w -m immediate stop")


def test_everything_works_on_it(address: str) -> None:
    create_database_if_missing(address)
    create_database_if_missing(address)
    assert migrate(address, mode=Mode.LIVE)
    database = open_database(address, mode=Mode.LIVE)
    with database.connection() as connection:
        assert connection.info.server_version // 10_000 == VERSION
        assert connection.execute("select version_num from alembic_version").fetchone() == (known_revisions()[-1],)
    database.close()
