"""Connections that were just used are not asked whether they live, and a lost one is noticed all the same."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from db import liveness
from db.engine import Database, open_database
from scanner.model import Mode


@pytest.fixture
def single(database_dsn: str) -> Iterator[Database]:
    """A database with one pooled connection."""
    opened = open_database(database_dsn, mode=Mode.SIMULATED, pool_size=1)
    yield opened
    opened.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Server processes whose connections were asked, in order."""
    found: list[int] = []
    check = ConnectionPool.check_connection

    def noted(connection: psycopg.Connection) -> None:
        found.append(connection.info.backend_pid)
        check(connection)

    monkeypatch.setattr(ConnectionPool, "check_connection", staticmethod(noted))
    return found


def process(database: Database) -> int:
    with database.connection() as connection:
        return connection.info.backend_pid


def test_a_connection_just_used_is_not_asked(single: Database, asked: list[int]) -> None:
    first = process(single)
    asked.clear()
    assert [process(single) for _ in range(5)] == [first] * 5
    assert asked == []


def test_a_connection_that_has_rested_is_asked(
    single: Database, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = process(single)
    monkeypatch.setattr(liveness, "TRUSTED_SECONDS", 0.0)
    asked.clear()
    assert process(single) == first
    assert asked == [first]


def test_a_connection_ended_by_the_server_is_replaced_before_anybody_uses_it(
    single: Database, database: Database, asked: list[int]
) -> None:
    first = process(single)
    with database.connection() as other:
        other.execute("select pg_terminate_backend(%s, 60000)", [first])
    with single.connection() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        assert connection.info.backend_pid != first
    assert first in asked


def test_a_failed_statement_leaves_a_connection_that_works(single: Database) -> None:
    first = process(single)
    with pytest.raises(Exception, match="no_such_table"), single.connection() as connection:
        connection.execute("select * from no_such_table")
    assert process(single) == first
