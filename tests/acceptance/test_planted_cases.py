"""The scanner recognises every planted case of the simulated market, and accuses nothing else of the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache

import pandas as pd
import pytest

from scanner.calendar import MarketCalendar, market_date, target_expirations
from scanner.model import DEFAULT_TARGET_DTES, PremiumFilters, Strategy
from scanner.premium_facts import premium_facts
from scanner.premiums import PremiumScanner
from scanner.pricing.rates import RateCurve
from scanner.sources.simulated import Case, SimulatedSource
from scanner.sources.simulated.planted import CONTRACT_CASES, SYMBOL_CASES
from scanner.symbols import DEFAULT_UNIVERSE

NOW = datetime(2026, 11, 20, 17, 3, tzinfo=UTC)
RATES = RateCurve.flat(0.043)
SYMBOLS = (*DEFAULT_UNIVERSE, *(symbol for symbol in SYMBOL_CASES if symbol.startswith("ZP")))

EXPECTED: Mapping[Case, Mapping[str, object]] = {
    Case.ZERO_BID: {"quote_reason": "no_bid", "quote_grade": "F", "mid": None},
    Case.NO_BID: {"quote_reason": "no_bid", "quote_grade": "F", "mid": None, "premium": None},
    Case.NO_ASK: {"quote_reason": "no_ask", "quote_grade": "F", "mid": None},
    Case.NO_QUOTE: {"quote_reason": "no_bid", "quote_grade": "F", "mid": None, "premium": None},
    Case.CROSSED: {"quote_reason": "crossed", "quote_grade": "F", "mid": None, "iv": None},
    Case.WIDE_SPREAD: {"quote_reason": None, "quote_grade": "F", "flags": ""},
    Case.STALE_QUOTE: {"quote_reason": "no_implied_volatility", "flags": "spot_skew", "iv": None},
    Case.PREVIOUS_SESSION_QUOTE: {"quote_reason": "no_implied_volatility", "flags": "spot_skew", "iv": None},
    Case.QUOTE_TIME_UNKNOWN: {"quote_reason": None, "quote_grade": "C", "flags": "quote_time_unknown"},
    Case.VENDOR_IV_FAR: {"quote_reason": None, "quote_grade": "C", "flags": "vendor_iv_differs"},
    Case.VENDOR_IV_UNKNOWN: {"quote_reason": None, "flags": ""},
    Case.ADJUSTED: {"quote_reason": "adjusted", "quote_grade": "F", "flags": "adjusted"},
    Case.VOLUME_UNKNOWN: {"quote_reason": None, "volume": None},
    Case.OPEN_INTEREST_UNKNOWN: {"quote_reason": None, "quote_grade": "C", "flags": "open_interest_unknown"},
    Case.LIQUIDITY_UNKNOWN: {"quote_reason": None, "quote_grade": "C", "flags": "open_interest_unknown"},
    Case.NEW_STRIKE: {"quote_reason": None, "open_interest": 0.0},
    Case.EXECUTABLE_ARBITRAGE: {"quote_reason": None, "quote_grade": "F"},
    Case.UNUSUAL_FLOW: {"quote_reason": None, "flags": ""},
}
"""What definitions 2 and 4 say of each case; None is unknown."""

ACCUSING_FLAGS = frozenset(
    ("adjusted", "spot_skew", "arbitrage", "no_ask", "crossed", "quote_time_unknown", "open_interest_unknown")
)


@cache
def market() -> tuple[SimulatedSource, MarketCalendar]:
    calendar = MarketCalendar.around(NOW)
    return SimulatedSource(1, lambda: NOW, calendar), calendar


def choose(listed: Sequence[date]) -> Sequence[date]:
    return list(target_expirations(listed, today=market_date(NOW), targets=DEFAULT_TARGET_DTES))


@cache
def facts(symbol: str) -> pd.DataFrame:
    source, calendar = market()
    return premium_facts(source.chain(symbol, choose), calendar=calendar, rates=RATES).set_index("occ_symbol")


@pytest.mark.parametrize("symbol", CONTRACT_CASES)
def test_a_planted_contract_is_judged_as_defined(symbol: str) -> None:
    source, _ = market()
    for one in source.planted_cases(symbol):
        row = facts(symbol).loc[str(one.occ_symbol)]
        found = {name: None if pd.isna(row[name]) else row[name] for name in EXPECTED[one.case]}
        assert found == EXPECTED[one.case], one


def test_the_arbitrage_is_flagged_on_the_contract_that_offers_it() -> None:
    (case,) = market()[0].planted_cases("IBIT")
    assert "arbitrage" in str(facts("IBIT").loc[str(case.occ_symbol), "flags"]).split(",")


@pytest.mark.parametrize("symbol", DEFAULT_UNIVERSE)
def test_nothing_else_is_accused(symbol: str) -> None:
    """Neighbours of the arbitrage may be flagged with it; no other clean contract may carry an accusing flag."""
    planted = {one.occ_symbol for one in market()[0].planted_cases(symbol)}
    clean = facts(symbol)[[code not in planted for code in facts(symbol).index]]
    flags = {flag for text in clean["flags"] for flag in text.split(",")}
    assert flags & ACCUSING_FLAGS <= ({"arbitrage"} if symbol == "IBIT" else set())


def test_stock_prices_of_another_time_and_no_stock_price_leave_nothing_to_pass() -> None:
    assert set(facts("ZPSPOT")["flags"].str.contains("spot_skew")) == {True}
    assert facts("ZPSPOT")["iv"].isna().all()
    assert set(facts("ZPNONE")["quote_reason"]) == {"no_spot"}


@pytest.mark.parametrize("strategy", Strategy)
def test_every_contract_fetched_is_passed_or_counted(strategy: Strategy) -> None:
    source, calendar = market()
    snapshots = [source.chain(symbol, choose) for symbol in SYMBOLS]
    filters = PremiumFilters(strategies=(strategy,))
    result = PremiumScanner(calendar, RATES).scan(snapshots, filters, as_of=NOW, symbols=SYMBOLS)
    fetched = {snapshot.symbol: snapshot.fetched_count for snapshot in snapshots}
    assert {count.symbol: count.fetched for count in result.counts} == fetched
    for count in result.counts:
        assert count.fetched == count.passed + sum(count.rejected.values())
    passed = {count.symbol: count.passed for count in result.counts}
    assert passed["ZPSPOT"] == passed["ZPNONE"] == 0
    assert min(passed[symbol] for symbol in DEFAULT_UNIVERSE) > 0
