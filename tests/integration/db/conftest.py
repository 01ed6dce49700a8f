"""Simulated chains and their premium facts, at an instant of the test's choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from db import premium_writing, stocks
from db.engine import Database
from db.run_symbols import Claim
from db.scan_runs import RunSettings
from scanner.calendar import MarketCalendar, market_date, target_expirations
from scanner.model import DEFAULT_TARGET_DTES, ChainSnapshot, Mode
from scanner.premium_facts import premium_facts
from scanner.pricing.rates import RateCurve
from scanner.sources.simulated import SimulatedSource

NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
TODAY = date(2026, 11, 18)
SETTINGS = RunSettings(mode=Mode.SIMULATED, rates={"0": 0.04}, sources=("simulated",), price_basis="bid")


@dataclass(frozen=True)
class Priced:
    snapshot: ChainSnapshot
    facts: pd.DataFrame


@pytest.fixture(scope="session")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(NOW)


@pytest.fixture(scope="session")
def priced(calendar: MarketCalendar) -> Callable[..., Priced]:
    """The chain of a symbol at an instant with its facts: the target expirations, planted cases included."""

    def make(symbol: str, now: datetime = NOW) -> Priced:
        def choose(listed: Sequence[date]) -> Sequence[date]:
            return tuple(target_expirations(listed, today=market_date(now), targets=DEFAULT_TARGET_DTES))

        snapshot = SimulatedSource(7, lambda: now, calendar).chain(symbol, choose)
        return Priced(snapshot, premium_facts(snapshot, calendar=calendar, rates=RateCurve.flat(0.04)))

    return make


@pytest.fixture
def universe(database: Database) -> tuple[str, ...]:
    """Symbols that are in the universe of this test's database."""
    symbols = ("AAPL", "AMD", "KO", "SPY", "TSLA")
    with database.connection() as connection:
        stocks.add(connection, symbols, now=NOW)
    return symbols


Pricer = Callable[..., Priced]


def store(database: Database, one: Priced, *, now: datetime = NOW, claim: Claim | None = None) -> int:
    with database.connection() as connection:
        return premium_writing.replace_symbol(connection, one.facts, one.snapshot, now=now, today=TODAY, claim=claim)


def in_stored_order(facts: pd.DataFrame) -> pd.DataFrame:
    return facts.sort_values(["symbol", "root", "expiration", "option_type", "strike"]).reset_index(drop=True)
