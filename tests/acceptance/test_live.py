"""The program live, as processes behind the fake internet: the real Yahoo client, a real database, real failures."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from db.embedded import EmbeddedServer
from scanner.calendar import MarketCalendar
from scanner.errors import SymbolNotFoundError
from scanner.model import Mode
from scanner.sources.simulated import SimulatedSource
from tests.acceptance.program import ROOT, Program, free_port
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.reference.shared_data import shared_path
from tests.vendors.faults import dropped, rate_limited, slow, unreachable
from tests.vendors.internet import FakeInternet
from tests.vendors.moved import codes, listed, moved_to
from tests.vendors.yahoo import DATA, OPTIONS, YahooServer
from tests.vendors.yahoo_payloads import SourceAnswers, WrittenAnswers, YahooAnswers, recorded_body

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the program's processes in /proc"),
]

NOW = datetime.now(UTC)
"""The fake Yahoo's time stands still at the start of these tests."""

UNHURRIED = {
    "SCANNER_SOURCE_LIMITS": "yahoo=1000/1/500",
    "SCANNER_SOURCE_TIMEOUT_SECONDS": "10",
    "SCANNER_CHAIN_CACHE_SECONDS": "0",
}
UNIVERSE = 44
MANY = ("ABBV", "AMD", "AMZN", "AVGO", "AXP", "CAT", "COIN", "CRM", "CRWD", "CVX", "DIA", "GS")


@dataclass
class Live:
    """The running program, its internet, and what it wrote so far."""

    program: Program
    internet: FakeInternet
    answers: YahooAnswers
    output: Path

    def sync(self, *symbols: str) -> subprocess.CompletedProcess[str]:
        return sync(self.program, *symbols)

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        return rows(self.program, question, *values)


def market() -> YahooAnswers:
    source = SimulatedSource(seed=1, clock=lambda: NOW, calendar=MarketCalendar.around(NOW))
    return SourceAnswers(source, source)


def sync(program: Program, *symbols: str, seconds: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "app.cli", "sync", *symbols],
        cwd=ROOT,
        env={**program.environment, **variables},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert "Traceback" not in result.stdout + result.stderr
    return result


def rows(program: Program, question: str, *values: object) -> list[tuple[Any, ...]]:
    with program.database() as database, database.connection() as connection:
        return connection.execute(question.encode(), values).fetchall()


@pytest.fixture(scope="module")
def live(public_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The program, started for the first time while nothing can be reached."""
    answers = market()
    output = tmp_path_factory.mktemp("live") / "output.txt"
    with ExitStack() as stack:
        internet = stack.enter_context(FakeInternet(YahooServer(answers).servers))
        cut_off(internet)
        folder = public_directory / "live"
        program = Program(folder, free_port(), Mode.LIVE, {**UNHURRIED, **internet.environment})
        with program.running("run", output=output) as process:
            yield Live(program, internet, answers, output)
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0, output.read_text()
        assert "Traceback" not in output.read_text()
        assert program.leftovers() == []
        assert internet.refused == []


def cut_off(internet: FakeInternet) -> None:
    """No new connections, and those that are open break."""
    internet.faults.add(unreachable())
    internet.faults.add(dropped("."))


def page(program: Program) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_without_a_network_the_program_comes_up_and_invents_nothing(live: Live) -> None:
    wait_for(lambda: "Dashboard: http://127.0.0.1" in live.output.read_text(), what="the address")
    assert live.program.answers()
    assert page(live.program) == 200
    wait_for(lambda: "To retry" in live.output.read_text(), what="the end of the first sync")
    text = live.output.read_text()
    assert f"{UNIVERSE} of {UNIVERSE} symbols failed" in text
    assert "The source failed several times in a row and is left alone for a while" in text
    outcomes = "select state, error_class, count(*)::int from scan_run_symbols group by state, error_class"
    failed = live.rows(outcomes)
    assert {(state, kind) for state, kind, _ in failed} <= {
        ("failed", "SourceUnavailableError"),
        ("failed", "SourceSuspendedError"),
    }
    assert sum(count for *_, count in failed) == UNIVERSE
    for table in ("stock_premiums", "stock_chains", "chain_snapshots", "stock_data"):
        assert live.rows(f"select count(*) from {table}") == [(0,)], table


def test_symbols_are_stored_as_the_source_sent_them_and_an_unknown_one_is_named(live: Live) -> None:
    live.internet.faults.clear()
    result = live.sync("AAPL", "msft", "ZZZZ")
    assert result.returncode == 1
    assert "Synced 3/3, 1 failed" in result.stdout
    assert "1 of 3 symbols failed" in result.stdout
    assert "SymbolNotFoundError (1): The source does not know these symbols. Check their spelling." in result.stdout
    assert "ZZZZ: yahoo for ZZZZ" in result.stdout
    states = "select symbol, state, error_class from scan_run_symbols where run_id = %s order by symbol"
    assert live.rows(states, latest_run(live)) == [
        ("AAPL", "succeeded", None),
        ("MSFT", "succeeded", None),
        ("ZZZZ", "failed", SymbolNotFoundError.__name__),
    ]
    for symbol in ("AAPL", "MSFT"):
        stored = live.rows("select occ_symbol, source, quote_time from stock_premiums where symbol = %s", symbol)
        assert {code for code, _, _ in stored} == set(sent(live, symbol))
        assert {(source, quote_time) for _, source, quote_time in stored} == {("yahoo", None)}
    assert live.rows("select count(*) from stock_premiums where symbol = 'ZZZZ'") == [(0,)]


def test_a_failed_sync_keeps_the_older_rows_with_their_age(live: Live) -> None:
    live.internet.faults.clear()
    assert live.sync("PEP").returncode == 0
    stored = "select * from stock_premiums where symbol = 'PEP' order by occ_symbol"
    before = live.rows(stored)
    assert before
    cut_off(live.internet)
    # With so many the source counts as down, and symbols fail without waiting for another attempt.
    result = live.sync("PEP", *MANY)
    assert result.returncode == 1
    assert f"{len(MANY) + 1} of {len(MANY) + 1} symbols failed and keep their older rows" in result.stdout
    assert "Check this machine's network connection" in result.stdout
    assert live.rows(stored) == before
    [(fetched_at, last_fetch)] = live.rows(
        "select min(fetched_at), (select fetched_at from stock_chains where symbol = 'PEP') from stock_premiums "
        "where symbol = 'PEP'"
    )
    assert fetched_at == last_fetch
    [(failed_at,)] = live.rows("select finished_at from scan_runs where run_id = %s", latest_run(live))
    assert fetched_at < failed_at


def test_a_rate_limit_is_named_with_what_to_do(live: Live) -> None:
    live.internet.faults.clear()
    live.internet.faults.add(rate_limited(DATA, "1"))
    result = live.sync("KO")
    assert result.returncode == 1
    assert "RateLimitedError (1): The source refuses more calls for now. Wait some minutes" in result.stdout
    attempts = "select error_class, attempts from scan_run_symbols where run_id = %s"
    assert live.rows(attempts, latest_run(live)) == [("RateLimitedError", 4)]
    assert live.rows("select count(*) from stock_premiums where symbol = 'KO'") == [(0,)]


def test_two_syncs_at_once_are_one_run(live: Live) -> None:
    live.internet.faults.clear()
    live.internet.faults.add(slow(OPTIONS, 0.5))
    before = latest_run(live)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "app.cli", "sync", *symbols],
                    cwd=ROOT,
                    env=live.program.environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            for symbols in (("SPY", "QQQ"), ("QQQ", "IWM"))
        ]
        texts = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], texts
    assert all("Synced 3/3" in text for text in texts), texts
    assert live.rows("select total, succeeded from scan_runs where run_id > %s", before) == [(3, 3)]


def test_recorded_answers_are_stored_whole_and_nothing_becomes_a_number_that_is_none(
    public_directory: Path, tmp_path: Path
) -> None:
    bodies = recorded_bodies()
    with FakeInternet(YahooServer(WrittenAnswers(bodies)).servers) as internet:
        folder = public_directory / "live-recorded"
        program = Program(folder, free_port(), Mode.LIVE, {**UNHURRIED, **internet.environment})
        result = sync(program, *bodies)
    assert result.returncode == 0, result.stdout + result.stderr
    server = EmbeddedServer(folder)
    server.start()
    try:
        assert_stored_as_sent(program, bodies)
    finally:
        server.stop()


def recorded_bodies() -> dict[str, dict[str, Any]]:
    """By symbol. AAPL is the chain of 2016, which has bids; the others were recorded before an open and have few."""
    paths = sorted(shared_path("yahoo/options").glob("options-*.json"))
    found = [recorded_body(path) for path in (*paths, shared_path("yahoo/pandas-datareader/yahoo_options1.json"))]
    with_options = [body for body in found if listed(body) and codes(body)]
    bodies = {body["optionChain"]["result"][0]["underlyingSymbol"]: moved_to(body, NOW) for body in with_options}
    assert len(bodies) == 13
    return bodies


def assert_stored_as_sent(program: Program, bodies: dict[str, dict[str, Any]]) -> None:
    raw = {code: row for body in bodies.values() for code, row in codes(body).items()}
    question = "select occ_symbol, bid, ask, premium, iv, vendor_iv, quote_reason, iv_reason from stock_premiums"
    stored = {code: values for code, *values in rows(program, question)}
    assert stored.keys() == raw.keys()
    counts = "select sum(fetched), sum(stored), bool_and(unreadable = '{}') from scan_run_symbols"
    assert rows(program, counts) == [(len(raw), len(raw), True)]
    for code, (bid, ask, premium, iv, vendor_iv, reason, iv_reason) in stored.items():
        row = raw[code]
        assert (bid or 0, ask or 0) == (row["bid"], row["ask"])
        assert vendor_iv is None or (vendor_iv == row["impliedVolatility"] and not is_placeholder(vendor_iv)), code
        assert (iv is None) == (iv_reason is not None)
        if not row["bid"]:
            assert not premium
            assert iv is None
            assert reason is not None
    assert sum(values[3] is not None for values in stored.values()) > 50


def is_placeholder(volatility: float) -> bool:
    """A step of Yahoo's bisection from 1 towards 1e-05 that never went up: 0.500005, 0.250007, 0.125009 ..."""
    return any(abs(volatility - (1e-5 + (1 - 1e-5) / 2**steps)) < 6e-7 for steps in range(1, 40))


def test_live_is_refused_on_a_database_of_the_simulated_market(database_dsn: str, public_directory: Path) -> None:
    program = Program(public_directory / "live-mixed", free_port(), Mode.LIVE, {"DATABASE_URL": database_dsn})
    for command in (("run",), ("sync", "AAPL"), ("status",), ("migrate",)):
        result = subprocess.run(
            [sys.executable, "-m", "app.cli", *command],
            cwd=ROOT,
            env=program.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert result.returncode == 1
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
        assert "holds simulated data and the program runs in live mode" in result.stderr
        assert "Set DATABASE_URL to another database" in result.stderr
    assert program.leftovers() == []


def latest_run(live: Live) -> int:
    [(run_id,)] = live.rows("select max(run_id) from scan_runs")
    return int(run_id)


def sent(live: Live, symbol: str) -> list[str]:
    """OCC symbols of everything the fake Yahoo was asked for about a symbol."""
    epochs = {
        request.query.get("date")
        for request in live.internet.requests
        if request.path.startswith(f"/v7/finance/options/{symbol}")
    }
    bodies = [live.answers.options(symbol, int(epoch) if epoch else None) for epoch in epochs]
    return [code for body in bodies if body for code in codes(body)]
