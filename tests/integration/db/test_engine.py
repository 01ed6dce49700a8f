"""Opening a database: what is refused, and with which message."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.embedded import EmbeddedServer
from db.engine import Database, open_database
from scanner.errors import (
    DatabaseAuthError,
    DatabaseError,
    DatabaseModeError,
    DatabaseNotMigratedError,
    DatabaseSchemaTooNewError,
    DatabaseTimeoutError,
    DatabaseUnreachableError,
)
from scanner.model import Mode

NewDatabase = Callable[[str | None], str]


def test_connection_commits_at_the_end_and_rolls_back_on_an_error(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("update data_version set version = 5")
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(database)
    with database.connection() as connection:
        assert connection.execute("select version from data_version").fetchone() == (5,)


def test_instants_come_back_in_utc(database: Database) -> None:
    with database.connection() as connection:
        row = connection.execute("select '2026-03-08 12:00+09'::timestamptz").fetchone()
    assert row is not None
    assert row[0].isoformat() == "2026-03-08T03:00:00+00:00"


def test_a_statement_over_its_limit_is_a_timeout(database_dsn: str) -> None:
    database = open_database(database_dsn, mode=Mode.SIMULATED, statement_timeout_seconds=0.05)
    try:
        with pytest.raises(DatabaseTimeoutError), database.connection() as connection:
            connection.execute("select pg_sleep(5)")
        with database.connection() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        database.close()


def test_foreign_errors_leave_as_ours(database: Database) -> None:
    with pytest.raises(DatabaseError, match="UndefinedTable") as caught, database.connection() as connection:
        connection.execute("select 1 from no_such_table")
    assert isinstance(caught.value.__cause__, psycopg.Error)


def test_a_busy_pool_says_so(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.POOL_WAIT_SECONDS", 0.1)
    database = open_database(database_dsn, mode=Mode.SIMULATED, pool_size=1)
    try:
        with (
            database.connection(),
            pytest.raises(DatabaseTimeoutError, match="all 1 connections"),
            database.connection(),
        ):
            pass
    finally:
        database.close()


def test_a_closed_database_says_so(database_dsn: str) -> None:
    database = open_database(database_dsn, mode=Mode.SIMULATED)
    database.close()
    with pytest.raises(DatabaseError, match="closed"), database.connection():
        pass


def test_nobody_answers() -> None:
    with pytest.raises(DatabaseUnreachableError, match=r"someone@127\.0\.0\.1:1/prices") as caught:
        open_database("postgresql://someone:s3cret@127.0.0.1:1/prices", mode=Mode.LIVE)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in str(caught.value.__cause__)


def test_unknown_host() -> None:
    with pytest.raises(DatabaseUnreachableError, match="DATABASE_URL"):
        open_database("postgresql://someone:s3cret@no-such-host.invalid/prices", mode=Mode.LIVE)


def test_wrong_password(database_dsn: str) -> None:
    with pytest.raises(DatabaseAuthError, match="password authentication failed") as caught:
        open_database(make_conninfo(database_dsn, password="s3cret"), mode=Mode.SIMULATED)
    assert "s3cret" not in str(caught.value)


def test_unknown_user_and_unknown_database(database_dsn: str) -> None:
    for change in ({"user": "stranger"}, {"dbname": "no_such_database"}):
        with pytest.raises(DatabaseAuthError):
            open_database(make_conninfo(database_dsn, **change), mode=Mode.SIMULATED)


def test_another_mode(database_dsn: str) -> None:
    with pytest.raises(DatabaseModeError, match="holds simulated data and the program runs in live mode"):
        open_database(database_dsn, mode=Mode.LIVE)


def test_no_tables(new_database: NewDatabase) -> None:
    with pytest.raises(DatabaseNotMigratedError, match="has no tables yet"):
        open_database(new_database(None), mode=Mode.LIVE)


def test_older_schema(database_dsn: str) -> None:
    _set_revision(database_dsn, "0001")
    with pytest.raises(DatabaseNotMigratedError, match="is at revision 0001"):
        open_database(database_dsn, mode=Mode.SIMULATED)


def test_newer_schema(database_dsn: str) -> None:
    _set_revision(database_dsn, "9999")
    with pytest.raises(DatabaseSchemaTooNewError, match="9999"):
        open_database(database_dsn, mode=Mode.SIMULATED)


def test_repr_and_dsn(database: Database, server: EmbeddedServer) -> None:
    password = str(conninfo_to_dict(server.dsn("postgres"))["password"])
    assert password not in repr(database)
    assert password in database.dsn


def _set_revision(dsn: str, revision: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("update alembic_version set version_num = %s", [revision])


def _write_and_fail(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("update data_version set version = 6")
        raise ZeroDivisionError
