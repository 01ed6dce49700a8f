"""The scan in SQL against the scan in memory: the same rows in the same order, and the same account."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd
import psycopg
import pytest
from pandas.testing import assert_frame_equal

from db import database_scanner, premium_writing, premiums, stocks
from db.database_scanner import DatabaseScanner
from db.embedded import EmbeddedServer
from db.engine import Database, open_database
from db.scan_conditions import legs, parameters
from scanner.calendar import MarketCalendar, market_date, target_windows
from scanner.earnings import next_earnings
from scanner.model import (
    BasisKind,
    EarningsFilter,
    EarningsState,
    ExpirationWindow,
    Grade,
    Mode,
    PremiumFilters,
    PriceBasis,
    ReferenceData,
    RejectionReason,
    ScanResult,
    Strategy,
)
from scanner.premium_facts import as_of_columns
from scanner.premiums import PremiumScanner
from scanner.pricing.rates import RateCurve
from scanner.quality import age_cutoffs
from scanner.schema import PREMIUM
from scanner.sources.simulated.planted import CONTRACT_CASES, SYMBOL_CASES
from tests.integration.db.conftest import NOW, TODAY, Priced

SYMBOLS = tuple(
    sorted(
        {
            "AAPL",
            "AMD",
            "BAC",
            "DIS",
            "IWM",
            "KO",
            "NVDA",
            "QQQ",
            "SPY",
            "T",
            "TSLA",
            "XOM",
            *SYMBOL_CASES,
            *CONTRACT_CASES,
        }
    )
)
BOTH = (Strategy.CASH_SECURED_PUT, Strategy.COVERED_CALL)
OPEN = PremiumFilters(
    strategies=BOTH, target_dtes=(), dte_min=0, dte_max=400, delta_min=0, delta_max=1, volume_min=0, open_interest_min=0
)


@dataclass(frozen=True)
class Market:
    """A filled database and the same facts in memory."""

    database: Database
    calendar: MarketCalendar
    facts: Mapping[str, pd.DataFrame]
    unreadable: Mapping[str, int]
    references: tuple[ReferenceData, ...]

    def windows(self, filters: PremiumFilters, as_of: datetime) -> tuple[ExpirationWindow, ...]:
        with self.database.connection() as connection:
            stored = premiums.expirations(connection)
        return target_windows(stored, today=market_date(as_of), targets=filters.target_dtes, dte_min=0, dte_max=10_000)

    def in_sql(
        self,
        filters: PremiumFilters,
        *,
        as_of: datetime = NOW,
        limit: int = 500,
        symbols: tuple[str, ...] | None = None,
    ) -> pd.DataFrame:
        rows = DatabaseScanner(self.database).scan(
            filters,
            self.windows(filters, as_of),
            as_of=as_of,
            cutoffs=age_cutoffs(as_of, self.calendar),
            limit=limit,
            symbols=symbols,
        )
        return as_of_columns(rows, as_of=as_of, basis=filters.basis, calendar=self.calendar)

    def in_memory(
        self, filters: PremiumFilters, *, as_of: datetime = NOW, symbols: tuple[str, ...] | None = None
    ) -> ScanResult:
        facts = {symbol: one for symbol, one in self.facts.items() if symbols is None or symbol in symbols}
        scanner = PremiumScanner(self.calendar, RateCurve.flat(0.04))
        earnings = next_earnings(self.references, today=market_date(as_of))
        return scanner.scan_facts(facts, filters, as_of=as_of, unreadable=self.unreadable, earnings=earnings)

    def check(
        self,
        filters: PremiumFilters,
        *,
        as_of: datetime = NOW,
        limit: int = 500,
        symbols: tuple[str, ...] | None = None,
    ) -> int:
        """Rows, their order and both accounts are the same; the number of rows."""
        expected = self.in_memory(filters, as_of=as_of, symbols=symbols)
        rows = self.in_sql(filters, as_of=as_of, limit=limit, symbols=symbols)
        assert_frame_equal(rows, expected.rows.head(limit), check_exact=True)
        scanner, windows = DatabaseScanner(self.database), self.windows(filters, as_of)
        cutoffs = age_cutoffs(as_of, self.calendar)
        total = scanner.funnel(filters, windows, as_of=as_of, cutoffs=cutoffs, symbols=symbols)
        assert (total.fetched, total.passed) == (expected.fetched, expected.passed)
        assert dict(total.rejected) == expected.rejected
        if symbols is not None:
            return len(rows)
        each = scanner.funnel_by_symbol(filters, windows, as_of=as_of, cutoffs=cutoffs)
        assert each == tuple(sorted(expected.counts, key=lambda count: count.symbol))
        return len(rows)


@pytest.fixture(scope="module")
def shared_database(server: EmbeddedServer, template: str) -> Iterator[Database]:
    """One database for all tests of this module: they only read it."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"create database shared_scan template {template}".encode())
        opened = open_database(server.dsn("shared_scan"), mode=Mode.SIMULATED)
        yield opened
        opened.close()
        connection.execute("drop database shared_scan with (force)")


@pytest.fixture(scope="module")
def market(shared_database: Database, calendar: MarketCalendar, priced: Callable[..., Priced]) -> Market:
    facts, unreadable = {}, {}
    with shared_database.connection() as connection:
        stocks.add(connection, SYMBOLS, now=NOW)
    for number, symbol in enumerate(SYMBOLS):
        one = priced(symbol, NOW - timedelta(minutes=number % 7))
        with shared_database.connection() as connection:
            premium_writing.replace_symbol(connection, one.facts, one.snapshot, now=NOW, today=TODAY)
        facts[symbol] = one.facts
        unreadable[symbol] = sum(one.snapshot.unreadable.values())
    references = tuple(any_reference(symbol, number) for number, symbol in enumerate(SYMBOLS[:-1]))
    with shared_database.connection() as connection:
        for reference in references:
            stocks.store_reference(connection, reference)
    return Market(shared_database, calendar, facts, unreadable, references)


def any_reference(symbol: str, number: int) -> ReferenceData:
    """Earnings yesterday, today, on and around expirations, later, unknown; a fund. The last symbol has no facts."""
    days = (-1, 0, 2, 9, 16, 17, 30, 90)
    if number % 10 >= len(days):
        state = EarningsState.UNKNOWN if number % 10 == len(days) else EarningsState.NONE
        return ReferenceData(symbol, "by hand", NOW, earnings_state=state)
    day = TODAY + timedelta(days=days[number % 10])
    return ReferenceData(symbol, "by hand", NOW, next_earnings=day, earnings_state=EarningsState.ESTIMATED)


def any_filters(choose: random.Random) -> PremiumFilters:
    low = choose.uniform(0.0, 0.4)
    return PremiumFilters(
        strategies=choose.choice([BOTH, BOTH[:1], BOTH[1:], BOTH[::-1]]),
        target_dtes=tuple(choose.sample((7, 14, 21, 30, 45, 60), choose.randint(0, 6))),
        dte_min=choose.choice([0, 1, 10]),
        dte_max=choose.choice([40, 75, 400]),
        delta_min=low,
        delta_max=choose.choice([low, min(low + choose.uniform(0.02, 0.6), 1.0)]),
        volume_min=choose.choice([0, 10, 100, 1_000]),
        open_interest_min=choose.choice([0, 50, 500]),
        max_stock_price=choose.choice([None, None, 200.0]),
        min_premium_pct=choose.choice([None, None, 0.5]),
        max_spread_pct=choose.choice([None, None, 8.0]),
        min_grade=choose.choice([None, *Grade]),
        earnings=choose.choice([EarningsFilter.ANY, *EarningsFilter]),
        basis=choose.choice([PriceBasis(), PriceBasis(BasisKind.MID), PriceBasis(BasisKind.FILL, 0.3)]),
        best_per_expiration=choose.random() < 0.7,
    )


def test_the_default_filters_show_the_same_rows(market: Market) -> None:
    assert market.check(PremiumFilters()) > 20


def test_everything_with_a_good_quote_is_the_same(market: Market) -> None:
    assert market.check(OPEN, limit=100_000) > 100
    assert market.check(replace(OPEN, best_per_expiration=False), limit=100_000) > 1_000


@pytest.mark.parametrize("limit", [1, 2, 7, 20, 50])
@pytest.mark.parametrize("best", [True, False])
def test_the_best_few_are_the_same(market: Market, limit: int, best: bool) -> None:
    assert market.check(replace(OPEN, best_per_expiration=best), limit=limit) == limit


@pytest.mark.parametrize("seed", range(40))
def test_random_filters_show_the_same_rows_and_account(market: Market, seed: int) -> None:
    choose = random.Random(seed)
    as_of = NOW + choose.choice([timedelta(), timedelta(minutes=7), timedelta(hours=6), timedelta(days=1)])
    market.check(any_filters(choose), as_of=as_of, limit=choose.choice([3, 30, 500]))


@pytest.mark.parametrize(
    "later",
    [timedelta(minutes=4), timedelta(hours=5), timedelta(days=2), timedelta(days=2, hours=4), timedelta(days=9)],
)
def test_time_passes_the_same_way(market: Market, later: timedelta) -> None:
    """Quotes age, expirations leave their targets, contracts expire; on the last day nothing has a return."""
    for grade in (None, Grade.C):
        market.check(replace(OPEN, min_grade=grade), as_of=NOW + later, limit=100_000)
        market.check(PremiumFilters(strategies=BOTH, min_grade=grade), as_of=NOW + later)


@pytest.mark.parametrize("wanted", EarningsFilter)
def test_earnings_are_judged_the_same_way(market: Market, wanted: EarningsFilter) -> None:
    for later in (timedelta(), timedelta(days=1), timedelta(days=9)):
        assert market.check(replace(OPEN, earnings=wanted), as_of=NOW + later, limit=100_000) > 10


@pytest.mark.parametrize("count", [0, 1, 3, len(SYMBOLS)])
@pytest.mark.parametrize("seed", range(4))
def test_a_universe_is_scanned_and_accounted_for_as_if_there_were_no_other_stock(
    market: Market, count: int, seed: int
) -> None:
    choose = random.Random(1_000 + 10 * count + seed)
    symbols = (*choose.sample(SYMBOLS, count), "NOT.THERE")
    market.check(any_filters(choose), limit=choose.choice([3, 500]), symbols=symbols)
    found = market.check(OPEN, symbols=symbols)
    assert found > 0 or count < 2


def test_limits_are_inclusive_on_unrounded_values(market: Market) -> None:
    row = market.in_memory(PremiumFilters()).rows.iloc[3]
    exact = PremiumFilters(
        delta_min=abs(row["delta"]),
        delta_max=abs(row["delta"]),
        min_premium_pct=row["premium_pct"],
        max_spread_pct=row["spread_pct"],
        max_stock_price=row["spot"],
    )
    assert market.check(exact) >= 1


def test_every_reason_occurs_in_these_tests(market: Market) -> None:
    strict = PremiumFilters(BOTH, max_stock_price=150, min_premium_pct=1.0, max_spread_pct=5.0, min_grade=Grade.B)
    cutoffs = age_cutoffs(NOW, market.calendar)
    met: set[RejectionReason] = set()
    for filters in (
        strict,
        replace(strict, strategies=BOTH[:1], target_dtes=(7, 60), dte_max=50),
        replace(OPEN, earnings=EarningsFilter.EXCLUDE),
        replace(OPEN, earnings=EarningsFilter.ONLY),
    ):
        windows = market.windows(filters, NOW)
        met |= set(DatabaseScanner(market.database).funnel(filters, windows, as_of=NOW, cutoffs=cutoffs).rejected)
    assert set(RejectionReason) - met == {RejectionReason.EXPIRED, RejectionReason.INDEX_ROOT}


def test_no_window_and_no_row_wanted_are_empty_frames(market: Market) -> None:
    cutoffs = age_cutoffs(NOW, market.calendar)
    scanner = DatabaseScanner(market.database)
    for windows, limit in (((), 500), (market.windows(PremiumFilters(), NOW), 0)):
        rows = scanner.scan(PremiumFilters(), windows, as_of=NOW, cutoffs=cutoffs, limit=limit)
        assert_frame_equal(rows, PREMIUM.empty())
    beyond = PremiumFilters(dte_min=9_000, dte_max=9_999)
    rows = scanner.scan(beyond, market.windows(beyond, NOW), as_of=NOW, cutoffs=cutoffs, limit=5)
    assert_frame_equal(rows, PREMIUM.empty())


def test_an_empty_database_has_an_empty_account(database: Database, calendar: MarketCalendar) -> None:
    cutoffs = age_cutoffs(NOW, calendar)
    scanner = DatabaseScanner(database)
    total = scanner.funnel(PremiumFilters(), (), as_of=NOW, cutoffs=cutoffs)
    assert (total.fetched, total.passed, dict(total.rejected)) == (0, 0, {})
    assert scanner.funnel_by_symbol(PremiumFilters(), (), as_of=NOW, cutoffs=cutoffs) == ()


def test_the_scan_reads_the_covering_indexes_alone_right_after_a_sync(market: Market) -> None:
    """Without a vacuum and with the statistics of an empty table: the plan must not depend on either."""
    filters = PremiumFilters(strategies=BOTH, min_premium_pct=0.1, min_grade=Grade.C)
    wanted = legs(filters, market.windows(filters, NOW))
    parts = database_scanner.branches(filters, wanted)
    values = {
        **parameters(filters, as_of=NOW, cutoffs=age_cutoffs(NOW, market.calendar)),
        **database_scanner.leg_parameters(filters, wanted, 500),
    }
    with market.database.connection() as connection:
        connection.execute(database_scanner.SETTINGS)
        statement = "explain " + database_scanner.statement(filters, parts)
        plan = [line for (line,) in connection.execute(statement.encode(), values, prepare=False)]
    assert not [line for line in plan if "Seq Scan" in line or "Bitmap" in line]
    assert len([line for line in plan if "Index Only Scan" in line]) == 2 * len(parts) == 4
