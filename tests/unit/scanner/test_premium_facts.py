"""Facts of a chain, and how they look at one instant, against hand computation."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import log, sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from scanner import schema
from scanner.calendar import MarketCalendar
from scanner.errors import InputError
from scanner.model import (
    BasisKind,
    ChainSnapshot,
    PremiumFilters,
    PriceBasis,
)
from scanner.premium_facts import as_of_columns
from scanner.premiums import PremiumScanner
from tests.reference.cboe import read_cboe
from tests.reference.shared_data import shared_path
from tests.unit.scanner.premium_chains import BOTH, MID, NEW_YORK, NOW, RATES, facts_of, one
from tests.unit.scanner.pricing.chains import IN_SESSION, JULY, quotes, snapshot


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
