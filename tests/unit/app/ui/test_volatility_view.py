from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.services.volatility_history import VolatilityOfSession, VolatilityOverTime
from app.ui import loaders, skew_charts, volatility_view
from db.daily_closes import ClosesOrigin

FETCHED = datetime(2026, 11, 18, 14, 0, tzinfo=UTC)
ROWS = (
    VolatilityOfSession(date(2026, 11, 16), None, 0.25, None, None),
    VolatilityOfSession(date(2026, 11, 17), None, 0.26, 0.30, None),
    VolatilityOfSession(date(2026, 11, 18), 0.31, None, None, "yahoo"),
)


@pytest.fixture(autouse=True)
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "now", lambda: FETCHED + timedelta(hours=1))


def test_the_line_names_sources_gaps_and_the_distance() -> None:
    assert volatility_view.line(VolatilityOverTime(ROWS, ClosesOrigin("yahoo", FETCHED))) == (
        "Sessions with IV: 1 of 252, building (yahoo); "
        "with realised volatility: 2 (closes from yahoo, fetched 09:00 New York); "
        "latest IV (2026-11-18) less realised of 20 sessions (2026-11-17): +5.0 points"
    )


def test_without_a_volatility_nothing_is_compared() -> None:
    assert volatility_view.line(VolatilityOverTime(ROWS[:1], None)) == (
        "Sessions with IV: 0 of 252, building; with realised volatility: 1"
    )


def test_what_is_unknown_is_a_gap() -> None:
    implied, short, long = skew_charts.volatility(ROWS).data
    assert list(implied.y) == [None, None, 31.0]
    assert list(short.y) == [25.0, 26.0, None]
    assert list(long.y) == [None, 30.0, None]
    assert not any(line.connectgaps for line in (implied, short, long))
