"""Schwab keeps the promises of a chain source: the real client against a fake Schwab."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.schwab import SchwabSource
from scanner.sources.simulated import SimulatedSource
from tests.contract.chain_source import ChainSourceContract
from tests.integration.sources.schwab_chains import logged_in, source
from tests.vendors.internet import FakeInternet
from tests.vendors.schwab import SchwabServer
from tests.vendors.schwab_payloads import SourceAnswers

IN_SESSION = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
AFTER_HOURS = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=[IN_SESSION, AFTER_HOURS], ids=["in session", "closed"])
def schwab(request: pytest.FixtureRequest) -> Iterator[SchwabSource]:
    """One source for all tests: what it gives must not depend on what was asked before."""
    now: datetime = request.param
    market = SimulatedSource(1, lambda: now, MarketCalendar.around(IN_SESSION))
    with (
        FakeInternet(SchwabServer(SourceAnswers(market)).servers) as internet,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in internet.environment.items():
            patch.setenv(name, value)
        yield source(logged_in(expires=now + timedelta(minutes=20)), clock=lambda: now)
        assert internet.refused == []


class TestSchwab(ChainSourceContract):
    @pytest.fixture
    def source(self, schwab: SchwabSource) -> SchwabSource:
        return schwab

    @pytest.fixture(params=["AAPL", "SPY", "BRK.B"])
    def symbol(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def mode(self) -> Mode:
        return Mode.LIVE

    @pytest.fixture(params=["ZZTOP", "not a symbol"])
    def unknown(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def without_options(self) -> str:
        return "ZXA"
