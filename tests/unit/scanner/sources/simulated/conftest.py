from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scanner.calendar import MarketCalendar


@pytest.fixture(scope="session")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(datetime(2026, 11, 20, 15, 0, tzinfo=UTC))
