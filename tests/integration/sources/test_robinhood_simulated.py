"""The simulated market written as Robinhood's JSON and read back: the same numbers, times included."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from scanner.calendar import MarketCalendar
from scanner.sources.simulated import SimulatedSource
from tests.integration.sources.robinhood_chains import Clock, source
from tests.vendors.fixtures import EnterInternet
from tests.vendors.robinhood import RobinhoodServer
from tests.vendors.robinhood_payloads import SourceAnswers

IN_SESSION = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
CLOSED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EXACT = ["root", "expiration", "option_type", "strike", "occ_symbol", "multiplier", "adjusted", "quote_time"]
QUOTED = ["bid", "ask", "last", "volume", "open_interest", "vendor_iv"]
SIX_DECIMALS = 5.1e-7


def first_six(listed: Sequence[date]) -> Sequence[date]:
    return listed[:6]


@pytest.mark.parametrize("now", [IN_SESSION, CLOSED], ids=["in session", "closed"])
@pytest.mark.parametrize("symbol", ["AAPL", "SPY", "BRK.B", "TSLA", "SNOW", "TEAM", "APP", "IBIT", "ZPMISS", "ZPSPOT"])
def test_everything_survives_the_journey(enter_internet: EnterInternet, symbol: str, now: datetime) -> None:
    market = SimulatedSource(1, lambda: now, MarketCalendar.around(now))
    enter_internet(RobinhoodServer(SourceAnswers(market)).servers)
    sent, got = market.chain(symbol, first_six), source(clock=Clock(now)).chain(symbol, first_six)
    assert got.unreadable == {}
    assert got.missing_expirations == sent.missing_expirations
    assert got.listed_expirations == sent.listed_expirations
    for name in ("bid", "ask", "last", "quote_time", "last_time"):
        assert getattr(got.underlying, name) == getattr(sent.underlying, name), name
    there = sent.contracts.sort_values("occ_symbol").reset_index(drop=True)
    here = got.contracts.sort_values("occ_symbol").reset_index(drop=True)
    pd.testing.assert_frame_equal(here[EXACT], there[EXACT])
    for column in QUOTED:
        np.testing.assert_allclose(here[column], there[column], rtol=0, atol=SIX_DECIMALS, err_msg=column)
