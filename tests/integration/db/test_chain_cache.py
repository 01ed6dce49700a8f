"""The shared chains of a real server."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

from pandas.testing import assert_frame_equal

from db.chain_cache import SharedChainCache
from db.engine import Database
from scanner.model import SkippedSource
from tests.integration.db.conftest import NOW, Priced
from tests.integration.db.processes import together

TAKING = """
from db.chain_cache import SharedChainCache
cache = SharedChainCache(database)
print(json.dumps(sum(cache.take("KO") for _ in range(20))))
"""


def test_a_chain_comes_back_whole_as_long_as_it_is_young(database: Database, priced: Callable[..., Priced]) -> None:
    snapshot = dataclasses.replace(priced("KO").snapshot, skipped=(SkippedSource("schwab", "SourceAuthError", "x"),))
    cache = SharedChainCache(database)
    assert cache.find("KO", since=NOW - timedelta(minutes=1)) is None
    assert cache.take("KO")
    cache.store(snapshot)
    found = SharedChainCache(database).find("KO", since=NOW - timedelta(minutes=1))
    assert found is not None
    assert_frame_equal(found.contracts, snapshot.contracts, check_exact=True)
    assert (found.skipped, found.fetched_at) == (snapshot.skipped, snapshot.fetched_at)
    assert cache.find("KO", since=snapshot.fetched_at + timedelta(microseconds=1)) is None


def test_of_many_processes_one_takes_a_symbol(database_dsn: str) -> None:
    assert sum(together(database_dsn, TAKING, 4)) == 1


def test_who_holds_it_gives_it_back_or_loses_it_in_time(database: Database) -> None:
    cache = SharedChainCache(database)
    assert cache.take("KO")
    assert not cache.take("KO")
    cache.give_back("KO")
    assert cache.take("KO")
    with database.connection() as connection:
        connection.execute("update chain_cache set fetching_until = clock_timestamp() - interval '1 s'")
    assert cache.take("KO")


def test_what_is_old_leaves_and_what_is_being_fetched_stays(database: Database, priced: Callable[..., Priced]) -> None:
    cache = SharedChainCache(database)
    for symbol in ("KO", "AAPL"):
        assert cache.take(symbol)
    cache.store(priced("KO").snapshot)
    cache.drop_before(NOW + timedelta(hours=1))
    with database.connection() as connection:
        assert connection.execute("select symbol from chain_cache").fetchall() == [("AAPL",)]
