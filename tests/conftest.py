"""Fixtures every tier may ask for. Nothing starts before a test asks."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql

from app.settings import ENV_FILE_VARIABLE
from db.embedded import EmbeddedServer
from db.engine import Database, create_database_if_missing, migrate, open_database
from scanner.model import Mode

TEMPLATE = "template_simulated"
_KEPT = "SCANNER_REQUIRE_BROWSER"
_numbers = itertools.count(1)


hypothesis.settings.register_profile("any speed", deadline=None)
hypothesis.settings.load_profile("any speed")


def pytest_configure() -> None:
    """Tests see no settings of this machine, neither from its environment nor from a file `.env`."""
    for name in [name for name in os.environ if name == "DATABASE_URL" or name.startswith("SCANNER_")]:
        if name != _KEPT:
            del os.environ[name]
    os.environ[ENV_FILE_VARIABLE] = os.devnull


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test has a name of its own: of those that share one, pytest-xdist runs one and says nothing of the rest."""
    shared = [name for name, number in Counter(item.nodeid for item in items).items() if number > 1]
    if shared:
        raise pytest.UsageError(f"several tests have the same name: {', '.join(shared)}")


@pytest.fixture(scope="session")
def public_directory() -> Iterator[Path]:
    """A temporary directory that every user of this machine may enter: as root, PostgreSQL runs as another user."""
    directory = Path(tempfile.mkdtemp(prefix="options-scanner-tests-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def server(public_directory: Path) -> Iterator[EmbeddedServer]:
    """A running embedded server of this test session, stopped at its end."""
    server = EmbeddedServer(public_directory / f"server-{os.getpid()}")
    server.start()
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("alter system set fsync = off")  # a power cut during the tests may destroy their data
        connection.execute("select pg_reload_conf()")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """The name of a migrated, empty database of mode simulated, to clone."""
    dsn = server.dsn(TEMPLATE)
    create_database_if_missing(dsn)
    migrate(dsn, mode=Mode.SIMULATED)
    return TEMPLATE


@pytest.fixture
def new_database(server: EmbeddedServer) -> Iterator[Callable[[str | None], str]]:
    """A function that makes a database, a copy of `template` or empty, and returns its connection string."""
    names: list[str] = []

    def make(template: str | None) -> str:
        name = f"test_{next(_numbers)}"
        names.append(name)
        _maintain(server, "create database {} template {}", name, template or "template0")
        return server.dsn(name)

    yield make
    for name in names:
        _maintain(server, "drop database {} with (force)", name)


@pytest.fixture
def database_dsn(new_database: Callable[[str | None], str], template: str) -> str:
    """The connection string of this test's own migrated, empty database."""
    return new_database(template)


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    """This test's own migrated, empty database of mode simulated, open."""
    opened = open_database(database_dsn, mode=Mode.SIMULATED)
    yield opened
    opened.close()


def _maintain(server: EmbeddedServer, statement: str, *names: str) -> None:
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))
