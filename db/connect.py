"""One connection at a time, and the one place where errors of psycopg become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from scanner.errors import (
    DatabaseAuthError,
    DatabaseError,
    DatabaseTimeoutError,
    DatabaseTooOldError,
    DatabaseUnreachableError,
)

MINIMUM_MAJOR = 14
CONNECT_TIMEOUT_SECONDS = 5
MAINTENANCE_DATABASE = "postgres"
_REFUSALS = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")
_TIMEOUTS = (errors.QueryCanceled, errors.LockNotAvailable, errors.IdleInTransactionSessionTimeout)


def describe(dsn: str) -> str:
    """`user@host:port/database` of a connection string: what a message may show. Never the password."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.Error:
        return "an address that cannot be read"
    host = parts.get("host") or parts.get("hostaddr") or "the local socket"
    port = parts.get("port") or "5432"
    user = parts.get("user") or "the current user"
    return f"{user}@{host}:{port}/{parts.get('dbname') or user}"


def connect(dsn: str, *, autocommit: bool = False) -> psycopg.Connection:
    """Connect once and check the server's version.

    Errors: DatabaseUnreachableError, DatabaseAuthError, DatabaseTooOldError.
    """
    try:
        settings = conninfo_to_dict(dsn)
    except psycopg.Error:
        raise DatabaseUnreachableError(
            "the database address cannot be read. DATABASE_URL looks like postgresql://user:password@host:5432/database"
        ) from None  # the cause quotes the part of the address that could not be read, perhaps the password
    timeout = settings.get("connect_timeout") or CONNECT_TIMEOUT_SECONDS
    try:
        connection = psycopg.connect(dsn, connect_timeout=timeout, autocommit=autocommit)
    except psycopg.Error as error:
        raise connection_error(error, dsn) from error
    try:
        check_server_version(connection.info.server_version, dsn)
    except DatabaseTooOldError:
        connection.close()
        raise
    return connection


def check_server_version(server_version: int, dsn: str) -> None:
    """`server_version` as libpq gives it: 140005 is 14.5.

    Errors: DatabaseTooOldError below PostgreSQL 14.
    """
    if server_version < MINIMUM_MAJOR * 10_000:
        raise DatabaseTooOldError(
            f"{describe(dsn)} runs PostgreSQL {server_version // 10_000}; this program needs {MINIMUM_MAJOR} or newer. "
            "Upgrade the server, or unset DATABASE_URL to use the embedded one"
        )


def connection_error(error: psycopg.Error, dsn: str) -> DatabaseError:
    """Our error for a failed connection attempt. libpq gives no code for it, only the server's text."""
    text = _one_line(error)
    if any(part in text for part in _REFUSALS):
        return DatabaseAuthError(f"{describe(dsn)} refused the connection: {text}. Correct DATABASE_URL")
    if "FATAL" in text:
        return DatabaseUnreachableError(f"{describe(dsn)} takes no connection now: {text}. Try again shortly")
    return DatabaseUnreachableError(
        f"no database answers at {describe(dsn)}: {text}. Start the server, or correct DATABASE_URL"
    )


@contextmanager
def translated(dsn: str) -> Iterator[None]:
    """Everything psycopg raises inside leaves as a DatabaseError, with the original as its cause."""
    try:
        yield
    except psycopg.Error as error:
        raise statement_error(error, dsn) from error


def statement_error(error: psycopg.Error, dsn: str) -> DatabaseError:
    """Our error for a failure on an open connection."""
    where, text = describe(dsn), _one_line(error)
    if isinstance(error, _TIMEOUTS):
        return DatabaseTimeoutError(f"{where}: {text}")
    lost = isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08").startswith(("08", "57P"))
    if lost:
        return DatabaseUnreachableError(f"the connection to {where} was lost: {text}. Try again")
    return DatabaseError(f"{where}: {type(error).__name__}: {text}")


def create_database_if_missing(dsn: str) -> None:
    """Create the database named in `dsn`, through the server's maintenance database. Safe to call at the same time.

    Errors: those of `connect`.
    """
    settings = conninfo_to_dict(dsn)
    name = str(settings["dbname"])
    with connect(make_conninfo(dsn, dbname=MAINTENANCE_DATABASE), autocommit=True) as connection, translated(dsn):
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            return
        try:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            return


def _one_line(error: BaseException) -> str:
    """The error's text without a final stop, for it goes on in a sentence of ours."""
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return text.rstrip(" .?") or type(error).__name__
