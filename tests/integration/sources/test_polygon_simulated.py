"""The simulated market written as Polygon's JSON and read back: the same numbers, times included."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from scanner.calendar import MarketCalendar
from scanner.sources.simulated import SimulatedSource
from tests.integration.sources.polygon_chains import source
from tests.vendors.fixtures import EnterInternet
from tests.vendors.polygon import PolygonServer
from tests.vendors.polygon_payloads import DEVELOPER, SourceAnswers

IN_SESSION = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
CLOSED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SYMBOLS = ["AAPL", "SPY", "BRK.B", "TSLA", "SNOW", "TEAM", "APP", "IBIT", "ZPMISS", "ZPSPOT"]


def first_six(listed: Sequence[date]) -> Sequence[date]:
    return listed[:6]


def chosen(frame: pd.DataFrame, days: Sequence[date]) -> pd.DataFrame:
    """The contracts of these days, ordered; more may have come along."""
    kept = frame[frame["expiration"].isin([pd.Timestamp(day) for day in days])]
    return kept.sort_values("occ_symbol").reset_index(drop=True)


@pytest.mark.parametrize("now", [IN_SESSION, CLOSED], ids=["in session", "closed"])
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_everything_survives_the_journey(enter_internet: EnterInternet, symbol: str, now: datetime) -> None:
    market = SimulatedSource(1, lambda: now, MarketCalendar.around(now))
    sent = market.chain(symbol, first_six)
    enter_internet(PolygonServer(SourceAnswers(market)).servers)
    got = source(clock=lambda: now, timeout_seconds=60.0).chain(symbol, first_six)
    assert (got.unreadable, got.notes) == ({}, {})
    assert got.missing_expirations == sent.missing_expirations
    assert got.listed_expirations == sent.listed_expirations
    assert (got.underlying.last, got.underlying.last_time) == (sent.underlying.last, sent.underlying.last_time)
    here, there = (chosen(answer.contracts, first_six(sent.listed_expirations)) for answer in (got, sent))
    pd.testing.assert_frame_equal(here, there)


def test_a_poor_plan_leaves_out_what_it_does_not_include_and_nothing_else(enter_internet: EnterInternet) -> None:
    market = SimulatedSource(1, lambda: IN_SESSION, MarketCalendar.around(IN_SESSION))
    sent = market.chain("AAPL", first_six)
    enter_internet(PolygonServer(SourceAnswers(market), DEVELOPER).servers)
    got = source(timeout_seconds=60.0).chain("AAPL", first_six)
    here, there = (chosen(answer.contracts, first_six(sent.listed_expirations)) for answer in (got, sent))
    absent = ["bid", "ask", "quote_time"]
    assert here[absent].isna().all().all()
    pd.testing.assert_frame_equal(here.drop(columns=absent), there.drop(columns=absent))
