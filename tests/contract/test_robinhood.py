"""Robinhood keeps the promises of chain sources: the real client against a fake Robinhood."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.resilience import OpenGate
from scanner.sources.robinhood import RobinhoodCredentials, RobinhoodSource
from scanner.sources.simulated import SimulatedSource
from tests.contract.chain_source import ChainSourceContract
from tests.vendors.internet import FakeInternet
from tests.vendors.robinhood import PASSWORD, USERNAME, RobinhoodServer
from tests.vendors.robinhood_payloads import SourceAnswers

IN_SESSION = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
AFTER_HOURS = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=[IN_SESSION, AFTER_HOURS], ids=["in session", "closed"])
def robinhood(request: pytest.FixtureRequest) -> Iterator[RobinhoodSource]:
    """One source for all tests: what it gives must not depend on what was asked before."""
    market = SimulatedSource(1, lambda: request.param, MarketCalendar.around(IN_SESSION))
    stored: list[str] = []
    with (
        FakeInternet(RobinhoodServer(SourceAnswers(market)).servers) as internet,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in internet.environment.items():
            patch.setenv(name, value)
        yield RobinhoodSource(
            clock=lambda: request.param,
            gate=OpenGate(),
            timeout_seconds=10,
            credentials=RobinhoodCredentials(username=USERNAME, password=PASSWORD),
            read_session=lambda: stored[-1] if stored else None,
            write_session=stored.append,
        )
        assert internet.refused == []


class TestRobinhood(ChainSourceContract):
    @pytest.fixture
    def source(self, robinhood: RobinhoodSource) -> RobinhoodSource:
        return robinhood

    @pytest.fixture(params=["AAPL", "SPY", "BRK.B", "SNOW", "TEAM", "APP"])
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
