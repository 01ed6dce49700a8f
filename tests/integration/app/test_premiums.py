from __future__ import annotations

import csv
import io
from datetime import timedelta

import pandas as pd
import pytest

from app.services.export import premiums_export
from app.services.premiums import PremiumService
from app.services.priced_chains import PricingInputs
from app.services.sync import SyncService
from db.engine import Database
from scanner.errors import SymbolError
from scanner.model import BasisKind, Mode, PremiumFilters, PriceBasis, Strategy
from scanner.schema import SCAN, validate
from tests.integration.app.conftest import NOW, SettableClock

SYMBOLS = ("AAPL", "KO", "MSFT", "NVDA", "TSLA")
FILL = PriceBasis(BasisKind.FILL, 0.3)


@pytest.fixture
def service(database: Database, inputs: PricingInputs, clock: SettableClock, sync: SyncService) -> PremiumService:
    """The service on stored chains of five symbols."""
    run_id = sync.start(SYMBOLS)
    for symbol in SYMBOLS:
        sync.run_symbol(run_id, symbol)
    return PremiumService(database=database, inputs=inputs, clock=clock)


@pytest.mark.parametrize(
    "filters",
    [
        PremiumFilters(),
        PremiumFilters(strategies=(Strategy.COVERED_CALL,), basis=PriceBasis(BasisKind.MID)),
        PremiumFilters(strategies=tuple(Strategy), basis=FILL, best_per_expiration=False),
        PremiumFilters(max_stock_price=200.0, min_premium_pct=0.5, max_spread_pct=10.0, target_dtes=(30, 45)),
    ],
)
def test_the_scan_of_everything_gives_the_rows_and_counts_of_the_scan_of_all_symbols(
    service: PremiumService, filters: PremiumFilters
) -> None:
    chosen = service.scan(SYMBOLS, filters)
    everything = service.database_scan(filters)
    assert chosen.shown > 0
    pd.testing.assert_frame_equal(everything.rows, chosen.rows)
    (account,) = service.database_funnel(filters)
    assert (account.fetched, account.passed) == (chosen.fetched, chosen.passed)
    assert dict(account.rejected) == chosen.rejected
    assert account.fetched == account.passed + sum(account.rejected.values())


def test_rows_are_declared_scan_rows_on_the_wanted_basis(service: PremiumService) -> None:
    rows = validate(service.database_scan(PremiumFilters(basis=FILL)).rows, SCAN)
    assert set(rows["price_basis"]) == {"fill 0.3"}
    expected = rows["bid"] + 0.3 * (rows["ask"] - rows["bid"])
    pd.testing.assert_series_equal(rows["premium"], expected, check_names=False)


def test_the_limit_cuts_the_ranked_list(service: PremiumService) -> None:
    whole = service.database_scan(PremiumFilters()).rows
    pd.testing.assert_frame_equal(service.database_scan(PremiumFilters(), limit=3).rows, whole.head(3))


def test_symbols_without_a_chain_are_named(service: PremiumService) -> None:
    result = service.scan(["AAPL", "IBM"], PremiumFilters())
    assert result.without_data == ("IBM",)
    assert [count.symbol for count in result.counts] == ["AAPL"]


def test_days_and_returns_follow_the_question_not_the_sync(service: PremiumService) -> None:
    filters = PremiumFilters(best_per_expiration=False, target_dtes=(30,))
    today = service.database_scan(filters).rows.set_index("occ_symbol")
    later = service.database_scan(filters, as_of=NOW + timedelta(days=1)).rows.set_index("occ_symbol")
    both = today.index.intersection(later.index)
    assert len(both) > 0
    assert (later.loc[both, "dte"] == today.loc[both, "dte"] - 1).all()
    assert (later.loc[both, "monthly_return"] > today.loc[both, "monthly_return"]).all()
    pd.testing.assert_series_equal(later.loc[both, "iv"], today.loc[both, "iv"])


def test_top_premiums_are_there_when_the_run_is_over(service: PremiumService) -> None:
    top = validate(service.top_premiums(3), SCAN)
    assert 0 < len(top) <= 3
    assert top["dte"].between(28, 35).all()
    assert top["delta"].between(-0.35, -0.25).all()
    assert top["monthly_return"].is_monotonic_decreasing
    assert top["symbol"].is_unique


def test_a_contract_comes_with_both_sides_of_its_expiration(service: PremiumService) -> None:
    wanted = service.database_scan(PremiumFilters()).rows.iloc[0]
    detail = service.contract(wanted["symbol"], wanted["occ_symbol"], basis=FILL)
    assert detail is not None
    assert detail.row["occ_symbol"] == wanted["occ_symbol"]
    assert detail.row["price_basis"] == "fill 0.3"
    assert set(detail.chain["option_type"]) == {"call", "put"}
    assert set(detail.chain["expiration"]) == {wanted["expiration"]}
    assert detail.reference is None


def test_a_contract_that_is_not_stored_is_none_and_nonsense_is_refused(service: PremiumService) -> None:
    assert service.contract("AAPL", "AAPL300118P00001000") is None
    with pytest.raises(SymbolError):
        service.contract("AAPL", "not a contract")


def test_coverage_and_data_version_follow_a_sync(
    service: PremiumService, sync: SyncService, clock: SettableClock
) -> None:
    coverage = service.coverage()
    assert (coverage.mode, coverage.symbols, coverage.symbols_with_data) == (Mode.SIMULATED, 5, 5)
    assert coverage.contracts > 500
    assert coverage.sources == ("simulated",)
    assert coverage.oldest_quote is not None
    assert coverage.newest_quote is not None
    assert coverage.oldest_quote <= coverage.newest_quote <= clock.now
    before = service.data_version()
    sync.run_symbol(sync.start(["AAPL"]), "AAPL")
    assert service.data_version() > before


def test_an_empty_database_gives_empty_answers(database: Database, inputs: PricingInputs, clock: SettableClock) -> None:
    empty = PremiumService(database=database, inputs=inputs, clock=clock)
    assert empty.coverage().empty
    assert empty.coverage().oldest_quote is None
    assert empty.database_scan(PremiumFilters()).rows.empty
    assert empty.scan(["AAPL"], PremiumFilters()).without_data == ("AAPL",)
    assert empty.top_premiums().empty
    (account,) = empty.database_funnel(PremiumFilters())
    assert (account.fetched, account.passed, dict(account.rejected)) == (0, 0, {})


def test_a_scan_of_real_rows_survives_the_csv(service: PremiumService) -> None:
    result = service.scan(SYMBOLS, PremiumFilters())
    text = premiums_export(result, mode=Mode.SIMULATED).csv()
    body = [line for line in text.splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(io.StringIO("\n".join(body))))
    assert [float(row["iv"]) for row in rows] == result.rows["iv"].tolist()
    assert [row["occ_symbol"] for row in rows] == result.rows["occ_symbol"].tolist()
