"""Sums of many writers in one account."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from db import source_account
from db.engine import Database
from db.source_account import CallRow, QuoteRow

HOUR = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
NEXT = HOUR + timedelta(hours=1)
SOURCES = ("polygon", "robinhood", "schwab", "yahoo")
ROUNDS = 25


def write(database: Database, seed: int) -> None:
    """Sums of every source, in an order of this writer's own."""
    order = random.Random(seed)
    for _ in range(ROUNDS):
        sources = order.sample(SOURCES, len(SOURCES))
        outcomes = order.sample(("answer", "SourceTimeoutError"), 2)
        with database.connection() as connection:
            source_account.add(
                connection,
                calls=[(source, HOUR, outcome, 2, 0.5, 0.25) for source in sources for outcome in outcomes],
                latencies=[(source, HOUR, bucket, 1) for source in sources for bucket in order.sample(range(40), 40)],
                quotes=[(source, HOUR, "contracts", 120.0) for source in sources],
            )


def test_writers_in_any_order_never_block_one_another_for_good_and_lose_nothing(database: Database) -> None:
    """All meet at the same new rows; a deadlock would end one of them with an error."""
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda seed: write(database, seed), range(6)))
    with database.connection() as connection:
        account = source_account.since(connection, HOUR)
    times = 6 * ROUNDS
    assert account.calls == [
        CallRow(source, HOUR, outcome, 2 * times, 0.5 * times, 0.25 * times)
        for source in SOURCES
        for outcome in ("SourceTimeoutError", "answer")
    ]
    assert account.latencies == {source: dict.fromkeys(range(40), times) for source in SOURCES}
    assert account.quotes == [QuoteRow(source, HOUR, "contracts", 120.0 * times) for source in SOURCES]


def test_hours_are_kept_apart_and_latencies_are_of_all_of_them(database: Database) -> None:
    with database.connection() as connection:
        for hour, calls in ((HOUR, 3), (NEXT, 4)):
            source_account.add(
                connection,
                calls=[("yahoo", hour, "answer", calls, 1.0, 0.0)],
                latencies=[("yahoo", hour, 30, calls)],
                quotes=[("yahoo", hour, "contracts", 10.0)],
            )
        both, later = source_account.since(connection, HOUR), source_account.since(connection, NEXT)
    assert [(row.hour, row.calls) for row in both.calls] == [(HOUR, 3), (NEXT, 4)]
    assert both.latencies == {"yahoo": {30: 7}}
    assert ([row.calls for row in later.calls], later.latencies) == ([4], {"yahoo": {30: 4}})
    assert [row.hour for row in later.quotes] == [NEXT]


def test_what_is_older_than_an_hour_given_is_forgotten_and_nothing_else(database: Database) -> None:
    with database.connection() as connection:
        for hour in (HOUR, NEXT):
            source_account.add(
                connection,
                calls=[("yahoo", hour, "answer", 1, 1.0, 0.0)],
                latencies=[("yahoo", hour, 30, 1)],
                quotes=[("yahoo", hour, "contracts", 10.0)],
            )
        source_account.drop_before(connection, NEXT)
        left = source_account.since(connection, HOUR)
    assert [row.hour for row in left.calls] == [row.hour for row in left.quotes] == [NEXT]
    assert left.latencies == {"yahoo": {30: 1}}


def test_nothing_added_is_nothing_stored(database: Database) -> None:
    with database.connection() as connection:
        source_account.add(connection, calls=[], latencies=[], quotes=[])
        assert source_account.since(connection, HOUR) == source_account.Account(calls=[], quotes=[])
