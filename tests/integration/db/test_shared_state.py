"""What processes share about sources, when one of them or the server is killed, or a clock is set."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import LiteralString

import pytest

from db import source_breakers
from db.chain_cache import SharedChainCache
from db.embedded import EmbeddedServer
from db.embedded.place import existing_cluster
from db.embedded.postmaster import postmaster_pid
from db.engine import Database, create_database_if_missing, migrate, open_database
from db.source_breakers import BreakerState, SharedBreaker
from db.source_turns import SharedLimiter
from scanner.errors import DatabaseError, SourceTimeoutError
from scanner.model import ChainSnapshot, Mode
from scanner.sources.base import Capabilities, ChooseExpirations, nearest_only
from scanner.sources.cached import CachedSource
from scanner.sources.resilience import LONGEST_PAUSE_SECONDS, PROBE_WAIT_SECONDS, BreakerPolicy, Outcome, RateLimit
from tests.integration.db.conftest import NOW, Priced

ROOT = Path(__file__).resolve().parents[3]
LATE = SourceTimeoutError("yahoo", "KO", "no answer within 20 s")
LIMIT = RateLimit(50, 1.0, burst=10)
POLICY = BreakerPolicy(failures=1, open_seconds=30.0, probe_seconds=60.0)

_HEAD = """
import sys
from db import chain_cache
from db.chain_cache import SharedChainCache
from db.engine import open_database
from db.source_breakers import SharedBreaker
from db.source_turns import SharedLimiter
from scanner.model import Mode
from scanner.sources.resilience import BreakerPolicy, RateLimit
database = open_database(sys.argv[1], mode=Mode.SIMULATED)
"""
PROBE = 'print(SharedBreaker(database, "yahoo", BreakerPolicy(probe_seconds=3.0)).suspended_seconds() == 0.0)'
LEAD = 'chain_cache.LEASE_SECONDS = 1.0\nprint(SharedChainCache(database).take("KO"))'
POSTPONE = 'print(SharedLimiter(database, "yahoo", RateLimit(50, 1.0, burst=10)).postpone(20.0) is None)'
FIRST = """
limiter = SharedLimiter(database, "new", RateLimit(2, 10.0, late_seconds=0.0))
print("ready", flush=True)
sys.stdin.readline()
print(limiter.reserve(patience_seconds=600.0)[0])
"""


@contextmanager
def processes(dsn: str, script: str, count: int = 1) -> Iterator[Sequence[subprocess.Popen[str]]]:
    """Processes that run `script` with `database` open and then stay; killed at the end."""
    command = [sys.executable, "-c", _HEAD + script + "\nsys.stdout.flush()\nsys.stdin.read()", dsn]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_end(database: Database, time_limit: LiteralString) -> None:
    with database.connection() as connection:
        connection.execute(f"update source_breakers set {time_limit} = clock_timestamp()")


def half_open(database: Database) -> SharedBreaker:
    breaker = SharedBreaker(database, "yahoo", POLICY)
    breaker.report(Outcome.FAILURE, LATE)
    let_end(database, "open_until")
    return breaker


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds; the test's time limit ends a wait in vain."""
    while not condition():
        time.sleep(0.05)


def test_the_probe_of_a_killed_process_is_made_by_another(database: Database, database_dsn: str) -> None:
    breaker = half_open(database)
    with processes(database_dsn, PROBE) as (other,):
        assert line(other) == "True"
        assert breaker.suspended_seconds() > 0.0
    until(lambda: breaker.suspended_seconds() == 0.0)


def test_the_chain_of_a_killed_process_is_fetched_by_another(
    database: Database, database_dsn: str, priced: Callable[..., Priced]
) -> None:
    vendor = Vendor(priced("KO").snapshot)
    source = CachedSource(vendor, SharedChainCache(database), clock=lambda: NOW, ttl_seconds=60.0)
    with processes(database_dsn, LEAD) as (other,):
        assert line(other) == "True"
    assert len(source.chain("KO", nearest_only).contracts) == len(vendor.snapshot.contracts)
    assert vendor.asked == ["KO"]


class Vendor:
    name = "yahoo"
    mode = Mode.SIMULATED
    capabilities = Capabilities(True, True, True, 0.0)

    def __init__(self, snapshot: ChainSnapshot) -> None:
        self.snapshot = snapshot
        self.asked: list[str] = []

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        self.asked.append(symbol)
        return self.snapshot


def test_a_wish_told_to_one_process_is_kept_by_the_others(database: Database, database_dsn: str) -> None:
    with processes(database_dsn, POSTPONE) as (other,):
        assert line(other) == "True"
    seconds, taken = SharedLimiter(database, "yahoo", LIMIT).reserve(patience_seconds=1.0)
    assert not taken
    assert 0.0 < seconds <= 20.0


def test_processes_that_begin_together_get_turns_one_after_another(database_dsn: str) -> None:
    """Nobody has asked before: all four try to make the row."""
    with processes(database_dsn, FIRST, count=4) as started:
        assert [line(process) for process in started] == ["ready"] * 4
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        waits = sorted(float(line(process)) for process in started)
    assert waits == pytest.approx([0.0, 10.0, 20.0, 30.0], abs=5.0)


def test_the_probe_may_ask_again_after_waiting_and_nobody_else(database: Database) -> None:
    breaker, other = half_open(database), SharedBreaker(database, "yahoo", POLICY)
    assert breaker.suspended_seconds() == 0.0
    assert other.suspended_seconds() > 0.0
    assert breaker.suspended_seconds() == 0.0
    assert other.suspended_seconds() > 0.0


def test_a_probe_that_waited_too_long_for_its_turn_is_none_any_more(database: Database) -> None:
    breaker, other = half_open(database), SharedBreaker(database, "yahoo", POLICY)
    assert breaker.suspended_seconds() == 0.0
    let_end(database, "probe_until")
    assert other.suspended_seconds() == 0.0
    assert breaker.suspended_seconds() > 0.0


def test_a_probe_without_a_turn_is_left_to_the_next(database: Database) -> None:
    breaker, other = half_open(database), SharedBreaker(database, "yahoo", POLICY)
    assert breaker.suspended_seconds() == 0.0
    other.report(Outcome.LIMITED, None)
    assert other.suspended_seconds() > 0.0
    breaker.report(Outcome.LIMITED, None)
    assert other.suspended_seconds() == 0.0


def test_beside_a_probe_the_others_are_told_to_come_back_soon(database: Database) -> None:
    patient = BreakerPolicy(failures=1, probe_seconds=600.0)
    half_open(database)
    assert SharedBreaker(database, "yahoo", patient).suspended_seconds() == 0.0
    assert SharedBreaker(database, "yahoo", patient).suspended_seconds() <= PROBE_WAIT_SECONDS


A, F, L, R = Outcome.ANSWER, Outcome.FAILURE, Outcome.LIMITED, Outcome.AUTH


@pytest.mark.parametrize(
    ("reports", "state", "failures"),
    [
        ((A,), None, 0),
        ((L, L, L, L), None, 0),
        ((F,), BreakerState.CLOSED, 1),
        ((F, F), BreakerState.CLOSED, 2),
        ((F, F, A), BreakerState.CLOSED, 0),
        ((F, L, F), BreakerState.CLOSED, 2),
        ((F, F, A, F, F), BreakerState.CLOSED, 2),
        ((F, F, F), BreakerState.OPEN, 3),
        ((F, F, F, L), BreakerState.OPEN, 3),
        ((F, F, F, F), BreakerState.OPEN, 3),
        ((F, F, F, R), BreakerState.OPEN, 3),
        ((F, F, F, A), BreakerState.CLOSED, 0),
        ((R,), BreakerState.OPEN, 1),
        ((A, R), BreakerState.OPEN, 1),
        ((F, R), BreakerState.OPEN, 2),
        ((R, A), BreakerState.CLOSED, 0),
    ],
)
def test_how_reports_move_a_breaker(
    database: Database, reports: Sequence[Outcome], state: BreakerState | None, failures: int
) -> None:
    """Three failures in a row open it, refused credentials at once; an answer closes it, a rate limit does nothing."""
    breaker = SharedBreaker(database, "yahoo", BreakerPolicy(failures=3))
    for outcome in reports:
        breaker.report(outcome, LATE)
    with database.connection() as connection:
        views = source_breakers.views(connection)
    assert [(view.state, view.failures) for view in views] == ([] if state is None else [(state, failures)])
    assert (breaker.suspended_seconds() > 0.0) is (state is BreakerState.OPEN)


def test_pauses_double_up_to_the_longest(database: Database) -> None:
    breaker = SharedBreaker(database, "yahoo", BreakerPolicy(failures=1, open_seconds=30.0, most_seconds=200.0))
    lengths = []
    for _ in range(5):
        breaker.report(Outcome.FAILURE, LATE)
        lengths.append(breaker.suspended_seconds())
        with database.connection() as connection:
            connection.execute("update source_breakers set open_until = clock_timestamp()")
    assert lengths == pytest.approx([30.0, 60.0, 120.0, 200.0, 200.0], abs=5.0)


def due_in(database: Database, seconds: float) -> None:
    with database.connection() as connection:
        connection.execute(
            "insert into source_turns values ('yahoo', extract(epoch from clock_timestamp()) + %s)", [seconds]
        )


@pytest.mark.parametrize("ahead", [timedelta(days=1).total_seconds(), 1e12, math.inf])
def test_a_server_clock_that_was_set_back_stops_nobody_for_long(database: Database, ahead: float) -> None:
    """Nobody puts a turn further ahead than an hour. Without a burst: what left before is not known."""
    due_in(database, ahead)
    limiter = SharedLimiter(database, "yahoo", RateLimit(3, 20.0, burst=2, late_seconds=0.0))
    waits = [limiter.reserve(patience_seconds=120.0) for _ in range(3)]
    assert [taken for _, taken in waits] == [True, True, True]
    assert [seconds for seconds, _ in waits] == pytest.approx([0.0, 20.0, 40.0], abs=5.0)


def test_a_pause_within_the_hour_is_kept(database: Database) -> None:
    due_in(database, 1_800.0)
    seconds, taken = SharedLimiter(database, "yahoo", LIMIT).reserve(patience_seconds=120.0)
    assert not taken
    assert seconds == pytest.approx(1_800.0, abs=10.0)


@pytest.mark.parametrize("seconds", [math.inf, 1e12])
def test_no_vendor_stops_a_source_for_more_than_an_hour(database: Database, seconds: float) -> None:
    limiter = SharedLimiter(database, "yahoo", LIMIT)
    limiter.postpone(seconds)
    wait, taken = limiter.reserve(patience_seconds=120.0)
    assert not taken
    assert wait == pytest.approx(LONGEST_PAUSE_SECONDS, abs=10.0)


def test_a_statement_that_fails_is_an_error_of_ours_and_the_next_one_works(database: Database) -> None:
    limiter = SharedLimiter(database, "yahoo", LIMIT)
    with database.connection() as connection:
        connection.execute("alter table source_turns rename to elsewhere")
    with pytest.raises(DatabaseError, match="source_turns"):
        limiter.reserve(patience_seconds=1.0)
    with database.connection() as connection:
        connection.execute("alter table elsewhere rename to source_turns")
    assert limiter.reserve(patience_seconds=1.0) == (0.0, True)


@pytest.fixture
def fragile(public_directory: Path) -> Iterator[tuple[EmbeddedServer, Database, Path]]:
    """A server of this test's own, which it may kill."""
    folder = public_directory / "fragile"
    server = EmbeddedServer(folder)
    server.start()
    dsn = server.dsn("fragile")
    create_database_if_missing(dsn)
    migrate(dsn, mode=Mode.SIMULATED)
    database = open_database(dsn, mode=Mode.SIMULATED)
    with database.connection() as connection:
        connection.execute("checkpoint")  # or the crash takes the tables, too: commits do not wait for the disk
    yield server, database, folder
    database.close()
    server.stop()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="stops PostgreSQL by a signal")
@pytest.mark.timeout(120)
def test_without_the_server_there_are_errors_and_after_a_crash_all_begins_anew(
    fragile: tuple[EmbeddedServer, Database, Path], priced: Callable[..., Priced]
) -> None:
    server, database, folder = fragile
    limiter, breaker = SharedLimiter(database, "yahoo", LIMIT), SharedBreaker(database, "yahoo", POLICY)
    cache, since = SharedChainCache(database), datetime.min.replace(tzinfo=NOW.tzinfo)
    limiter.postpone(500.0)
    breaker.report(Outcome.AUTH, LATE)
    assert cache.take("KO")
    cluster = existing_cluster(folder)
    assert cluster is not None
    pid = postmaster_pid(cluster)
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)  # stops at once, as after a crash
    until(lambda: postmaster_pid(cluster) is None)
    asked: list[Callable[[], object]] = [
        lambda: limiter.reserve(patience_seconds=1.0),
        breaker.suspended_seconds,
        lambda: cache.find("KO", since=since),
    ]
    with ThreadPoolExecutor(len(asked)) as pool:
        for waiting in [pool.submit(ask) for ask in asked]:
            with pytest.raises(DatabaseError):
                waiting.result()
    server.start()
    until(lambda: answers(database))
    assert limiter.reserve(patience_seconds=1.0) == (0.0, True)
    assert breaker.suspended_seconds() == 0.0
    cache.store(priced("KO").snapshot)  # whose lease went with the crash
    assert cache.find("KO", since=since) is None
    assert cache.take("KO")


def answers(database: Database) -> bool:
    try:
        with database.connection() as connection:
            connection.execute("select 1")
    except DatabaseError:
        return False
    return True
