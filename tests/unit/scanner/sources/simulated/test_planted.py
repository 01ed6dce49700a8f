"""Every planted case is where the truth says it is, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scanner.calendar import MarketCalendar, flow_expirations, market_date, target_expirations
from scanner.model import DEFAULT_TARGET_DTES, ChainSnapshot
from scanner.sources.simulated import Case, PlantedCase, SimulatedSource
from scanner.sources.simulated.planted import CONTRACT_CASES, SYMBOL_CASES, UNREADABLE
from scanner.sources.simulated.planted_flow import FLOW_CASES
from scanner.symbols import DEFAULT_UNIVERSE
from tests.unit.scanner.sources.simulated.arbitrage import findings

NOON = datetime(2026, 11, 20, 17, 3, tzinfo=UTC)
PREVIOUS_CLOSE = pd.Timestamp(2026, 11, 19, 21, tz="UTC")
SESSIONS = [NOON, NOON + timedelta(days=19), NOON + timedelta(days=62), NOON + timedelta(days=138)]

Row = Any


def everything(listed: Sequence[date]) -> Sequence[date]:
    return listed


def chain(calendar: MarketCalendar, symbol: str, now: datetime, *, plant: bool) -> ChainSnapshot:
    return SimulatedSource(1, lambda: now, calendar, plant=plant).chain(symbol, everything)


def truth(calendar: MarketCalendar, symbol: str, now: datetime) -> tuple[PlantedCase, ...]:
    return SimulatedSource(1, lambda: now, calendar).planted_cases(symbol)


LOOKS_LIKE: dict[Case, Callable[[Row, Row], bool]] = {
    Case.ZERO_BID: lambda row, _: row["bid"] == 0.0 and row["ask"] > 0.0,
    Case.NO_BID: lambda row, _: pd.isna(row["bid"]) and row["ask"] > 0.0,
    Case.NO_ASK: lambda row, _: pd.isna(row["ask"]) and row["bid"] > 0.0,
    Case.NO_QUOTE: lambda row, _: pd.isna(row["bid"]) and pd.isna(row["ask"]),
    Case.CROSSED: lambda row, _: row["bid"] > row["ask"] > 0.0,
    Case.WIDE_SPREAD: lambda row, _: row["ask"] > 1.7 * row["bid"] > 0.0,
    Case.STALE_QUOTE: lambda row, _: row["quote_time"] <= pd.Timestamp(NOON) - timedelta(minutes=40),
    Case.PREVIOUS_SESSION_QUOTE: lambda row, _: row["quote_time"] == PREVIOUS_CLOSE,
    Case.QUOTE_TIME_UNKNOWN: lambda row, _: pd.isna(row["quote_time"]),
    Case.VENDOR_IV_FAR: lambda row, clean: row["vendor_iv"] - clean["vendor_iv"] > 0.05,
    Case.VENDOR_IV_UNKNOWN: lambda row, _: pd.isna(row["vendor_iv"]),
    Case.ADJUSTED: lambda row, _: row["adjusted"] and row["multiplier"] == 150 and row["root"] == "APP1",
    Case.VOLUME_UNKNOWN: lambda row, _: pd.isna(row["volume"]) and row["open_interest"] >= 0,
    Case.OPEN_INTEREST_UNKNOWN: lambda row, _: pd.isna(row["open_interest"]) and row["volume"] >= 0,
    Case.LIQUIDITY_UNKNOWN: lambda row, _: pd.isna(row["open_interest"]) and pd.isna(row["volume"]),
    Case.NEW_STRIKE: lambda row, _: row["open_interest"] == 0 and row["volume"] >= 100,
    Case.EXECUTABLE_ARBITRAGE: lambda row, clean: row["ask"] > row["bid"] > clean["ask"],
    Case.UNUSUAL_FLOW: lambda row, _: row["volume"] >= 3 * row["open_interest"] > 0,
}


PLANTED = (*CONTRACT_CASES, *FLOW_CASES)
"""Symbols with cases on single contracts."""


def expected(symbol: str) -> list[Case]:
    """The cases on single contracts of a symbol, in order."""
    flow = [Case.UNUSUAL_FLOW] if symbol in FLOW_CASES else []
    return [plant.case for plant in CONTRACT_CASES.get(symbol, ())] + flow


def contract_truth(calendar: MarketCalendar, symbol: str, now: datetime) -> list[PlantedCase]:
    return [one for one in truth(calendar, symbol, now) if one.occ_symbol is not None]


def test_every_kind_of_case_is_planted_once_or_more() -> None:
    contract_cases = {case for symbol in PLANTED for case in expected(symbol)}
    assert contract_cases | set(SYMBOL_CASES.values()) == set(Case)
    assert contract_cases == set(LOOKS_LIKE)
    assert set(PLANTED) <= set(DEFAULT_UNIVERSE)


@pytest.mark.parametrize("symbol", PLANTED)
def test_a_planted_contract_looks_like_its_case(calendar: MarketCalendar, symbol: str) -> None:
    spoiled = chain(calendar, symbol, NOON, plant=True).contracts
    clean = chain(calendar, symbol, NOON, plant=False).contracts
    cases = contract_truth(calendar, symbol, NOON)
    assert [one.case for one in cases] == expected(symbol)
    for one in cases:
        position = int(spoiled.index[spoiled["occ_symbol"] == one.occ_symbol][0])
        assert spoiled["expiration"][position].date() == one.expiration
        assert LOOKS_LIKE[one.case](spoiled.iloc[position], clean.iloc[position]), one


@pytest.mark.parametrize("now", SESSIONS)
@pytest.mark.parametrize("symbol", [symbol for symbol in PLANTED if symbol not in SYMBOL_CASES])
def test_everything_else_is_as_without_planting(calendar: MarketCalendar, symbol: str, now: datetime) -> None:
    spoiled = chain(calendar, symbol, now, plant=True)
    clean = chain(calendar, symbol, now, plant=False)
    planted = spoiled.contracts["occ_symbol"].isin([one.occ_symbol for one in truth(calendar, symbol, now)])
    assert planted.sum() == len(expected(symbol))
    pd.testing.assert_frame_equal(spoiled.contracts[~planted], clean.contracts[~planted])
    assert spoiled.underlying == clean.underlying
    assert LOOKS_LIKE.keys() >= {one.case for one in truth(calendar, symbol, now)}


@pytest.mark.parametrize("now", SESSIONS)
def test_cases_lie_in_an_expiration_that_the_default_scan_takes(calendar: MarketCalendar, now: datetime) -> None:
    for symbol in CONTRACT_CASES:
        listed = chain(calendar, symbol, now, plant=True).listed_expirations
        taken = target_expirations(listed, today=market_date(now), targets=DEFAULT_TARGET_DTES)
        assert {one.expiration for one in truth(calendar, symbol, now)} <= set(taken)


@pytest.mark.parametrize("now", SESSIONS)
def test_flow_lies_in_an_expiration_that_the_flow_scan_takes(calendar: MarketCalendar, now: datetime) -> None:
    for symbol in FLOW_CASES:
        listed = chain(calendar, symbol, now, plant=True).listed_expirations
        taken = flow_expirations(listed, now=now, root=symbol, calendar=calendar)
        assert {one.expiration for one in contract_truth(calendar, symbol, now)} <= set(taken)


def test_the_planted_arbitrage_can_be_locked_in(calendar: MarketCalendar) -> None:
    answer = chain(calendar, "IBIT", NOON, plant=True)
    (case,) = truth(calendar, "IBIT", NOON)
    contracts = answer.contracts[answer.contracts["expiration"] == pd.Timestamp(str(case.expiration))]
    stock = answer.underlying
    assert stock.bid is not None
    assert stock.ask is not None
    found = findings(contracts, stock_bid=stock.bid, stock_ask=stock.ask, years=0.08, rate=0.043)
    strike = contracts["strike"][contracts["occ_symbol"] == case.occ_symbol].item()
    assert any(one.startswith(f"put {strike} bid over put") for one in found)


def test_symbol_cases(calendar: MarketCalendar) -> None:
    late = chain(calendar, "ZPSPOT", NOON, plant=True)
    assert late.underlying.quote_time == late.underlying.last_time == NOON - timedelta(minutes=10)
    none = chain(calendar, "ZPNONE", NOON, plant=True)
    assert (none.underlying.bid, none.underlying.ask, none.underlying.last) == (None, None, None)
    rows = chain(calendar, "ZPROWS", NOON, plant=True)
    assert rows.unreadable == UNREADABLE
    assert rows.fetched_count == len(rows.contracts) + 3
    missing = chain(calendar, "ZPMISS", NOON, plant=True)
    (gone,) = missing.missing_expirations
    assert gone in missing.listed_expirations
    assert pd.Timestamp(gone) not in set(missing.contracts["expiration"])
    for symbol, case in SYMBOL_CASES.items():
        assert [one.case for one in truth(calendar, symbol, NOON) if one.occ_symbol is None] == [case]


def wing(answer: ChainSnapshot, side: str) -> float:
    """Vendor IV of the contract 5 to 10 % out of the money, about 30 days out, decimal."""
    contracts = answer.contracts[answer.contracts["expiration"] == pd.Timestamp(2026, 12, 18)]
    assert answer.underlying.last is not None
    moneyness = contracts["strike"] / answer.underlying.last - 1.0
    away = (moneyness if side == "call" else -moneyness).between(0.05, 0.10)
    return float(contracts.loc[away & (contracts["option_type"] == side), "vendor_iv"].mean())


def test_extreme_skew_has_both_signs(calendar: MarketCalendar) -> None:
    puts, calls = (chain(calendar, symbol, NOON, plant=True) for symbol in ("UNH", "PLTR"))
    assert wing(puts, "put") - wing(puts, "call") > 0.10
    assert wing(calls, "put") - wing(calls, "call") < -0.06
    usual = chain(calendar, "AXP", NOON, plant=True)
    assert 0.0 < wing(usual, "put") - wing(usual, "call") < 0.10


def test_without_planting_there_is_nothing_to_find(calendar: MarketCalendar) -> None:
    source = SimulatedSource(1, lambda: NOON, calendar, plant=False)
    for symbol in (*PLANTED, *SYMBOL_CASES):
        assert source.planted_cases(symbol) == ()
        answer = source.chain(symbol, everything)
        contracts = answer.contracts
        assert contracts.drop(columns="last").notna().all(axis=None)
        assert (contracts["bid"] < contracts["ask"]).all()
        assert not contracts["adjusted"].any()
        assert not answer.unreadable
        assert not answer.missing_expirations
        assert answer.underlying.last is not None


def test_the_documentation_lists_what_is_planted() -> None:
    page = Path(__file__).parents[5] / "docs" / "simulated-and-recorded.md"
    rows = [line.strip("| \n").split(" | ") for line in page.read_text(encoding="utf-8").splitlines() if "| " in line]
    written = {symbol: cases.split(", ") for symbol, cases in rows[1:]}
    symbols = dict.fromkeys((*PLANTED, *SYMBOL_CASES))
    whole = {symbol: [case] for symbol, case in SYMBOL_CASES.items()}
    assert written == {one: [case.value for case in whole.get(one, []) + expected(one)] for one in symbols}
