from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot
from scanner.sources.simulated.source import SimulatedSource
from tests.unit.scanner.premium_chains import NOW, SYMBOLS


@pytest.fixture(scope="session")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(datetime(2025, 6, 2, 15, 0, tzinfo=UTC))


@pytest.fixture(scope="module")
def simulated(calendar: MarketCalendar) -> list[ChainSnapshot]:
    source = SimulatedSource(7, lambda: NOW, calendar)
    return [source.chain(symbol, lambda listed: listed[:9]) for symbol in SYMBOLS]
