"""The simulated market keeps the promises of chain and reference sources."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.simulated import SimulatedSource
from tests.contract.chain_source import ChainSourceContract
from tests.contract.reference_source import ReferenceSourceContract

IN_SESSION = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
AFTER_HOURS = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(IN_SESSION)


class TestSimulated(ChainSourceContract, ReferenceSourceContract):
    @pytest.fixture(params=[IN_SESSION, AFTER_HOURS], ids=["in session", "closed"])
    def source(self, request: pytest.FixtureRequest, calendar: MarketCalendar) -> SimulatedSource:
        return SimulatedSource(1, lambda: request.param, calendar)

    @pytest.fixture
    def reference_source(self, source: SimulatedSource) -> SimulatedSource:
        return source

    @pytest.fixture(params=["AAPL", "SPY", "BRK.B", "ABCD", "SNOW", "ZPROWS", "ZPMISS"])
    def symbol(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def reference_symbol(self, symbol: str) -> str:
        return symbol

    @pytest.fixture
    def mode(self) -> Mode:
        return Mode.SIMULATED

    @pytest.fixture(params=["ZZTOP", "SPX", "not a symbol"])
    def unknown(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def without_options(self) -> str:
        return "ZXA"
