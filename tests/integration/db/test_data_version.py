"""The data version: counts every step, and throttles where asked."""

from __future__ import annotations

from db.data_version import advance_data_version, data_version
from db.engine import Database


def test_it_advances_by_one(database: Database) -> None:
    with database.connection() as connection:
        before = data_version(connection)
        assert advance_data_version(connection)
        assert advance_data_version(connection)
        assert data_version(connection) == before + 2


def test_with_a_limit_it_advances_once_in_that_time(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("update data_version set advanced_at = now() - interval '11 seconds'")
        before = data_version(connection)
        assert advance_data_version(connection, at_most_every_seconds=10)
        assert not advance_data_version(connection, at_most_every_seconds=10)
        assert data_version(connection) == before + 1


def test_a_throttled_writer_does_not_wait_for_another(database: Database) -> None:
    with database.connection() as first, database.connection() as second:
        second.execute("set local lock_timeout = '2s'")
        first.execute("update data_version set advanced_at = now() - interval '1 hour'")
        first.commit()
        assert advance_data_version(first, at_most_every_seconds=10)
        assert not advance_data_version(second, at_most_every_seconds=10)
