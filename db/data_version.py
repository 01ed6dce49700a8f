"""The number that changes when stored data changes. Caches are keyed by it."""

from __future__ import annotations

from typing import Any

import psycopg


def data_version(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select version from data_version").fetchone()
    return 0 if row is None else int(row[0])


def advance_data_version(connection: psycopg.Connection[Any], *, at_most_every_seconds: float = 0.0) -> bool:
    """Count one further, unless that happened less than `at_most_every_seconds` ago. True where it advanced.

    With a limit, a row that another transaction is advancing right now is left to it, so writers never wait for one
    another; without one (a run's end) the step is always made.
    """
    updated = connection.execute(
        """
        update data_version set version = version + 1, advanced_at = clock_timestamp()
        where %(seconds)s = 0 or only_row in (
            select only_row from data_version
            where advanced_at <= clock_timestamp() - make_interval(secs => %(seconds)s)
            for update skip locked
        )
        """,
        {"seconds": at_most_every_seconds},
    )
    return updated.rowcount == 1
