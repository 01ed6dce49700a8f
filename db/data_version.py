"""The number caches are keyed by: it advances when a run ends, and at most every ten seconds while one writes."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection

SECONDS_BETWEEN_ADVANCES: Final = 10


def current(connection: Connection[Any]) -> int:
    """The version of the stored data as this transaction sees it."""
    row = connection.execute("select version from data_version").fetchone()
    return 0 if row is None else int(row[0])


def advance(connection: Connection[Any]) -> None:
    """Advance now: a run has ended, or something changed that pages must see at once."""
    connection.execute("update data_version set version = version + 1, advanced_at = clock_timestamp()")


def advance_if_due(connection: Connection[Any], *, seconds: float = SECONDS_BETWEEN_ADVANCES) -> None:
    """Advance unless that happened within the last `seconds`, by the server's clock.

    A row that another transaction is advancing right now is left to it: writers never wait for one another.
    """
    connection.execute(
        """
        update data_version set version = version + 1, advanced_at = clock_timestamp()
        where only_row in (
            select only_row
            from data_version
            where advanced_at <= clock_timestamp() - make_interval(secs => %s)
            for update skip locked
        )
        """,
        [seconds],
    )
