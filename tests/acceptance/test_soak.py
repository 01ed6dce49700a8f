"""Four worker processes on one database against a vendor that fails for every tenth call."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.settings import load_settings
from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.simulated import SimulatedSource
from tests.acceptance.program import Program, free_port
from tests.acceptance.test_kill import tickers
from tests.acceptance.test_live import rows, sync
from tests.vendors.faults import (
    Fault,
    FaultPlan,
    cut_json,
    cut_transfer,
    dropped,
    html_page,
    rate_limited,
    server_error,
    slow,
)
from tests.vendors.internet import FakeInternet
from tests.vendors.yahoo import DATA, YahooServer
from tests.vendors.yahoo_payloads import SourceAnswers

PATIENCE = 900

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(PATIENCE),
    pytest.mark.skipif(sys.platform != "linux", reason="counts the program's processes in /proc"),
]

SYMBOLS = int(os.environ.get("SOAK_SYMBOLS", "120"))
"""As many as fit into a test run; a thousand take some minutes."""

CALLS, SECONDS, BURST = 400, 10.0, 40
NOW = datetime.now(UTC)


class EveryTenth(FaultPlan):
    """Every tenth request for data meets one of the faults in turn; arrivals of all of them are written down."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: list[float] = []
        self.met: Counter[str] = Counter()
        self._faults_in_turn: tuple[Fault, ...] = (
            rate_limited(DATA, "1"),
            server_error(DATA),
            html_page(DATA),
            cut_json(DATA),
            dropped(DATA),
            cut_transfer(DATA),
            slow(DATA, 0.5),
        )
        self._counting = threading.Lock()

    def pick(self, subject: str, *, connecting: bool = False) -> Fault | None:
        if connecting or ("/v7/finance/" not in subject and "/v10/finance/" not in subject):
            return None
        with self._counting:
            self.arrivals.append(time.monotonic())
            number = len(self.arrivals)
            if number % 10:
                return None
            fault = self._faults_in_turn[number // 10 % len(self._faults_in_turn)]
            self.met[fault.kind] += 1
            return fault


@pytest.fixture
def faults() -> EveryTenth:
    return EveryTenth()


@pytest.fixture
def program(public_directory: Path, faults: EveryTenth) -> Iterator[Program]:
    market = SimulatedSource(seed=1, clock=lambda: NOW, calendar=MarketCalendar.around(NOW))
    limits = f"yahoo={CALLS}/{SECONDS:g}/{BURST}"
    with FakeInternet(YahooServer(SourceAnswers(market, market)).servers, faults=faults) as internet:
        variables = {
            "SCANNER_SOURCE_LIMITS": limits,
            "SCANNER_SOURCE_TIMEOUT_SECONDS": "10",
            "SCANNER_WORKER_PROCESSES": "4",
            "SCANNER_WORKER_THREADS": "3",
        }
        yield Program(public_directory / "soak", free_port(), Mode.LIVE, {**variables, **internet.environment})


def test_nothing_is_lost_doubled_or_sent_too_fast(program: Program, faults: EveryTenth) -> None:
    settings = load_settings(mode=Mode.LIVE, data_dir=program.folder)
    assert settings.mode is Mode.LIVE
    symbols = tickers()[:SYMBOLS]
    result = sync(program, *symbols, seconds=PATIENCE)
    assert_limit_kept(faults.arrivals)
    assert len(faults.met) >= 5
    assert sum(faults.met.values()) >= len(faults.arrivals) // 11
    states = Counter(state for (state,) in rows_of(program, "select state from scan_run_symbols"))
    assert sum(states.values()) == SYMBOLS
    assert set(states) <= {"succeeded", "failed"}, result.stdout
    assert states["succeeded"] >= 0.9 * SYMBOLS, states
    chains = sorted(symbol for (symbol,) in rows_of(program, "select symbol from stock_chains"))
    done = sorted(s for (s,) in rows_of(program, "select symbol from scan_run_symbols where state = 'succeeded'"))
    assert chains == done
    doubled = "select 1 from stock_premiums group by occ_symbol having count(*) > 1"
    assert rows_of(program, doubled) == []
    counts = "select sum(contracts)::int from stock_chains", "select count(*)::int from stock_premiums"
    assert rows_of(program, counts[0]) == rows_of(program, counts[1])
    workers = {worker for (worker,) in rows_of(program, "select distinct worker from scan_run_symbols")}
    assert len(workers) == 4


def rows_of(program: Program, question: str) -> list[tuple[Any, ...]]:
    from db.embedded import EmbeddedServer

    server = EmbeddedServer(program.folder)
    server.start()
    try:
        return rows(program, question)
    finally:
        server.stop()


def assert_limit_kept(arrivals: list[float]) -> None:
    """In any ten seconds at most so many requests arrived."""
    first = 0
    for last, moment in enumerate(arrivals):
        while arrivals[first] <= moment - SECONDS:
            first += 1
        assert last - first + 1 <= CALLS
