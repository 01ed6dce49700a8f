"""Settings and preferences as they are stored: texts by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection


def settings(connection: Connection[Any]) -> dict[str, str]:
    """Variable -> value, as the environment would have it."""
    return dict(connection.execute("select name, value from stored_settings order by name").fetchall())


def change_settings(connection: Connection[Any], changes: Mapping[str, str | None], *, now: datetime) -> None:
    """Store values; None takes one out."""
    for name, value in changes.items():
        if value is None:
            connection.execute("delete from stored_settings where name = %s", [name])
        else:
            connection.execute(
                "insert into stored_settings (name, value, changed_at) values (%s, %s, %s) "
                "on conflict (name) do update set value = excluded.value, changed_at = excluded.changed_at",
                [name, value, now],
            )


def preferences(connection: Connection[Any], owner_id: int | None) -> dict[str, str]:
    """Name -> value of one user."""
    return dict(
        connection.execute(
            "select name, value from preferences where owner_id is not distinct from %s order by name", [owner_id]
        ).fetchall()
    )


def change_preferences(
    connection: Connection[Any], changes: Mapping[str, str], *, owner_id: int | None, now: datetime
) -> None:
    for name, value in changes.items():
        connection.execute(
            "insert into preferences (owner_id, name, value, changed_at) values (%s, %s, %s, %s) "
            "on conflict (coalesce(owner_id, 0), name) "
            "do update set value = excluded.value, changed_at = excluded.changed_at",
            [owner_id, name, value, now],
        )
