"""Facts against hand computation, the scan against a plain-Python reference that looks at one contract at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import log, sqrt
from statistics import NormalDist
from typing import Any
from zoneinfo import ZoneInfo

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
from scanner.premium_facts import as_of_columns, premium_facts
from scanner.premiums import REASONS, PremiumScanner, rank, rejections
from scanner.pricing.rates import RateCurve
from scanner.sources.simulated.source import SimulatedSource
from tests.reference.cboe import read_cboe
from tests.reference.premium_scan import READ_BY_REFERENCE, best_and_ranked, first_reason
from tests.reference.shared_data import shared_path
from tests.reference.target_expirations import targets_of
from tests.unit.scanner.pricing.chains import IN_SESSION, JULY, as_chain, quotes, snapshot

NEW_YORK = ZoneInfo("America/New_York")
RATES = RateCurve.flat(0.04)
MID = PriceBasis(BasisKind.MID)
BOTH = tuple(Strategy)
NOW = datetime(2025, 6, 4, 11, 30, tzinfo=NEW_YORK)
SYMBOLS = ("SNOW", "TEAM", "APP", "IBIT", "ZPROWS", "ZPNONE")
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


def facts_of(chain: ChainSnapshot, calendar: MarketCalendar, basis: PriceBasis | None = None) -> pd.DataFrame:
    return premium_facts(chain, calendar=calendar, rates=RATES, basis=basis or PriceBasis())


def one(frame: pd.DataFrame, strike: float, option_type: str) -> pd.Series:
    return frame[(frame["strike"] == strike) & (frame["option_type"] == option_type)].iloc[0]


@pytest.fixture(scope="module")
def simulated(calendar: MarketCalendar) -> list[ChainSnapshot]:
    source = SimulatedSource(7, lambda: NOW, calendar)
    return [source.chain(symbol, lambda listed: listed[:9]) for symbol in SYMBOLS]


@pytest.fixture(scope="module")
def stored(calendar: MarketCalendar, simulated: list[ChainSnapshot]) -> dict[str, pd.DataFrame]:
    return {chain.symbol: facts_of(chain, calendar) for chain in simulated}


@pytest.fixture(scope="module")
def scanner(calendar: MarketCalendar) -> PremiumScanner:
    return PremiumScanner(calendar, RATES)


class TestFacts:
    def test_the_declared_frame_in_the_order_of_the_contracts(
        self, calendar: MarketCalendar, simulated: list[ChainSnapshot]
    ) -> None:
        for chain in simulated:
            facts = schema.validate(facts_of(chain, calendar), schema.PREMIUM)
            assert list(facts.columns) == schema.PREMIUM.names
            pd.testing.assert_frame_equal(facts[schema.CHAIN.names], chain.contracts[schema.CHAIN.names])
            assert set(facts["symbol"]) == {chain.symbol}

    def test_returns_by_hand(self, calendar: MarketCalendar) -> None:
        chain = quotes([95, 100, 105], forward=100.0)
        chain.loc[chain["strike"] == 95, ["bid", "ask"]] = [1.90, 2.00]
        chain.loc[chain["strike"] == 105, ["bid", "ask"]] = [2.00, 2.10]
        rows = facts_of(snapshot(chain), calendar)
        put, call = one(rows, 95, "put"), one(rows, 105, "call")
        found = [put[name] for name in ("premium", "premium_usd", "premium_pct", "collateral_usd", "break_even")]
        assert found == pytest.approx([1.90, 190.0, 2.0, 9500.0, 93.1], rel=1e-14)
        found = [call[name] for name in ("premium", "premium_usd", "premium_pct", "collateral_usd", "break_even")]
        assert found == pytest.approx([2.00, 200.0, 2.0, 10000.0, 98.0], rel=1e-14)
        assert put["downside_protection"] == pytest.approx(6.9, rel=1e-12)
        assert np.isnan(put["if_called_return"])
        assert call["if_called_return"] == pytest.approx(7.0, rel=1e-12)
        assert set(rows["price_basis"]) == {"bid"}

    def test_probability_of_profit_is_taken_at_the_break_even(self, calendar: MarketCalendar) -> None:
        rows = facts_of(snapshot(quotes([90, 95, 100, 105, 110], forward=100.5)), calendar)
        for row in (one(rows, 95, "put"), one(rows, 105, "call")):
            deviation = row["iv"] * sqrt(row["years_to_expiry"])
            d2 = log(row["forward"] / row["break_even"]) / deviation - deviation / 2
            assert row["prob_profit"] == pytest.approx(NormalDist().cdf(d2), abs=1e-12)
        assert one(rows, 95, "put")["prob_profit"] > one(rows, 95, "put")["prob_otm"]

    def test_a_row_on_the_mid(self, calendar: MarketCalendar) -> None:
        rows = facts_of(snapshot(quotes([95, 100, 105], forward=100.0)), calendar, MID)
        put = one(rows, 95, "put")
        assert put["premium"] == pytest.approx(put["mid"], rel=1e-14)
        assert put["price_basis"] == "mid"

    def test_neighbouring_expirations_are_the_listed_ones(self, calendar: MarketCalendar) -> None:
        chain = quotes([95, 100, 105], forward=100.0)
        listed = (date(2025, 8, 15), date(2025, 7, 11), JULY, date(2025, 6, 20))
        rows = facts_of(snapshot(chain, listed_expirations=listed), calendar)
        assert set(rows["previous_expiration"].dt.date) == {date(2025, 7, 11)}
        assert set(rows["next_expiration"].dt.date) == {date(2025, 8, 15)}
        alone = facts_of(snapshot(chain, listed_expirations=()), calendar)
        assert alone[["previous_expiration", "next_expiration"]].isna().all(axis=None)

    def test_no_contracts(self, calendar: MarketCalendar) -> None:
        rows = schema.validate(facts_of(snapshot(), calendar), schema.PREMIUM)
        assert len(rows) == 0
        scanned = as_of_columns(rows, as_of=NOW, basis=PriceBasis(), calendar=calendar)
        assert len(schema.validate(scanned, schema.SCAN)) == 0

    def test_nothing_known(self, calendar: MarketCalendar) -> None:
        blank = quotes([95, 100], forward=100.0)
        blank[["bid", "ask"]] = np.nan
        chain = snapshot(blank, answer_time=None, underlying=replace(snapshot().underlying, bid=None, ask=None))
        rows = schema.validate(facts_of(chain, calendar), schema.PREMIUM)
        assert rows[["premium", "premium_usd", "premium_pct", "break_even", "prob_profit", "iv"]].isna().all(axis=None)
        assert set(rows["quote_grade"]) == {"F"}
        assert set(rows["quote_reason"]) == {"no_spot"}

    def test_a_recorded_chain_is_priced_or_counted_to_the_last_contract(self, calendar: MarketCalendar) -> None:
        at = datetime(2025, 8, 29, 16, tzinfo=NEW_YORK)
        chain = read_cboe(shared_path("cboe/ralph-e-boy/406e5ff2_quotedata.csv"), quoted_at=at).snapshot
        rows = schema.validate(facts_of(chain, calendar), schema.PREMIUM)
        candidates = rows[rows["quote_reason"].isna()]
        assert candidates[["premium", "iv", "delta", "prob_profit", "spread_pct"]].notna().all(axis=None)
        result = PremiumScanner(calendar, RATES).scan([chain], PremiumFilters(strategies=BOTH), as_of=at)
        assert result.fetched == len(chain.contracts)
        assert result.passed > 20
        assert result.passed + sum(result.rejected.values()) == result.fetched


class TestAsOf:
    @pytest.fixture
    def facts(self, calendar: MarketCalendar) -> pd.DataFrame:
        return facts_of(snapshot(quotes([95, 100, 105], forward=100.0)), calendar)

    def test_days_and_returns_follow_the_new_york_date(self, facts: pd.DataFrame, calendar: MarketCalendar) -> None:
        late = datetime(2025, 6, 3, 3, 59, tzinfo=UTC)  # still 2 June in New York
        before = as_of_columns(facts, as_of=late, basis=PriceBasis(), calendar=calendar)
        after = as_of_columns(facts, as_of=late + timedelta(minutes=1), basis=PriceBasis(), calendar=calendar)
        assert set(before["dte"]) == {46}
        assert set(after["dte"]) == {45}
        put = one(after, 95, "put")
        assert put["daily_return"] == pytest.approx(put["premium_pct"] / 45, rel=1e-14)
        assert put["monthly_return"] == pytest.approx(put["premium_pct"] / 45 * 30, rel=1e-14)
        assert put["annual_return"] == pytest.approx(put["premium_pct"] / 45 * 365, rel=1e-14)

    def test_on_the_last_day_there_is_no_return_per_day(self, facts: pd.DataFrame, calendar: MarketCalendar) -> None:
        at = datetime(2025, 7, 18, 10, tzinfo=NEW_YORK)
        rows = as_of_columns(facts, as_of=at, basis=PriceBasis(), calendar=calendar)
        assert set(rows["dte"]) == {0}
        assert all(flags.split(",")[-1] == "expires_today" for flags in rows["flags"])
        assert rows[["daily_return", "monthly_return", "annual_return"]].isna().all(axis=None)

    @pytest.mark.parametrize("basis", [MID, PriceBasis(BasisKind.FILL, 0.3), PriceBasis(BasisKind.FILL, 1.0)])
    def test_another_basis_is_computed_as_if_stored(
        self, simulated: list[ChainSnapshot], calendar: MarketCalendar, basis: PriceBasis
    ) -> None:
        stored = as_of_columns(facts_of(simulated[1], calendar), as_of=NOW, basis=basis, calendar=calendar)
        fresh = as_of_columns(facts_of(simulated[1], calendar, basis), as_of=NOW, basis=basis, calendar=calendar)
        pd.testing.assert_frame_equal(stored, fresh)

    def test_facts_stay_as_they_were(self, facts: pd.DataFrame, calendar: MarketCalendar) -> None:
        before = facts.copy(deep=True)
        rows = as_of_columns(facts, as_of=NOW, basis=MID, calendar=calendar)
        pd.testing.assert_frame_equal(facts, before)
        assert list(schema.validate(rows, schema.SCAN).columns) == schema.SCAN.names

    @pytest.mark.parametrize(
        ("seconds", "state", "grade", "reason"),
        [
            (60, "fresh", "A", ""),
            (61, "delayed", "B", "quote older than 60 seconds"),
            (300, "delayed", "B", "quote older than 60 seconds"),
            (301, "delayed", "C", "quote older than 5 minutes"),
            (900, "delayed", "C", "quote older than 5 minutes"),
            (901, "stale", "D", "quote older than 15 minutes"),
            (86_400, "stale", "F", "quote of an earlier session or of unknown time"),
        ],
    )
    def test_age_in_session(self, calendar: MarketCalendar, seconds: int, state: str, grade: str, reason: str) -> None:
        chain = quotes([95, 100, 105], forward=100.0)
        chain["open_interest"] = 500.0
        at = IN_SESSION + timedelta(seconds=seconds)
        rows = as_of_columns(facts_of(snapshot(chain), calendar), as_of=at, basis=PriceBasis(), calendar=calendar)
        put = one(rows, 95, "put")
        assert (put["quote_age_seconds"], put["age_is_minimum"]) == (seconds, False)
        assert (put["age_state"], put["grade"], put["grade_reasons"]) == (state, grade, reason)

    def test_age_from_the_answer_is_a_minimum(self, calendar: MarketCalendar) -> None:
        chain = quotes([95, 100, 105], forward=100.0, quote_time=None)
        chain["open_interest"] = 500.0
        rows = facts_of(snapshot(chain, answer_time=IN_SESSION), calendar)
        soon = as_of_columns(rows, as_of=IN_SESSION, basis=PriceBasis(), calendar=calendar)
        later = as_of_columns(rows, as_of=IN_SESSION + timedelta(seconds=901), basis=PriceBasis(), calendar=calendar)
        assert soon["age_is_minimum"].all()
        assert set(soon["grade"]) == {"C"}
        assert set(soon["age_state"]) == {"delayed"}
        assert set(later["grade"]) == {"D"}
        assert set(later["quote_age_seconds"]) == {901.0}

    def test_age_unknown(self, calendar: MarketCalendar) -> None:
        chain = quotes([95, 100, 105], forward=100.0, quote_time=None)
        rows = facts_of(snapshot(chain, answer_time=None), calendar)
        found = as_of_columns(rows, as_of=IN_SESSION, basis=PriceBasis(), calendar=calendar)
        assert set(found["age_state"]) == {"unknown"}
        assert set(found["grade"]) == {"F"}
        assert found["quote_age_seconds"].isna().all()
        assert not found["age_is_minimum"].any()

    def test_closing_quotes_are_closed_and_not_stale(self, calendar: MarketCalendar) -> None:
        close = datetime(2025, 5, 30, 15, 59, 30, tzinfo=NEW_YORK)
        frames = [
            quotes([95, 100, 105], forward=100.0, quote_time=at, priced_at=at)
            for at in (close, close - timedelta(hours=3))
        ]
        for frame in frames:
            frame["open_interest"] = 500.0
        rows = [
            as_of_columns(
                facts_of(
                    snapshot(frame, underlying=replace(snapshot().underlying, quote_time=frame["quote_time"][0])),
                    calendar,
                ),
                as_of=datetime(2025, 6, 1, 12, tzinfo=NEW_YORK),
                basis=PriceBasis(),
                calendar=calendar,
            )
            for frame in frames
        ]
        assert [set(frame["age_state"]) for frame in rows] == [{"closed"}, {"stale"}]
        assert [set(frame["grade"]) for frame in rows] == [{"A"}, {"D"}]

    def test_naive_instant(self, facts: pd.DataFrame, calendar: MarketCalendar) -> None:
        with pytest.raises(InputError):
            as_of_columns(facts, as_of=datetime(2025, 6, 2), basis=PriceBasis(), calendar=calendar)  # noqa: DTZ001


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
