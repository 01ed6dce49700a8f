"""What every ReferenceSource promises, as one suite. A source's tests inherit it and fill in the fixtures."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest

from scanner.errors import SymbolNotFoundError
from scanner.model import EarningsState, Mode, ReferenceData
from scanner.sources.base import ReferenceSource

_NUMBERS = (
    *("last_price", "change_pct", "volume", "average_volume", "high_52_week", "low_52_week"),
    *("market_cap", "dividend_amount", "dividend_yield_pct"),
)


class ReferenceSourceContract:
    """Fixtures to override: `reference_source`, `reference_symbol` (known), `mode`, `unknown` (None: cannot tell)."""

    @pytest.fixture
    def reference_source(self) -> ReferenceSource:
        raise NotImplementedError

    @pytest.fixture
    def reference_symbol(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def mode(self) -> Mode:
        raise NotImplementedError

    @pytest.fixture
    def unknown(self) -> str | None:
        raise NotImplementedError

    @pytest.fixture
    def facts(self, reference_source: ReferenceSource, reference_symbol: str) -> ReferenceData:
        return reference_source.reference(reference_symbol)

    def test_reference_names_symbol_source_and_mode(
        self, reference_source: ReferenceSource, reference_symbol: str, facts: ReferenceData, mode: Mode
    ) -> None:
        assert (facts.symbol, facts.source) == (reference_symbol, reference_source.name)
        assert reference_source.mode is mode
        assert facts.fetched_at.utcoffset() == timedelta()

    def test_reference_numbers_are_numbers_or_unknown(self, facts: ReferenceData) -> None:
        for name in _NUMBERS:
            value = getattr(facts, name)
            assert value is None or (isinstance(value, int | float) and math.isfinite(value)), name
            assert value is None or value >= 0 or name == "change_pct", name

    def test_reference_prices_lie_in_their_range(self, facts: ReferenceData) -> None:
        if None not in (facts.low_52_week, facts.last_price, facts.high_52_week):
            assert facts.low_52_week <= facts.last_price <= facts.high_52_week  # type: ignore[operator]

    def test_reference_earnings_have_a_date_exactly_where_they_are_known(self, facts: ReferenceData) -> None:
        assert (facts.next_earnings is None) == (facts.earnings_state in (EarningsState.UNKNOWN, EarningsState.NONE))

    def test_reference_dates_are_dates(self, facts: ReferenceData) -> None:
        for day in (facts.next_earnings, facts.ex_dividend_date):
            assert day is None or type(day) is date

    def test_closes_are_of_sessions_ascending(self, reference_source: ReferenceSource, reference_symbol: str) -> None:
        closes = reference_source.closes(reference_symbol)
        days = [one.session for one in closes]
        assert len(days) >= 61
        assert days == sorted(set(days))
        assert all(day.weekday() < 5 for day in days)
        assert all(0 < one.close < math.inf for one in closes)

    def test_closes_of_an_unknown_symbol(self, reference_source: ReferenceSource, unknown: str | None) -> None:
        if unknown is None:
            pytest.skip("this source cannot tell an unknown symbol")
        with pytest.raises(SymbolNotFoundError):
            reference_source.closes(unknown)

    def test_reference_of_an_unknown_symbol(self, reference_source: ReferenceSource, unknown: str | None) -> None:
        if unknown is None:
            pytest.skip("this source cannot tell an unknown symbol")
        with pytest.raises(SymbolNotFoundError) as caught:
            reference_source.reference(unknown)
        assert caught.value.symbol == unknown
