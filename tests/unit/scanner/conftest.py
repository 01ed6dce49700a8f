from datetime import UTC, datetime

import pytest

from scanner.calendar import MarketCalendar


@pytest.fixture(scope="session")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(datetime(2025, 6, 2, 15, 0, tzinfo=UTC))
