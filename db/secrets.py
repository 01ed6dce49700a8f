"""Secrets as ciphertext, and the locks by which changes to them happen one after another on all machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from db.engine import Database

_ALL_LOCK: Final = 7_240_400_001
_NAME_LOCK_CLASS: Final = 72_405
"""First half of the key of the lock on one name; the second is a hash of the name."""


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """One entry as it is stored. `key_id` says which key opens it."""

    name: str
    key_id: str
    nonce: bytes
    ciphertext: bytes


@contextmanager
def changing(database: Database) -> Iterator[Connection[Any]]:
    """A transaction during which nobody else reads or changes secrets. Its commit is on the disk."""
    with database.connection() as connection:
        connection.execute("set local synchronous_commit = on")
        connection.execute("select pg_advisory_xact_lock(%s)", [_ALL_LOCK])
        yield connection


@contextmanager
def reading(database: Database) -> Iterator[Connection[Any]]:
    """A transaction during which nobody changes secrets."""
    with database.connection() as connection:
        connection.execute("select pg_advisory_xact_lock_shared(%s)", [_ALL_LOCK])
        yield connection


@contextmanager
def holding(database: Database, name: str, *, wait_seconds: float) -> Iterator[None]:
    """While entered, nobody else gets in here with this name, on any machine. Secrets can be read and changed.

    The server ends a hold of more than five minutes. Errors: DatabaseTimeoutError after `wait_seconds` of waiting.
    """
    with database.connection() as connection:
        for setting, seconds in (("lock_timeout", wait_seconds), ("statement_timeout", 0.0)):
            connection.execute("select set_config(%s, %s, true)", [setting, f"{round(seconds * 1000)}ms"])
        connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [_NAME_LOCK_CLASS, name])
        yield


def find(connection: Connection[Any], name: str) -> SealedSecret | None:
    """The entry of this name; None where there is none."""
    return next(iter(_select(connection, "where name = %s", [name])), None)


def everything(connection: Connection[Any]) -> tuple[SealedSecret, ...]:
    """All entries by name."""
    return _select(connection, "order by name", [])


def names(connection: Connection[Any]) -> tuple[str, ...]:
    return tuple(name for (name,) in connection.execute("select name from secrets order by name"))


def key_ids(connection: Connection[Any]) -> frozenset[str]:
    """Which keys the entries need."""
    return frozenset(key_id for (key_id,) in connection.execute("select distinct key_id from secrets"))


def store(connection: Connection[Any], secret: SealedSecret) -> None:
    """Insert the entry, or replace the one of its name."""
    connection.execute(
        """
        insert into secrets (name, key_id, nonce, ciphertext)
        values (%s, %s, %s, %s)
        on conflict (name) do update
        set key_id = excluded.key_id, nonce = excluded.nonce, ciphertext = excluded.ciphertext, updated_at = now()
        """,
        [secret.name, secret.key_id, secret.nonce, secret.ciphertext],
    )


def delete(connection: Connection[Any], name: str) -> bool:
    """True where there was such an entry."""
    return connection.execute("delete from secrets where name = %s", [name]).rowcount == 1


def _select(connection: Connection[Any], rest: str, values: list[str]) -> tuple[SealedSecret, ...]:
    query = f"select name, key_id, nonce, ciphertext from secrets {rest}"  # noqa: S608 fixed texts only
    with connection.cursor(row_factory=class_row(SealedSecret)) as cursor:
        return tuple(cursor.execute(query.encode(), values))
