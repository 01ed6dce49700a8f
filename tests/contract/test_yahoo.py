"""Yahoo keeps the promises of chain and reference sources: the real client against a fake Yahoo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.resilience import OpenGate
from scanner.sources.simulated import SimulatedSource
from scanner.sources.yahoo import YahooSource
from tests.contract.chain_source import ChainSourceContract
from tests.contract.reference_source import ReferenceSourceContract
from tests.vendors.internet import FakeInternet
from tests.vendors.yahoo import YahooServer
from tests.vendors.yahoo_payloads import SourceAnswers

IN_SESSION = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
AFTER_HOURS = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=[IN_SESSION, AFTER_HOURS], ids=["in session", "closed"])
def yahoo(request: pytest.FixtureRequest) -> Iterator[YahooSource]:
    """One source for all tests: what it gives must not depend on what was asked before."""
    market = SimulatedSource(1, lambda: request.param, MarketCalendar.around(IN_SESSION))
    with (
        FakeInternet(YahooServer(SourceAnswers(market, market)).servers) as internet,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in internet.environment.items():
            patch.setenv(name, value)
        yield YahooSource(clock=lambda: request.param, timeout_seconds=10, gate=OpenGate())
        assert internet.refused == []


class TestYahoo(ChainSourceContract, ReferenceSourceContract):
    @pytest.fixture
    def source(self, yahoo: YahooSource) -> YahooSource:
        return yahoo

    @pytest.fixture
    def reference_source(self, yahoo: YahooSource) -> YahooSource:
        return yahoo

    @pytest.fixture(params=["AAPL", "SPY", "BRK.B"])
    def symbol(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def reference_symbol(self, symbol: str) -> str:
        return symbol

    @pytest.fixture
    def mode(self) -> Mode:
        return Mode.LIVE

    @pytest.fixture(params=["ZZTOP", "not a symbol"])
    def unknown(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def without_options(self) -> str:
        return "ZXA"
