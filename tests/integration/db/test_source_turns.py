"""Turns of one limit among threads and processes on a real server."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from db.engine import Database
from db.source_turns import SharedLimiter
from scanner.errors import DatabaseError
from scanner.sources.resilience import RateLimit
from tests.integration.db.processes import together

LIMIT = RateLimit(50, 1.0, burst=10, late_seconds=0.1)
CALLING = """
from db.source_turns import SharedLimiter
from scanner.sources.resilience import RateLimit
limiter = SharedLimiter(database, "yahoo", RateLimit(50, 1.0, burst=10, late_seconds=0.1))
departures = []
end = time.time() + 3.0
while time.time() < end:
    seconds, taken = limiter.reserve(patience_seconds=60.0)
    time.sleep(seconds)
    departures.append(time.time())
print(json.dumps(departures))
"""


def test_four_processes_share_one_limit_fairly_and_never_break_it(database_dsn: str) -> None:
    """No window of a second holds more than 50 departures; each process has a quarter of them, give or take a third."""
    found = together(database_dsn, CALLING, 4)
    departures = sorted(moment for one in found for moment in one)
    busiest = max(
        sum(1 for other in departures[number : number + 80] if other < start + 0.999)
        for number, start in enumerate(departures)
    )
    assert busiest <= LIMIT.calls
    share = len(departures) / 4
    assert all(2 / 3 * share <= len(one) <= 4 / 3 * share for one in found), [len(one) for one in found]
    assert len(departures) >= 0.8 * 3.0 / LIMIT.interval_seconds


def test_a_burst_leaves_at_once_and_then_calls_follow_in_steps(database: Database) -> None:
    limiter = SharedLimiter(database, "yahoo", LIMIT)
    waits = [limiter.reserve(patience_seconds=math.inf)[0] for _ in range(20)]
    assert waits[:10] == [0.0] * 10
    assert 0.8 * LIMIT.interval_seconds * 10 <= waits[-1] <= LIMIT.interval_seconds * 10


def test_a_refused_turn_leaves_no_trace(database: Database) -> None:
    limiter = SharedLimiter(database, "polygon", RateLimit(2, 60.0))
    assert limiter.reserve(patience_seconds=1.0) == (0.0, True)
    first, taken = limiter.reserve(patience_seconds=1.0)
    second, again = limiter.reserve(patience_seconds=1.0)
    assert (taken, again) == (False, False)
    assert 59.0 < second <= first <= 60.2


def test_keys_do_not_share_turns(database: Database) -> None:
    for key in ("yahoo", "yahoo:reference", "schwab:1a2b"):
        assert SharedLimiter(database, key, RateLimit(2, 60.0)).reserve(patience_seconds=0.0) == (0.0, True)


def test_a_wish_to_be_left_alone_holds_for_everybody(database: Database) -> None:
    SharedLimiter(database, "yahoo", LIMIT).postpone(20.0)
    SharedLimiter(database, "yahoo", LIMIT).postpone(1.0)
    seconds, _ = SharedLimiter(database, "yahoo", LIMIT).reserve(patience_seconds=math.inf)
    assert 19.0 < seconds <= 20.0


def test_the_first_turns_of_many_threads_are_all_different(database: Database) -> None:
    limiter = SharedLimiter(database, "new", RateLimit(2, 1.0, late_seconds=0.0))
    with ThreadPoolExecutor(6) as pool:
        waits = sorted(pool.map(lambda _: limiter.reserve(patience_seconds=math.inf)[0], range(6)))
    assert all(later - earlier > 0.9 for earlier, later in itertools.pairwise(waits))


def test_without_the_database_there_is_an_error_and_no_wait(database: Database) -> None:
    limiter = SharedLimiter(database, "yahoo", LIMIT)
    database.close()
    with pytest.raises(DatabaseError):
        limiter.reserve(patience_seconds=1.0)
