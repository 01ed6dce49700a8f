"""The data version: counts every step, and throttles where asked."""

from __future__ import annotations

from db.data_version import advance, advance_if_due, current
from db.engine import Database


def test_it_advances_by_one(database: Database) -> None:
    with database.connection() as connection:
        before = current(connection)
        advance(connection)
        advance(connection)
        assert current(connection) == before + 2


def test_with_a_limit_it_advances_once_in_that_time(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("update data_version set advanced_at = now() - interval '11 seconds'")
        before = current(connection)
        advance_if_due(connection, seconds=10)
        advance_if_due(connection, seconds=10)
        assert current(connection) == before + 1
