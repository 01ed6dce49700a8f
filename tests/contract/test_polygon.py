"""Polygon keeps the promises of chain sources: our client against a fake Polygon, with rich and poor plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.polygon import PolygonSource
from scanner.sources.resilience import OpenGate
from scanner.sources.simulated import SimulatedSource
from tests.contract.chain_source import ChainSourceContract
from tests.vendors.internet import FakeInternet
from tests.vendors.polygon import API_KEY, PolygonServer
from tests.vendors.polygon_payloads import STARTER, Plan, SourceAnswers

EVERYTHING = Plan()
IN_SESSION = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
AFTER_HOURS = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    now: datetime = IN_SESSION
    plan: Plan = EVERYTHING


CASES = {
    "in session": Case(),
    "closed": Case(AFTER_HOURS),
    "without quotes": Case(plan=STARTER),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=tuple(CASES))
def polygon(request: pytest.FixtureRequest) -> Iterator[PolygonSource]:
    """One source for all tests: what it gives must not depend on what was asked before."""
    now = request.param.now
    market = SimulatedSource(1, lambda: now, MarketCalendar.around(IN_SESSION))
    server = PolygonServer(SourceAnswers(market), request.param.plan)
    with FakeInternet(server.servers) as internet, pytest.MonkeyPatch.context() as patch:
        for name, value in internet.environment.items():
            patch.setenv(name, value)
        yield PolygonSource(clock=lambda: now, gate=OpenGate(), timeout_seconds=60, api_key=API_KEY)
        assert internet.refused == []


class TestPolygon(ChainSourceContract):
    @pytest.fixture
    def source(self, polygon: PolygonSource) -> PolygonSource:
        return polygon

    @pytest.fixture(params=["AAPL", "SPY", "BRK.B", "TEAM"])
    def symbol(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def mode(self) -> Mode:
        return Mode.LIVE

    @pytest.fixture(params=["ZZTOP", "not a symbol", "SPX"])
    def unknown(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def without_options(self) -> str:
        return "ZXA"
