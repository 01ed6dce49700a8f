"""SIGKILL amid a 1,000-symbol sync: then one final state and one set of rows per symbol, nothing half-written."""

from __future__ import annotations

import itertools
import string
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from app.bootstrap import wall_clock
from app.connection import embedded_server
from app.services.priced_chains import coming_dividends
from app.settings import load_settings
from app.supervisor import prepare_database
from db import premiums, snapshots, stocks
from db.embedded import EmbeddedServer
from db.engine import Database
from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, Dividend, Mode
from scanner.premium_facts import premium_facts
from scanner.pricing.rates import RateCurve
from tests.acceptance.program import Program, free_port, kill
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.processes import workers_held

SYMBOLS = 1_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes to kill in /proc"),
]


def tickers() -> list[str]:
    """Made-up symbols, away from the names the simulated market plants cases on."""
    letters = itertools.product(string.ascii_uppercase, repeat=3)
    return ["B" + "".join(some) for some in itertools.islice(letters, SYMBOLS)]


@pytest.fixture
def program(public_directory: Path, request: pytest.FixtureRequest) -> Iterator[Program]:
    """A program whose universe is the made-up symbols alone; all it leaves behind is stopped."""
    folder = public_directory / request.node.name
    settings = load_settings(mode=Mode.SIMULATED, data_dir=folder)
    server = embedded_server(settings)
    assert server is not None
    prepare_database(settings, server)
    program = Program(folder, free_port())
    with program.database() as database, database.connection() as connection:
        connection.execute("update stocks set active = false")
        connection.execute("insert into stocks (symbol, added_at) select unnest(%s::text[]), now()", [tickers()])
    server.stop()
    yield program
    program.forget_connection()
    server.start()
    server.stop()


def assert_complete_and_consistent(program: Program) -> None:
    with program.database() as database:
        assert_one_final_state_each(database)
        assert_rows_follow_from_snapshots(database)


def assert_one_final_state_each(database: Database) -> None:
    with database.connection() as connection:
        runs = connection.execute("select state, total, succeeded, failed from scan_runs").fetchall()
        symbols = connection.execute("select symbol, state from scan_run_symbols order by symbol").fetchall()
        chains = connection.execute("select symbol from stock_chains order by symbol").fetchall()
        kept = connection.execute("select symbol from chain_snapshots order by symbol").fetchall()
        jobs = connection.execute("select 1 from procrastinate_jobs where task_name = 'sync_symbol'").fetchall()
    assert runs == [("finished", SYMBOLS, SYMBOLS, 0)]
    assert symbols == [(symbol, "succeeded") for symbol in tickers()]
    assert [symbol for (symbol,) in chains] == tickers()
    assert [symbol for (symbol,) in kept] == tickers()
    assert jobs == []


def assert_rows_follow_from_snapshots(database: Database) -> None:
    """No row is without a chain; rows of interrupted symbols and of every fifth other equal a new computation."""
    with database.connection() as connection:
        rows = connection.execute("select symbol, count(*) from stock_premiums group by symbol").fetchall()
        described = connection.execute("select symbol, contracts from stock_chains").fetchall()
        counted = connection.execute(
            "select symbol, sum(contracts)::int from stock_premium_counts group by symbol"
        ).fetchall()
        again = connection.execute("select symbol from scan_run_symbols where attempts > 1 order by symbol").fetchall()
    assert sorted(rows) == sorted(described) == sorted(counted)
    calendar = MarketCalendar.around(wall_clock())
    for symbol in sorted({symbol for (symbol,) in again} | set(tickers()[::5])):
        with database.connection() as connection:
            stored = premiums.of_symbols(connection, [symbol])
            chain = snapshots.latest(connection, symbol, as_of=wall_clock())
            known = stocks.references(connection, [symbol])
        assert chain is not None
        # A dividend is known from the moment the slow facts arrive, which is beside the sync.
        coming = coming_dividends(known[symbol]) if known else ()
        assert any(_equal(stored, chain, calendar, dividends) for dividends in ((), coming)), symbol


def _equal(
    stored: pd.DataFrame, chain: ChainSnapshot, calendar: MarketCalendar, dividends: tuple[Dividend, ...]
) -> bool:
    facts = premium_facts(chain, calendar=calendar, rates=RateCurve.flat(0.04), dividends=dividends)
    return stored.equals(facts.sort_values(["expiration", "option_type", "strike"], ignore_index=True))


def test_workers_and_postgresql_killed_while_the_program_lives(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "output.txt"
    with program.running("sync", output=output) as process:
        wait_for(lambda: program.done() > 100, what="the first 100 symbols")
        kill(*program.children(process, "worker"))
        wait_for(lambda: program.done() > 350, what="going on after the workers were killed")
        assert not program.finished()
        kill(program.postmaster())
        wait_for(lambda: program.done() > 600, what="going on after PostgreSQL was killed")
        assert process.wait(PATIENCE_SECONDS) == 0, output.read_text()
    text = output.read_text()
    assert "starting it again" in text
    assert "Traceback" not in text
    assert program.leftovers() == []
    server = EmbeddedServer(program.folder)
    server.start()
    assert_complete_and_consistent(program)
    server.stop()


def test_dashboard_and_supervisor_killed_and_started_again(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "output.txt"
    with program.running("demo", output=output) as process:
        wait_for(lambda: program.done() > 100, what="the first 100 symbols")
        with workers_held(process.pid):
            wait_for(program.answers, what="the dashboard")
            kill(*program.children(process, "dashboard"))
            wait_for(lambda: not program.answers(), what="the end of the dashboard")
            wait_for(program.answers, what="another dashboard")
        assert not program.finished()
        postmaster = program.postmaster()
        kill(process.pid)
        process.wait()
        wait_for(lambda: program.leftovers() == ["postgres"], what="the end of the orphans")
    assert not program.finished()
    with program.running("demo", output=output) as process:
        wait_for(program.answers, what="the dashboard of the second start")
        assert program.postmaster() == postmaster
        wait_for(program.finished, what="the end of the run")
        assert_complete_and_consistent(program)
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0, output.read_text()
    assert "Traceback" not in output.read_text()
    assert program.leftovers() == []
