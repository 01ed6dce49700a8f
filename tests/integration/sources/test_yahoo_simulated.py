"""The simulated market written as Yahoo's JSON and read back through the real client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from scanner.calendar import MarketCalendar
from scanner.sources.resilience import OpenGate
from scanner.sources.simulated import SimulatedSource
from scanner.sources.yahoo import YahooSource
from tests.vendors.fixtures import EnterInternet
from tests.vendors.yahoo import YahooServer
from tests.vendors.yahoo_payloads import SourceAnswers

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
IDENTITY = ["root", "expiration", "option_type", "strike", "occ_symbol", "multiplier", "adjusted"]


@pytest.fixture
def market() -> SimulatedSource:
    return SimulatedSource(1, lambda: NOW, MarketCalendar.around(NOW))


@pytest.fixture
def yahoo(enter_internet: EnterInternet, market: SimulatedSource) -> YahooSource:
    enter_internet(YahooServer(SourceAnswers(market, market)).servers)
    return YahooSource(clock=lambda: NOW, timeout_seconds=10.0, gate=OpenGate())


def first_four(listed: Sequence[date]) -> Sequence[date]:
    return listed[:4]


@pytest.mark.parametrize("symbol", ["AAPL", "SPY", "BRK.B", "TSLA"])
def test_quotes_survive_the_journey(market: SimulatedSource, yahoo: YahooSource, symbol: str) -> None:
    sent, got = market.chain(symbol, first_four), yahoo.chain(symbol, first_four)
    assert got.unreadable == {}
    assert got.missing_expirations == ()
    assert got.listed_expirations == sent.listed_expirations
    assert (got.underlying.bid, got.underlying.ask) == (sent.underlying.bid, sent.underlying.ask)
    there = sent.contracts.sort_values("occ_symbol").reset_index(drop=True)
    here = got.contracts.sort_values("occ_symbol").reset_index(drop=True)
    pd.testing.assert_frame_equal(here[IDENTITY], there[IDENTITY])
    quoted = (there["bid"] > 0) & (there["ask"] > 0)
    assert quoted.mean() > 0.5
    for column in ("bid", "ask", "last", "volume", "open_interest"):
        np.testing.assert_allclose(here.loc[quoted, column], there.loc[quoted, column])
    assert here["quote_time"].isna().all()


@pytest.mark.parametrize("symbol", ["AAPL", "SPY", "BRK.B", "XOM"])
def test_facts_survive_the_journey(market: SimulatedSource, yahoo: YahooSource, symbol: str) -> None:
    sent, got = market.reference(symbol), yahoo.reference(symbol)
    for name in ("name", "sector", "industry", "next_earnings", "earnings_state", "ex_dividend_date", "volume"):
        assert getattr(got, name) == getattr(sent, name), name
    for name in ("last_price", "change_pct", "market_cap", "dividend_yield_pct", "high_52_week", "dividend_amount"):
        assert getattr(got, name) == pytest.approx(getattr(sent, name)), name
