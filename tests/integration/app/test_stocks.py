from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from app.services.archive import ArchiveService
from app.services.consistency import ConsistencyService
from app.services.housekeeping import Housekeeping
from app.services.job_names import AFTER_RUN_TASK
from app.services.reference import AFTER_FAILURE, KEPT, ReferenceService
from app.services.saved_scans import SavedScanService
from app.services.source_report import SourceReportService
from app.services.stocks import OVERVIEW, StockService
from app.services.sync import SyncService
from app.services.volatility_history import VolatilityHistory
from app.services.watchlists import WatchlistService
from db import premiums
from db.engine import Database
from scanner.errors import (
    InputError,
    MalformedAnswerError,
    NoOptionsError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.model import DailyClose, EarningsState, Mode, ReferenceData
from scanner.schema import validate
from scanner.symbols import DEFAULT_UNIVERSE
from tests.integration.app.conftest import MakeAlerts, ScriptedSource, SettableClock


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

    def closes(self, symbol: str) -> tuple[DailyClose, ...]:
        if symbol == "NOBARS":
            raise MalformedAnswerError(self.name, symbol, "half an answer")
        return tuple(DailyClose(date(2026, 1, 1) + timedelta(days=n), 100.0 + n % 2) for n in range(70))


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


def test_a_database_is_seeded_once(stocks: StockService) -> None:
    assert stocks.seed() == DEFAULT_UNIVERSE
    assert set(stocks.symbols()) == set(DEFAULT_UNIVERSE)
    assert stocks.seed() == ()


def test_a_stock_added_before_does_not_keep_the_universe_out(stocks: StockService) -> None:
    stocks.add("AAPL, ZZZQ")
    assert stocks.seed() == tuple(symbol for symbol in DEFAULT_UNIVERSE if symbol != "AAPL")
    assert set(stocks.symbols()) == {*DEFAULT_UNIVERSE, "ZZZQ"}


def test_a_universe_that_was_emptied_stays_empty(stocks: StockService) -> None:
    stocks.seed()
    stocks.deactivate(DEFAULT_UNIVERSE)
    assert stocks.seed() == ()
    assert stocks.symbols() == ()


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


@pytest.fixture
def housekeeping(
    database: Database,
    sync: SyncService,
    clock: SettableClock,
    consistency: ConsistencyService,
    archive: ArchiveService,
    alerts: MakeAlerts,
    saved_scans: SavedScanService,
    volatility_history: VolatilityHistory,
) -> Housekeeping:
    return Housekeeping(
        database=database,
        clock=clock,
        source_reports=SourceReportService(database=database, clock=clock),
        consistency=consistency,
        archive=archive,
        alerts=alerts(),
        watchlists=WatchlistService(database=database, clock=clock, sync=sync),
        saved_scans=saved_scans,
        volatility_history=volatility_history,
    )


def test_at_night_expired_contracts_leave(
    database: Database, sync: SyncService, clock: SettableClock, housekeeping: Housekeeping
) -> None:
    sync.run_symbol(sync.start(["AAPL"]), "AAPL")
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


def test_after_a_run_statistics_are_fresh(database: Database, sync: SyncService, housekeeping: Housekeeping) -> None:
    sync.run_symbol(sync.start(["AAPL"]), "AAPL")
    housekeeping.after_run()
    with database.connection() as connection:
        row = connection.execute("select reltuples from pg_class where relname = 'stock_chains'").fetchone()
    assert row == (1,)
    assert AFTER_RUN_TASK == "after_run"


def states(stocks: StockService) -> dict[str, str]:
    overview = validate(stocks.overview(), OVERVIEW)
    return dict(zip(overview["symbol"], overview["state"], strict=True))


def test_a_new_symbol_is_checked_by_the_source_of_slow_facts(
    stocks: StockService, vendor: ScriptedReference, references: Callable[[int], ReferenceService]
) -> None:
    stocks.add("AAPL ZZZZ QQQQ")
    assert set(states(stocks).values()) == {"not checked yet"}
    vendor.failures = {
        "ZZZZ": SymbolNotFoundError("scripted", "ZZZZ", "no such symbol"),
        "QQQQ": MalformedAnswerError("scripted", "QQQQ", "half an answer"),
    }
    references(10).refresh()
    assert states(stocks) == {"AAPL": "known, not synced", "ZZZZ": "unknown to the source", "QQQQ": "not checked yet"}


def test_a_sync_says_more_than_the_check(stocks: StockService, sync: SyncService, source: ScriptedSource) -> None:
    source.failures["EMPTY"] = [NoOptionsError("scripted", "EMPTY", "none listed")]
    run_id = sync.start(("AAPL", "EMPTY"))
    for symbol in ("AAPL", "EMPTY"):
        sync.run_symbol(run_id, symbol)
    assert states(stocks) == {"AAPL": "has options", "EMPTY": "no options"}


def test_a_deleted_stock_leaves_nothing_current_and_may_come_back(
    stocks: StockService, sync: SyncService, database: Database
) -> None:
    run_id = sync.start(("AAPL", "KO"))
    with pytest.raises(InputError, match=r"AAPL.*being synced"):
        stocks.delete(["AAPL"])
    for symbol in ("AAPL", "KO"):
        sync.run_symbol(run_id, symbol)
    with database.connection() as connection:
        before = len(premiums.of_symbols(connection, ["AAPL"]))
        others = len(premiums.of_symbols(connection, ["KO"]))
    assert stocks.delete(["AAPL"]) == before > 0
    assert (stocks.symbols(), states(stocks)) == (("KO",), {"KO": "has options"})
    with database.connection() as connection:
        assert premiums.of_symbols(connection, ["AAPL"]).empty
        assert len(premiums.of_symbols(connection, ["KO"])) == others
        for table in ("scan_puts", "scan_calls", "stock_premium_counts", "stock_chains", "stock_data"):
            rows = connection.execute(f"select count(*) from {table} where symbol = 'AAPL'".encode()).fetchone()
            assert rows == (0,), table
    progress = sync.progress(run_id)
    assert progress is not None
    assert (progress.succeeded, progress.total) == (2, 2)
    assert stocks.add("AAPL").added == ("AAPL",)
    assert states(stocks)["AAPL"] == "not checked yet"


def test_an_inactive_stock_keeps_its_rows_and_is_not_synced(stocks: StockService, sync: SyncService) -> None:
    run_id = sync.start(("AAPL", "KO"))
    for symbol in ("AAPL", "KO"):
        sync.run_symbol(run_id, symbol)
    assert stocks.deactivate(["AAPL", "AAPL", "NOPE"]) == 1
    assert stocks.symbols() == ("KO",)
    kept = next(row for row in stocks.overview().to_dict("records") if row["symbol"] == "AAPL")
    assert kept["contracts"] > 0
    assert not kept["active"]
    assert stocks.activate(["AAPL", "KO"]) == 1
    assert stocks.symbols() == ("AAPL", "KO")


def test_a_ready_universe_is_added_once(stocks: StockService) -> None:
    first = stocks.add_universe("Dow 30")
    assert (len(first.added), first.duplicate, first.invalid) == (30, (), ())
    again = stocks.add_universe("Dow 30")
    assert (again.added, len(again.duplicate)) == ((), 30)
    with pytest.raises(InputError):
        stocks.add_universe("Nikkei")


def test_closes_come_with_the_slow_facts_and_their_absence_is_no_failure(
    stocks: StockService,
    references: Callable[[int], ReferenceService],
    volatility_history: VolatilityHistory,
) -> None:
    """Closes that alternate between 100 and 101: log returns of +-ln 1.01, mean 0 over an even number of days."""
    stocks.add("KO NOBARS")
    assert references(10).refresh() == 2
    found = volatility_history.realised(("KO", "NOBARS"))
    assert set(found) == {"KO"}
    for value, days in ((found["KO"].rv20, 20), (found["KO"].rv60, 60)):
        assert value == pytest.approx(math.log(1.01) * math.sqrt(days / (days - 1) * 252), rel=1e-12)
    assert found["KO"].session == date(2026, 3, 11)
