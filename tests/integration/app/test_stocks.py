from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.services.consistency import ConsistencyService
from app.services.housekeeping import Housekeeping
from app.services.job_names import AFTER_RUN_TASK
from app.services.reference import AFTER_FAILURE, KEPT, ReferenceService
from app.services.source_report import SourceReportService
from app.services.stocks import OVERVIEW, StockService
from app.services.sync import SyncService
from db import premiums
from db.engine import Database
from scanner.errors import MalformedAnswerError, SourceUnavailableError
from scanner.model import EarningsState, Mode, ReferenceData
from scanner.schema import validate
from scanner.symbols import DEFAULT_UNIVERSE
from tests.integration.app.conftest import ScriptedSource, SettableClock


class ScriptedReference:
    """Slow facts of any symbol; those in `failures` fail."""

    name = "scripted"
    mode = Mode.SIMULATED

    def __init__(self, clock: SettableClock) -> None:
        self.clock = clock
        self.failures: dict[str, Exception] = {}
        self.calls: list[str] = []

    def reference(self, symbol: str) -> ReferenceData:
        self.calls.append(symbol)
        if symbol in self.failures:
            raise self.failures[symbol]
        return ReferenceData(symbol, self.name, self.clock.now, name=f"{symbol} Inc.", sector="Tools", last_price=12.5)


@pytest.fixture
def stocks(database: Database, clock: SettableClock) -> StockService:
    return StockService(database=database, clock=clock)


@pytest.fixture
def vendor(clock: SettableClock) -> ScriptedReference:
    return ScriptedReference(clock)


@pytest.fixture
def references(
    database: Database, clock: SettableClock, vendor: ScriptedReference
) -> Callable[[int], ReferenceService]:
    def make(per_round: int) -> ReferenceService:
        return ReferenceService(database=database, source=lambda: vendor, clock=clock, per_round=per_round)

    return make


def test_a_pasted_list_is_sorted_into_new_known_and_unreadable(stocks: StockService) -> None:
    assert stocks.add("AAPL, nasdaq:msft;brk-b").added == ("AAPL", "MSFT", "BRK.B")
    report = stocks.add("MSFT\tNVDA\n???")
    assert (report.added, report.duplicate, report.invalid) == (("NVDA",), ("MSFT",), ("???",))
    assert stocks.symbols() == ("AAPL", "BRK.B", "MSFT", "NVDA")


def test_only_an_empty_universe_is_seeded(stocks: StockService) -> None:
    assert stocks.seed() == DEFAULT_UNIVERSE
    assert set(stocks.symbols()) == set(DEFAULT_UNIVERSE)
    assert stocks.seed() == ()


def test_the_overview_is_declared_with_and_without_stocks(stocks: StockService) -> None:
    validate(stocks.overview(), OVERVIEW)
    stocks.add("AAPL")
    overview = validate(stocks.overview(), OVERVIEW)
    assert overview["contracts"].tolist() == [0]
    assert overview["earnings_state"].tolist() == ["unknown"]
    assert overview[["synced_at", "last_price", "last_error", "next_earnings"]].isna().all(axis=None)


def test_the_overview_tells_age_and_last_error(
    stocks: StockService, sync: SyncService, source: ScriptedSource, clock: SettableClock
) -> None:
    source.failures["MSFT"] = [MalformedAnswerError("simulated", "MSFT", "cut off")]
    run_id = sync.start(["AAPL", "MSFT"])
    sync.run_symbol(run_id, "AAPL")
    sync.run_symbol(run_id, "MSFT")
    clock.now += timedelta(minutes=5)
    overview = validate(stocks.overview(), OVERVIEW).set_index("symbol")
    assert overview["sync_age_seconds"]["AAPL"] == 300
    assert overview["contracts"]["AAPL"] > 100
    assert "MalformedAnswerError" in str(overview["last_error"]["MSFT"])


def test_slow_facts_are_fetched_once_a_day(
    stocks: StockService,
    references: Callable[[int], ReferenceService],
    vendor: ScriptedReference,
    clock: SettableClock,
) -> None:
    stocks.add("AAPL MSFT")
    service = references(10)
    assert service.refresh() == 2
    assert service.refresh() == 0
    clock.now += KEPT + timedelta(minutes=1)
    assert service.refresh() == 2
    assert len(vendor.calls) == 4
    facts = stocks.reference(["AAPL", "NVDA"])
    assert list(facts) == ["AAPL"]
    assert (facts["AAPL"].name, facts["AAPL"].earnings_state) == ("AAPL Inc.", EarningsState.UNKNOWN)
    assert facts["AAPL"].market_cap is None


def test_a_round_has_a_budget(
    stocks: StockService, references: Callable[[int], ReferenceService], vendor: ScriptedReference
) -> None:
    stocks.add("AAPL MSFT NVDA")
    service = references(2)
    assert [service.refresh() for _ in range(3)] == [2, 1, 0]


def test_a_symbol_that_fails_is_left_alone_for_a_while(
    stocks: StockService,
    references: Callable[[int], ReferenceService],
    vendor: ScriptedReference,
    clock: SettableClock,
) -> None:
    stocks.add("AAPL MSFT")
    vendor.failures["AAPL"] = MalformedAnswerError("scripted", "AAPL", "odd")
    service = references(10)
    assert service.refresh() == 1
    assert service.refresh() == 0
    assert vendor.calls == ["AAPL", "MSFT"]
    clock.now += AFTER_FAILURE
    vendor.failures.clear()
    assert service.refresh() == 1


def test_a_vendor_that_is_down_ends_the_round_and_nobody_is_punished(
    stocks: StockService, references: Callable[[int], ReferenceService], vendor: ScriptedReference
) -> None:
    stocks.add("AAPL MSFT")
    vendor.failures["AAPL"] = SourceUnavailableError("scripted", "AAPL", "down")
    service = references(10)
    assert service.refresh() == 0
    assert vendor.calls == ["AAPL"]
    vendor.failures.clear()
    assert service.refresh() == 2


def test_a_mode_without_slow_facts_fetches_none(database: Database, clock: SettableClock) -> None:
    assert ReferenceService(database=database, source=lambda: None, clock=clock, per_round=5).refresh() == 0


def test_at_night_expired_contracts_leave(
    database: Database, sync: SyncService, clock: SettableClock, consistency: ConsistencyService
) -> None:
    sync.run_symbol(sync.start(["AAPL"]), "AAPL")
    reports = SourceReportService(database=database, clock=clock)
    housekeeping = Housekeeping(database=database, clock=clock, source_reports=reports, consistency=consistency)
    housekeeping.nightly()
    with database.connection() as connection:
        before = premiums.of_symbols(connection, ["AAPL"])
    clock.now += timedelta(days=45)
    housekeeping.nightly()
    housekeeping.nightly()
    with database.connection() as connection:
        after = premiums.of_symbols(connection, ["AAPL"])
        coverage = premiums.coverage(connection)
        tables = connection.execute("select count(*) from pg_class where relname = 'stock_premiums_2026_11'").fetchone()
    assert 0 < len(after) < len(before)
    assert after["expiration"].min().date() >= clock.now.date()
    assert coverage.contracts == len(after)
    assert tables == (0,)


def test_after_a_run_statistics_are_fresh(
    database: Database, sync: SyncService, clock: SettableClock, consistency: ConsistencyService
) -> None:
    sync.run_symbol(sync.start(["AAPL"]), "AAPL")
    reports = SourceReportService(database=database, clock=clock)
    Housekeeping(database=database, clock=clock, source_reports=reports, consistency=consistency).after_run()
    with database.connection() as connection:
        row = connection.execute("select reltuples from pg_class where relname = 'stock_chains'").fetchone()
    assert row == (1,)
    assert AFTER_RUN_TASK == "after_run"
