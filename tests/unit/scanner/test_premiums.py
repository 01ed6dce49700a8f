"""The scan against a plain-Python reference that looks at one contract at a time."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import schema
from scanner.calendar import MarketCalendar, market_date
from scanner.earnings import next_earnings
from scanner.errors import InputError
from scanner.model import (
    TARGET_DTE_TOLERANCE,
    BasisKind,
    ChainSnapshot,
    Dividend,
    EarningsFilter,
    EarningsState,
    Grade,
    PremiumFilters,
    PriceBasis,
    ReferenceData,
    RejectionReason,
    Strategy,
)
from scanner.premium_facts import as_of_columns
from scanner.premiums import REASONS, PremiumScanner, rank, rejections
from tests.reference.premium_scan import READ_BY_REFERENCE, best_and_ranked, first_reason
from tests.reference.target_expirations import targets_of
from tests.unit.scanner.premium_chains import BOTH, MID, NOW, RATES, SYMBOLS, facts_of
from tests.unit.scanner.pricing.chains import IN_SESSION, as_chain, quotes, snapshot

KNOWN_EARNINGS: dict[str, date | str] = {
    "SNOW": date(2025, 6, 20),
    "TEAM": date(2025, 7, 31),
    "APP": date(2025, 6, 3),
    "IBIT": "none",
}
"""On an expiration, between two, past, and of a fund; the others are unknown."""

STOCKS = [
    ReferenceData(
        symbol,
        "by hand",
        NOW,
        next_earnings=day if isinstance(day, date) else None,
        earnings_state=EarningsState.CONFIRMED if isinstance(day, date) else EarningsState.NONE,
    )
    for symbol, day in KNOWN_EARNINGS.items()
]


@pytest.fixture(scope="module")
def stored(calendar: MarketCalendar, simulated: list[ChainSnapshot]) -> dict[str, pd.DataFrame]:
    return {chain.symbol: facts_of(chain, calendar) for chain in simulated}


@pytest.fixture(scope="module")
def scanner(calendar: MarketCalendar) -> PremiumScanner:
    return PremiumScanner(calendar, RATES)


limits = st.fixed_dictionaries(
    {},
    optional={
        "max_stock_price": st.sampled_from([50.0, 150.0, 250.0]),
        "min_premium_pct": st.floats(0.0, 3.0),
        "max_spread_pct": st.floats(0.0, 30.0),
        "min_grade": st.sampled_from(Grade),
        "earnings": st.sampled_from(EarningsFilter),
        "volume_min": st.integers(0, 2000),
        "open_interest_min": st.integers(0, 5000),
        "dte_min": st.integers(0, 20),
        "dte_max": st.integers(20, 80),
        "delta_min": st.floats(0.0, 0.3),
        "delta_max": st.floats(0.3, 1.0),
        "best_per_expiration": st.booleans(),
        "basis": st.sampled_from([PriceBasis(), MID, PriceBasis(BasisKind.FILL, 0.25)]),
    },
)
FILTERS = st.builds(
    lambda strategies, targets, chosen: PremiumFilters(tuple(strategies), tuple(targets), **chosen),
    st.lists(st.sampled_from(Strategy), min_size=1, unique=True),
    st.lists(st.sampled_from(sorted(TARGET_DTE_TOLERANCE)), min_size=1, unique=True),
    limits,
)
AGES = st.sampled_from([timedelta(0), timedelta(minutes=4), timedelta(hours=1), timedelta(days=3), timedelta(days=30)])
AGAINST_REFERENCE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class TestScan:
    @AGAINST_REFERENCE
    @given(filters=FILTERS, later=AGES)
    def test_every_contract_is_treated_as_the_reference_treats_it(
        self,
        calendar: MarketCalendar,
        simulated: list[ChainSnapshot],
        stored: dict[str, pd.DataFrame],
        scanner: PremiumScanner,
        filters: PremiumFilters,
        later: timedelta,
    ) -> None:
        as_of = NOW + later
        passed: list[dict[str, Any]] = []
        earnings = next_earnings(STOCKS, today=market_date(as_of))
        result = scanner.scan_facts(stored, filters, as_of=as_of, earnings=earnings)
        for chain, count in zip(simulated, result.counts, strict=True):
            rows = as_of_columns(stored[chain.symbol], as_of=as_of, basis=filters.basis, calendar=calendar)
            records: list[Any] = rows[list(READ_BY_REFERENCE)].to_dict("records")
            targets = targets_of(chain.listed_expirations, market_date(as_of), filters.target_dtes)
            expected = [first_reason(row, filters, as_of, targets, KNOWN_EARNINGS) for row in records]
            codes = rejections(rows, filters, as_of=as_of, earnings=earnings)
            assert [None if code < 0 else REASONS[code].value for code in codes.tolist()] == expected
            assert count.fetched == count.passed + sum(count.rejected.values()) == len(rows)
            assert count.passed == expected.count(None)
            assert all(number == expected.count(reason.value) for reason, number in count.rejected.items())
            passed += [row for row, reason in zip(records, expected, strict=True) if reason is None]
        ranked = best_and_ranked(passed, best_per_expiration=filters.best_per_expiration)
        assert result.rows["occ_symbol"].tolist() == ranked
        assert result.passed == len(passed)
        assert result.shown == len(ranked)

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 2**32 - 1))
    def test_the_order_of_the_input_does_not_matter(
        self, stored: dict[str, pd.DataFrame], scanner: PremiumScanner, seed: int
    ) -> None:
        filters = PremiumFilters(strategies=BOTH, best_per_expiration=bool(seed % 2))
        symbols = np.random.default_rng(seed).permutation(list(stored)).tolist()
        shuffled = {symbol: stored[symbol].sample(frac=1, random_state=seed) for symbol in symbols}
        expected = scanner.scan_facts(stored, filters, as_of=NOW).rows
        pd.testing.assert_frame_equal(scanner.scan_facts(shuffled, filters, as_of=NOW).rows, expected)

    def test_chains_account_for_everything(
        self, simulated: list[ChainSnapshot], scanner: PremiumScanner, calendar: MarketCalendar
    ) -> None:
        filters = PremiumFilters(strategies=BOTH, basis=MID)
        asked = [*SYMBOLS, "MSFT", "MSFT", "GONE"]
        result = scanner.scan(simulated, filters, as_of=NOW, symbols=asked)
        schema.validate(result.rows, schema.SCAN)
        assert result.without_data == ("MSFT", "GONE")
        assert [count.symbol for count in result.counts] == list(SYMBOLS)
        assert result.fetched == sum(chain.fetched_count for chain in simulated)
        assert result.fetched == result.passed + sum(result.rejected.values())
        assert result.rejected[RejectionReason.UNREADABLE] == 3  # the planted table: 2 and 1
        assert 0 < result.shown < result.passed
        assert set(result.rows["price_basis"]) == {"mid"}
        no_spot = next(count for count in result.counts if count.symbol == "ZPNONE")
        assert set(no_spot.rejected) <= {RejectionReason.NO_SPOT, RejectionReason.NOT_TARGET_EXPIRATION}

    def test_known_dividends_reach_the_pricing(self, scanner: PremiumScanner) -> None:
        lonely = quotes([105, 110], forward=100.0)
        lonely = as_chain(lonely[lonely["option_type"] == "call"].reset_index(drop=True))
        filters = PremiumFilters(strategies=BOTH, target_dtes=(45,), delta_min=0.0, delta_max=1.0, open_interest_min=0)
        lonely["open_interest"] = 10.0
        paid = {"AAPL": [Dividend(date(2025, 7, 1), 2.0)]}
        without = scanner.scan([snapshot(lonely)], filters, as_of=IN_SESSION).rows
        known = scanner.scan([snapshot(lonely)], filters, as_of=IN_SESSION, dividends=paid).rows
        assert without["forward"][0] - known["forward"][0] == pytest.approx(2.0, abs=0.02)

    def test_nothing_to_scan(self, scanner: PremiumScanner) -> None:
        result = scanner.scan([], PremiumFilters(), as_of=NOW, symbols=["AAPL"])
        schema.validate(result.rows, schema.SCAN)
        assert (result.counts, result.without_data, result.shown) == ((), ("AAPL",), 0)
        empty = scanner.scan([snapshot()], PremiumFilters(), as_of=NOW)
        assert (empty.counts[0].fetched, empty.shown) == (0, 0)

    def test_two_chains_of_one_symbol_are_refused(
        self, simulated: list[ChainSnapshot], scanner: PremiumScanner
    ) -> None:
        with pytest.raises(InputError):
            scanner.scan([simulated[0], simulated[0]], PremiumFilters(), as_of=NOW)

    def test_rows_on_another_basis_are_refused(self, stored: dict[str, pd.DataFrame], calendar: MarketCalendar) -> None:
        rows = as_of_columns(stored["SNOW"], as_of=NOW, basis=PriceBasis(), calendar=calendar)
        with pytest.raises(InputError):
            rejections(rows, PremiumFilters(basis=MID), as_of=NOW)

    def test_expired_by_now_and_not_by_the_quote(
        self, stored: dict[str, pd.DataFrame], scanner: PremiumScanner, calendar: MarketCalendar
    ) -> None:
        rows = stored["SNOW"]
        nearest = rows["expiry_instant"].min().to_pydatetime()
        filters = PremiumFilters(strategies=BOTH)
        for as_of, gone in ((nearest - timedelta(seconds=1), 0), (nearest, (rows["expiry_instant"] == nearest).sum())):
            result = scanner.scan_facts({"SNOW": rows}, filters, as_of=as_of)
            assert result.rejected.get(RejectionReason.EXPIRED, 0) == gone


class TestLimitsAreInclusive:
    @pytest.fixture
    def row(self, calendar: MarketCalendar) -> pd.DataFrame:
        chain = quotes([90, 95, 100, 105], forward=100.0)
        chain["volume"], chain["open_interest"] = 100.0, 50.0
        rows = as_of_columns(
            facts_of(snapshot(chain), calendar), as_of=IN_SESSION, basis=PriceBasis(), calendar=calendar
        )
        return rows[(rows["strike"] == 95) & (rows["option_type"] == "put")].reset_index(drop=True)

    def reason(self, row: pd.DataFrame, **changes: Any) -> str | None:
        known: dict[str, Any] = {"delta_min": 0.0, "delta_max": 1.0}
        code = rejections(row, PremiumFilters(**{**known, **changes}), as_of=IN_SESSION)[0]
        return None if code < 0 else REASONS[code].value

    def test_each_limit(self, row: pd.DataFrame) -> None:
        delta, percent = abs(row["delta"][0]), row["premium_pct"][0]
        spot, spread = row["spot"][0], row["spread_pct"][0]
        assert self.reason(row, delta_min=delta, delta_max=delta) is None
        assert self.reason(row, delta_min=np.nextafter(delta, 1)) == "delta_out_of_range"
        assert self.reason(row, delta_max=np.nextafter(delta, 0)) == "delta_out_of_range"
        assert self.reason(row, min_premium_pct=percent) is None
        assert self.reason(row, min_premium_pct=np.nextafter(percent, 100)) == "premium_too_low"
        assert self.reason(row, max_stock_price=spot) is None
        assert self.reason(row, max_stock_price=np.nextafter(spot, 0)) == "stock_price_too_high"
        assert self.reason(row, max_spread_pct=spread) is None
        assert self.reason(row, max_spread_pct=np.nextafter(spread, 0)) == "spread_too_wide"
        assert self.reason(row, dte_min=46, dte_max=46) is None
        assert self.reason(row, dte_min=47) == "outside_dte_window"
        assert self.reason(row, dte_max=45) == "outside_dte_window"
        assert self.reason(row, min_grade=Grade(row["grade"][0])) is None
        assert self.reason(row, min_grade=Grade.A) == "grade_too_low"

    @pytest.mark.parametrize(
        ("volume", "interest", "expected"),
        [
            (100.0, 0.0, None),
            (0.0, 50.0, None),
            (99.0, 49.0, "illiquid"),
            (np.nan, 50.0, None),
            (np.nan, 49.0, "illiquid"),
            (99.0, np.nan, "illiquid"),
            (np.nan, np.nan, "liquidity_unknown"),
        ],
    )
    def test_volume_or_open_interest(
        self, row: pd.DataFrame, volume: float, interest: float, expected: str | None
    ) -> None:
        assert self.reason(row.assign(volume=volume, open_interest=interest)) == expected


class TestRank:
    @pytest.fixture
    def tied(self, simulated: list[ChainSnapshot], calendar: MarketCalendar) -> pd.DataFrame:
        """Four puts of one expiration that pay the same."""
        rows = as_of_columns(facts_of(simulated[0], calendar), as_of=NOW, basis=PriceBasis(), calendar=calendar)
        some = rows[(rows["option_type"] == "put") & (rows["dte"] == rows["dte"].max()) & (rows["otm_pct"] > 0)]
        tied: pd.DataFrame = some.iloc[:4].assign(premium_pct=2.0, open_interest=100.0, delta=-0.30, monthly_return=2.0)
        return tied

    def best(self, rows: pd.DataFrame) -> list[int]:
        shown = rank(rows, best_per_expiration=True)["occ_symbol"]
        return [rows["occ_symbol"].tolist().index(code) for code in shown]

    def test_ties_within_an_expiration(self, tied: pd.DataFrame) -> None:
        assert self.best(tied) == [0]
        assert self.best(tied.assign(delta=[-0.25, -0.36, -0.31, -0.20])) == [2]
        assert self.best(tied.assign(open_interest=[np.nan, 5.0, 6.0, 6.0], delta=[-0.30, -0.30, -0.40, -0.31])) == [3]
        assert self.best(tied.assign(premium_pct=[2.0, 2.1, 2.0, 2.0], open_interest=[9.0, np.nan, 9.0, 9.0])) == [1]

    def test_unknown_monthly_return_comes_last(self, tied: pd.DataFrame) -> None:
        shown = rank(tied.assign(monthly_return=[np.nan, 1.0, 3.0, 2.0]), best_per_expiration=False)
        assert shown["monthly_return"].tolist()[:3] == [3.0, 2.0, 1.0]
        assert shown["monthly_return"].isna().tolist() == [False, False, False, True]
        assert shown.index.tolist() == [0, 1, 2, 3]
