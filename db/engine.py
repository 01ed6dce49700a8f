"""An open database: the pool of connections every other module of this package works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from db.connect import CONNECT_TIMEOUT_SECONDS, connect, create_database_if_missing, describe, translated
from db.liveness import Liveness
from db.migrate import migrate
from db.revisions import check_current, check_mode
from scanner.errors import DatabaseError, DatabaseTimeoutError
from scanner.model import Mode

POOL_SIZE = 8
STATEMENT_TIMEOUT_SECONDS = 30.0
POOL_WAIT_SECONDS = 10.0
_IDLE_IN_TRANSACTION_SECONDS = 300

__all__ = ["Database", "create_database_if_missing", "database_name", "migrate", "open_database"]


def database_name(mode: Mode) -> str:
    """The database of the embedded server that holds a mode's data."""
    return f"options_{mode}"


class Database:
    """A migrated database of one mode. Made by `open_database`; shared by all threads of a process."""

    def __init__(self, dsn: str, mode: Mode, pool: ConnectionPool[psycopg.Connection[Any]]) -> None:
        self._dsn = dsn
        self._pool = pool
        self.mode = mode

    @property
    def dsn(self) -> str:
        """For libraries that connect themselves (Procrastinate). Holds the password: never log it."""
        return self._dsn

    def __repr__(self) -> str:
        return f"Database({describe(self._dsn)}, mode={self.mode})"

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """One transaction: committed at the end, rolled back on an exception.

        Errors: DatabaseUnreachableError, DatabaseAuthError, DatabaseTimeoutError (the statement's limit, or no free
        connection within 10 s), DatabaseError for anything else the server refuses.
        """
        with translated(self._dsn):
            try:
                with self._pool.connection() as connection:
                    yield connection
            except PoolTimeout as error:
                connect(self._dsn).close()
                raise DatabaseTimeoutError(
                    f"all {self._pool.max_size} connections to {describe(self._dsn)} were busy for "
                    f"{self._pool.timeout:.0f} s. Try again"
                ) from error
            except PoolClosed as error:
                raise DatabaseError("the database was closed by this process") from error

    def close(self) -> None:
        self._pool.close()


def open_database(
    dsn: str,
    *,
    mode: Mode,
    pool_size: int = POOL_SIZE,
    statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
) -> Database:
    """Check that the database can be used in this mode, and open a pool on it.

    Errors: DatabaseUnreachableError, DatabaseAuthError, DatabaseTooOldError, DatabaseSchemaTooNewError,
    DatabaseNotMigratedError, DatabaseModeError. No message holds the password.
    """
    with connect(dsn) as connection, translated(dsn):
        check_mode(connection, mode)
        check_current(connection)

    def configure(connection: psycopg.Connection[Any]) -> None:
        settings = {
            "statement_timeout": f"{round(statement_timeout_seconds * 1000)}ms",
            "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_SECONDS}s",
            "timezone": "UTC",
        }
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, false)", [name, value])
        connection.commit()

    liveness = Liveness()
    pool = ConnectionPool(
        dsn,
        min_size=1,
        max_size=pool_size,
        timeout=POOL_WAIT_SECONDS,
        kwargs={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "options-scanner"},
        configure=configure,
        check=liveness.check,
        reset=liveness.note_use,
        reconnect_timeout=POOL_WAIT_SECONDS,
        open=True,
    )
    return Database(dsn, mode, pool)
