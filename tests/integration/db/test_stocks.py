from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from db import run_symbols, scan_runs, stocks
from db.engine import Database
from scanner.errors import InputError
from scanner.model import EarningsState, ReferenceData
from tests.integration.db.conftest import NOW, SETTINGS

FULL = ReferenceData(
    symbol="KO",
    source="simulated",
    fetched_at=NOW,
    name="Coca-Cola",
    last_price=71.25,
    change_pct=-0.4,
    volume=12_345_678_901,
    average_volume=13_000_000,
    high_52_week=74.0,
    low_52_week=57.5,
    sector="Consumer Defensive",
    industry="Beverages",
    market_cap=3.07e11,
    next_earnings=date(2027, 2, 10),
    earnings_state=EarningsState.ESTIMATED,
    ex_dividend_date=date(2026, 11, 28),
    dividend_amount=0.51,
    dividend_yield_pct=2.86,
)


def test_adding_says_which_are_new(database: Database) -> None:
    with database.connection() as connection:
        assert stocks.add(connection, ["KO", "AAPL", "KO"], now=NOW) == ("KO", "AAPL")
        assert stocks.add(connection, ["AAPL", "BRK.B"], now=NOW) == ("BRK.B",)
        assert stocks.add(connection, [], now=NOW) == ()
        assert stocks.symbols(connection) == ("AAPL", "BRK.B", "KO")


def test_a_stock_can_leave_and_come_back(database: Database) -> None:
    with database.connection() as connection:
        stocks.add(connection, ["KO"], now=NOW)
        stocks.store_reference(connection, FULL)
        assert stocks.deactivate(connection, ["KO"]) == 1
        assert stocks.deactivate(connection, ["KO"]) == 0
        assert stocks.symbols(connection) == ()
        (kept,) = stocks.overview(connection)
        assert (kept.symbol, kept.active) == ("KO", False)
        assert stocks.add(connection, ["KO"], now=NOW) == ("KO",)
        assert stocks.references(connection, ["KO"]) == {"KO": FULL}


def test_slow_facts_come_back_unchanged(database: Database) -> None:
    unknown = ReferenceData(symbol="AAPL", source="yahoo", fetched_at=NOW)
    with database.connection() as connection:
        stocks.add(connection, ["KO", "AAPL", "AMD"], now=NOW)
        stocks.store_reference(connection, FULL)
        stocks.store_reference(connection, unknown)
        assert stocks.references(connection, ["KO", "AAPL", "AMD"]) == {"AAPL": unknown, "KO": FULL}


def test_newer_facts_replace_and_older_ones_do_not(database: Database) -> None:
    newer = replace(FULL, fetched_at=NOW + timedelta(days=1), name=None, last_price=72.0)
    with database.connection() as connection:
        stocks.add(connection, ["KO"], now=NOW)
        for facts in (FULL, newer, FULL):
            stocks.store_reference(connection, facts)
        assert stocks.references(connection, ["KO"]) == {"KO": newer}


def test_facts_of_a_stock_outside_the_universe_are_refused(database: Database) -> None:
    with pytest.raises(InputError, match="KO"), database.connection() as connection:
        stocks.store_reference(connection, FULL)


def test_stocks_due_for_slow_facts_come_oldest_first(database: Database) -> None:
    with database.connection() as connection:
        stocks.add(connection, ["KO", "AAPL", "AMD", "SPY"], now=NOW)
        stocks.store_reference(connection, FULL)
        stocks.store_reference(connection, replace(FULL, symbol="AMD", fetched_at=NOW - timedelta(days=2)))
        stocks.store_reference(connection, replace(FULL, symbol="SPY", fetched_at=NOW - timedelta(days=3)))
        assert stocks.without_reference_since(connection, NOW) == ("AAPL", "SPY", "AMD")


def test_the_overview_shows_the_error_of_the_last_attempt_only(database: Database, universe: tuple[str, ...]) -> None:
    with database.connection() as connection:
        stocks.store_reference(connection, FULL)
        run_id = scan_runs.start_or_join(connection, ["AAPL", "KO"], SETTINGS, now=NOW).run_id
        for symbol in ("AAPL", "KO"):
            run_symbols.claim(connection, run_id, symbol, worker="w:1", now=NOW)
            run_symbols.fail(
                connection, run_id, symbol, attempt=1, error_class="NoOptionsError", message="none listed", now=NOW
            )
        scan_runs.finish_if_done(connection, run_id, now=NOW)
        again = scan_runs.start_or_join(connection, ["AAPL"], SETTINGS, now=NOW).run_id
        run_symbols.claim(connection, again, "AAPL", worker="w:1", now=NOW)
        account = run_symbols.SymbolAccount("simulated", 1, {}, 1, {})
        run_symbols.succeed(connection, again, "AAPL", 1, account, now=NOW)
        rows = {row.symbol: row for row in stocks.overview(connection)}
    assert rows["AAPL"].last_error is None
    assert rows["KO"].last_error == "NoOptionsError: none listed"
    assert (rows["KO"].name, rows["KO"].sector, rows["KO"].earnings_state) == (
        "Coca-Cola",
        "Consumer Defensive",
        EarningsState.ESTIMATED,
    )
    assert rows["AAPL"].earnings_state is EarningsState.UNKNOWN
