"""The keys that open the REST API. Only their hashes are kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from scanner.errors import InputError


@dataclass(frozen=True, slots=True)
class ApiKey:
    name: str
    scope: str
    created_at: datetime


def digest(key: str) -> bytes:
    """What is kept of a key. A plain hash is enough for 32 random bytes."""
    return hashlib.sha256(key.encode()).digest()


def add(connection: Connection[Any], name: str, scope: str, key: str) -> None:
    """Raises InputError for a name that is taken."""
    try:
        connection.execute("insert into api_keys (name, scope, digest) values (%s, %s, %b)", [name, scope, digest(key)])
    except UniqueViolation as error:
        raise InputError(f"there is a key named {name} already. Choose another name, or revoke that one") from error


def find(connection: Connection[Any], key: str) -> ApiKey | None:
    """The key with this text; None where there is none."""
    return (
        connection.cursor(row_factory=class_row(ApiKey))
        .execute("select name, scope, created_at from api_keys where digest = %b", [digest(key)])
        .fetchone()
    )


def revoke(connection: Connection[Any], name: str) -> bool:
    """False where there was no key of this name."""
    return connection.execute("delete from api_keys where name = %s", [name]).rowcount == 1


def every(connection: Connection[Any]) -> list[ApiKey]:
    return (
        connection.cursor(row_factory=class_row(ApiKey))
        .execute("select name, scope, created_at from api_keys order by name")
        .fetchall()
    )
