"""Which schema revisions this program knows, without importing Alembic (half a second) at every start."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

from scanner.errors import DatabaseModeError, DatabaseNotMigratedError, DatabaseSchemaTooNewError
from scanner.model import Mode

MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"
_FILE_NAME = re.compile(r"(\d{4})_\w+\.py")


def known_revisions() -> tuple[str, ...]:
    """Revision ids in order, "0001" first, read from the file names `0001_subject.py`."""
    names = (_FILE_NAME.fullmatch(path.name) for path in (MIGRATIONS_FOLDER / "versions").iterdir())
    return tuple(sorted(match[1] for match in names if match))


def stored_revision(connection: psycopg.Connection) -> str | None:
    """The revision the database is at; None for a database without our tables.

    Errors: DatabaseSchemaTooNewError where this program does not know it.
    """
    if not _exists(connection, "alembic_version"):
        return None
    row = connection.execute("select version_num from alembic_version").fetchone()
    if row is None:
        return None
    revision = str(row[0])
    known = known_revisions()
    if revision not in known:
        raise DatabaseSchemaTooNewError(
            f"the database schema is at revision {revision}, this program knows up to {known[-1]}. Update the program"
        )
    return revision


def is_current(connection: psycopg.Connection) -> bool:
    return stored_revision(connection) == known_revisions()[-1]


def check_current(connection: psycopg.Connection) -> None:
    """Errors: DatabaseNotMigratedError, DatabaseSchemaTooNewError."""
    revision = stored_revision(connection)
    head = known_revisions()[-1]
    if revision != head:
        state = "has no tables yet" if revision is None else f"is at revision {revision}, this program needs {head}"
        raise DatabaseNotMigratedError(f"the database {state}. Run `python -m app.cli migrate`")


def check_mode(connection: psycopg.Connection, mode: Mode) -> None:
    """Refuse a database of another mode. One without our tables has none yet.

    Errors: DatabaseModeError.
    """
    stored = stored_mode(connection)
    if stored not in (None, mode):
        raise DatabaseModeError(
            f"the database holds {stored} data and the program runs in {mode} mode. "
            f"Set DATABASE_URL to another database, or unset it: the embedded server keeps one for each mode"
        )


def stored_mode(connection: psycopg.Connection) -> Mode | None:
    if not _exists(connection, "database_info"):
        return None
    row = connection.execute("select mode from database_info").fetchone()
    return None if row is None else Mode(row[0])


def claim_mode(connection: psycopg.Connection, mode: Mode) -> None:
    """Write the mode into a new database. A database has one for ever.

    Errors: DatabaseModeError where another process claimed it for another mode.
    """
    connection.execute("insert into database_info (mode) values (%s) on conflict do nothing", [mode.value])
    check_mode(connection, mode)


def _exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("select to_regclass(%s)", [table]).fetchone()
    return row is not None and row[0] is not None
