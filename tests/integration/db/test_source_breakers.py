"""One breaker among threads and processes on a real server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from db import source_breakers
from db.engine import Database
from db.source_breakers import BreakerState, BreakerView, SharedBreaker
from scanner.errors import SourceAuthError, SourceTimeoutError
from scanner.sources.resilience import PROBE_WAIT_SECONDS, BreakerPolicy, Outcome
from tests.integration.db.processes import together

LATE = SourceTimeoutError("yahoo", "KO", "no answer within 20 s")
REFUSED = SourceAuthError("yahoo", "KO", "the session has ended")
POLICY = BreakerPolicy(failures=3, open_seconds=30.0, most_seconds=100.0, auth_seconds=50.0, probe_seconds=60.0)
PROBING = """
from db.source_breakers import SharedBreaker
from scanner.sources.resilience import BreakerPolicy
from concurrent.futures import ThreadPoolExecutor
policy = BreakerPolicy(failures=3, open_seconds=0.3, probe_seconds=30.0)
with ThreadPoolExecutor(4) as pool:
    waits = list(pool.map(lambda _: SharedBreaker(database, "yahoo", policy).suspended_seconds(), range(8)))
print(json.dumps(sum(1 for seconds in waits if seconds == 0.0)))
"""


def fail(breaker: SharedBreaker, times: int) -> None:
    for _ in range(times):
        breaker.report(Outcome.FAILURE, LATE)


def pass_time(database: Database, *, probe: bool = False) -> None:
    """Let the pause end, and the time of a probe."""
    with database.connection() as connection:
        connection.execute("update source_breakers set open_until = clock_timestamp()")
        if probe:
            connection.execute("update source_breakers set probe_until = clock_timestamp()")


def view(database: Database) -> BreakerView:
    with database.connection() as connection:
        (found,) = source_breakers.views(connection)
    return found


@pytest.fixture
def other(database: Database) -> SharedBreaker:
    return SharedBreaker(database, "yahoo", POLICY)


@pytest.fixture
def breaker(database: Database) -> SharedBreaker:
    return SharedBreaker(database, "yahoo", POLICY)


def test_failures_in_a_row_open_it_and_say_why(database: Database, breaker: SharedBreaker) -> None:
    assert breaker.suspended_seconds() == 0.0
    fail(breaker, 2)
    assert breaker.suspended_seconds() == 0.0
    fail(breaker, 1)
    assert breaker.suspended_seconds() > 0.0
    found = view(database)
    assert (found.state, found.failures, found.error_class) == (BreakerState.OPEN, 3, "SourceTimeoutError")
    assert found.error_message == "no answer within 20 s"


def test_an_answer_in_between_begins_the_count_anew(breaker: SharedBreaker) -> None:
    fail(breaker, 2)
    breaker.report(Outcome.ANSWER, None)
    fail(breaker, 2)
    assert breaker.suspended_seconds() == 0.0


def test_too_many_calls_say_nothing_of_the_vendor(database: Database, breaker: SharedBreaker) -> None:
    for _ in range(10):
        breaker.report(Outcome.LIMITED, None)
    with database.connection() as connection:
        assert source_breakers.views(connection) == []


def test_refused_credentials_open_it_at_once(database: Database, breaker: SharedBreaker) -> None:
    breaker.report(Outcome.AUTH, REFUSED)
    assert view(database).state is BreakerState.OPEN


def test_of_many_threads_and_processes_exactly_one_probes(database: Database, database_dsn: str) -> None:
    fail(SharedBreaker(database, "yahoo", POLICY), 3)
    pass_time(database)
    assert view(database).state is BreakerState.HALF_OPEN
    assert sum(together(database_dsn, PROBING, 4)) == 1


def test_a_probe_that_answers_closes_it_for_all(database: Database, breaker: SharedBreaker) -> None:
    fail(breaker, 3)
    pass_time(database)
    assert breaker.suspended_seconds() == 0.0
    assert SharedBreaker(database, "yahoo", POLICY).suspended_seconds() > 0.0
    breaker.report(Outcome.ANSWER, None)
    assert view(database).state is BreakerState.CLOSED
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: breaker.suspended_seconds(), range(8))) == {0.0}


def test_a_probe_that_fails_opens_it_for_longer(database: Database, breaker: SharedBreaker) -> None:
    fail(breaker, 3)
    pass_time(database)
    assert breaker.suspended_seconds() == 0.0
    fail(breaker, 1)
    assert breaker.suspended_seconds() == pytest.approx(60.0, abs=10.0)


def test_a_killed_probe_does_not_block_the_next_one_for_ever(
    database: Database, breaker: SharedBreaker, other: SharedBreaker
) -> None:
    fail(breaker, 3)
    pass_time(database)
    assert breaker.suspended_seconds() == 0.0
    assert other.suspended_seconds() > 0.0
    pass_time(database, probe=True)
    assert other.suspended_seconds() == 0.0


def test_failures_of_calls_sent_before_it_opened_do_not_count_again(database: Database, breaker: SharedBreaker) -> None:
    fail(breaker, 8)
    assert view(database).failures == 3


def test_a_probe_that_says_nothing_leaves_the_next_one_to_find_out(database: Database, breaker: SharedBreaker) -> None:
    fail(breaker, 3)
    pass_time(database)
    assert breaker.suspended_seconds() == 0.0
    breaker.report(Outcome.LIMITED, None)
    assert breaker.suspended_seconds() == 0.0


def test_while_one_probes_the_others_ask_again_soon(
    database: Database, breaker: SharedBreaker, other: SharedBreaker
) -> None:
    fail(breaker, 3)
    pass_time(database)
    assert breaker.suspended_seconds() == 0.0
    assert 0.0 < other.suspended_seconds() <= PROBE_WAIT_SECONDS


def test_somebody_who_wants_to_know_lets_one_probe_at_once(database: Database, other: SharedBreaker) -> None:
    slow = SharedBreaker(database, "yahoo", BreakerPolicy(failures=1, open_seconds=600.0))
    fail(slow, 1)
    assert slow.suspended_seconds() > 500
    with database.connection() as connection:
        source_breakers.let_probe(connection)
    assert slow.suspended_seconds() == 0.0
    assert other.suspended_seconds() > 0.0


def test_somebody_who_mended_it_may_close_it(database: Database, breaker: SharedBreaker) -> None:
    breaker.report(Outcome.AUTH, REFUSED)
    with database.connection() as connection:
        source_breakers.close(connection, "yahoo")
    assert breaker.suspended_seconds() == 0.0
