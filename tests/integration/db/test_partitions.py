from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from db import partitions
from db.engine import Database
from scanner.errors import DatabaseTimeoutError, InputError


def test_a_month_and_a_day_are_half_open_spans() -> None:
    assert partitions.premium_month(date(2026, 12, 18)) == partitions.Span(
        "stock_premiums_2026_12", date(2026, 12, 1), date(2027, 1, 1)
    )
    assert partitions.snapshot_day(date(2028, 2, 29)) == partitions.Span(
        "chain_snapshots_2028_02_29", date(2028, 2, 29), date(2028, 3, 1)
    )
    with pytest.raises(InputError):
        partitions.snapshot_day(datetime(2026, 11, 18, 17, tzinfo=UTC))


def test_missing_partitions_are_created_once(database: Database) -> None:
    days = [date(2026, 12, 31), date(2027, 1, 1), date(2026, 12, 4)]
    with database.connection() as connection:
        assert partitions.ensure_premium_partitions(connection, days) == (
            "stock_premiums_2026_12",
            "stock_premiums_2027_01",
        )
    with database.connection() as connection:
        assert partitions.ensure_premium_partitions(connection, days) == ()


def test_workers_creating_the_same_partitions_at_once_take_turns(database: Database) -> None:
    days = [date(2026, month, 15) for month in range(1, 13)]

    def create(_: int) -> tuple[str, ...]:
        with database.connection() as connection:
            return partitions.ensure_premium_partitions(connection, days)

    with ThreadPoolExecutor(6) as pool:
        created = list(pool.map(create, range(6)))
    assert sorted(len(names) for names in created) == [0, 0, 0, 0, 0, 12]
    with database.connection() as connection:
        assert len(partitions.partitions(connection, "stock_premiums")) == 12


def test_months_wholly_past_are_dropped_and_the_current_one_stays(database: Database) -> None:
    with database.connection() as connection:
        partitions.ensure_premium_partitions(connection, [date(2026, 10, 2), date(2026, 11, 20), date(2026, 12, 18)])
    with database.connection() as connection:
        dropped = partitions.drop_expired_premium_partitions(connection, date(2026, 11, 30))
    assert dropped == ("stock_premiums_2026_10",)
    with database.connection() as connection:
        assert partitions.partitions(connection, "stock_premiums") == (
            "stock_premiums_2026_11",
            "stock_premiums_2026_12",
        )


def test_snapshot_days_are_dropped_before_a_day(database: Database) -> None:
    days = [date(2026, 11, day) for day in (16, 17, 18)]
    with database.connection() as connection:
        partitions.ensure_snapshot_partitions(connection, days)
        assert partitions.drop_snapshot_partitions(connection, date(2026, 11, 18)) == (
            "chain_snapshots_2026_11_16",
            "chain_snapshots_2026_11_17",
        )


def test_dropping_gives_up_while_a_reader_holds_the_table(database: Database) -> None:
    with database.connection() as connection:
        partitions.ensure_premium_partitions(connection, [date(2026, 10, 2)])
    with database.connection() as reader:
        reader.execute("select count(*) from stock_premiums")
        with pytest.raises(DatabaseTimeoutError), database.connection() as connection:
            partitions.drop_expired_premium_partitions(connection, date(2026, 11, 1))
    with database.connection() as connection:
        assert partitions.partitions(connection, "stock_premiums") == ("stock_premiums_2026_10",)
