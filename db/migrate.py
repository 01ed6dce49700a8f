"""Bring a database's schema up to date. Alembic is imported only where there is something to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from db.connect import connect, describe, translated
from db.revisions import MIGRATIONS_FOLDER, check_mode, claim_mode, is_current, stored_mode
from scanner.errors import DatabaseError
from scanner.model import Mode

# Any constant of our own: processes that migrate the same database wait for one another on it.
_LOCK_KEY = 7_203_114_022
_LOCK_TIMEOUT_SECONDS = 120


def migrate(dsn: str, *, mode: Mode) -> bool:
    """Create or upgrade the tables and remember the mode. True where something was done.

    Safe to call from several processes at once: one migrates, the others wait up to two minutes. A revision is
    applied wholly or not at all.

    Errors: those of `connect`; DatabaseSchemaTooNewError; DatabaseModeError (nothing was changed);
    DatabaseTimeoutError where another process holds the lock too long; DatabaseError where a revision failed.
    """
    with connect(dsn, autocommit=True) as connection, translated(dsn):
        check_mode(connection, mode)
        if is_current(connection) and stored_mode(connection) is mode:
            return False
        with _lock(connection):
            check_mode(connection, mode)
            if not is_current(connection):
                _upgrade(dsn)
            claim_mode(connection, mode)
    return True


@contextmanager
def _lock(connection: psycopg.Connection) -> Iterator[None]:
    """A lock of this session: the server releases it also when we are killed."""
    connection.execute("select set_config('lock_timeout', %s, false)", [f"{_LOCK_TIMEOUT_SECONDS}s"])
    connection.execute("select pg_advisory_lock(%s)", [_LOCK_KEY])
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", [_LOCK_KEY])


def _upgrade(dsn: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)
    with engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS_FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            raise DatabaseError(
                f"{describe(dsn)} could not be upgraded; it keeps what its last complete revision made: {error.orig}"
            ) from error
