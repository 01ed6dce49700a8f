"""The simulated market written as Schwab's JSON and read back through the real client."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot
from scanner.sources.schwab import SchwabSource
from scanner.sources.simulated import SimulatedSource
from tests.integration.sources.schwab_chains import NOW, source
from tests.vendors.fixtures import EnterInternet
from tests.vendors.schwab import SchwabServer
from tests.vendors.schwab_payloads import SourceAnswers

IDENTITY = ["root", "expiration", "option_type", "strike", "occ_symbol", "multiplier", "adjusted"]


@pytest.fixture(params=[False, True], ids=["plain", "planted"])
def market(request: pytest.FixtureRequest) -> SimulatedSource:
    return SimulatedSource(1, lambda: NOW, MarketCalendar.around(NOW), plant=request.param)


@pytest.fixture
def schwab(enter_internet: EnterInternet, market: SimulatedSource) -> SchwabSource:
    enter_internet(SchwabServer(SourceAnswers(market)).servers)
    return source()


def in_order(snapshot: ChainSnapshot) -> pd.DataFrame:
    return snapshot.contracts.sort_values("occ_symbol").reset_index(drop=True)


@pytest.mark.parametrize("symbol", ["AAPL", "SPY", "BRK.B", "TSLA", "XOM"])
def test_every_number_survives_the_journey(market: SimulatedSource, schwab: SchwabSource, symbol: str) -> None:
    sent, got = market.chain(symbol, lambda listed: listed), schwab.chain(symbol, lambda listed: listed)
    assert got.unreadable == {}
    assert got.missing_expirations == sent.missing_expirations
    assert got.listed_expirations == sent.listed_expirations
    assert got.underlying == sent.underlying
    there, here = in_order(sent), in_order(got)
    pd.testing.assert_frame_equal(here[IDENTITY], there[IDENTITY])
    for column in ("bid", "ask", "last", "volume", "open_interest", "vendor_iv"):
        np.testing.assert_allclose(here[column], there[column], rtol=1e-12, err_msg=column)
    later = there["quote_time"] - here["quote_time"]
    assert later.dropna().between(pd.Timedelta(0), pd.Timedelta(milliseconds=1)).all()
    assert (here["quote_time"].isna() == there["quote_time"].isna()).all()
    newest = got.answer_time
    assert newest is not None
    assert newest == here["quote_time"].max()
