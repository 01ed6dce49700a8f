"""18 November 2026 is a Wednesday: New York opens at 14:30 UTC and closes at 21:00."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.api.readiness import flow_part, quotes_part
from scanner.calendar import MarketCalendar


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture(scope="module")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(at(18, 12))


@pytest.mark.parametrize(
    ("now", "newest", "fit"),
    [
        (at(18, 17), at(18, 16, 15), True),
        (at(18, 17), at(18, 16, 14), False),
        (at(18, 14, 31), at(18, 13, 46), True),
        (at(18, 14, 31), at(17, 21), False),
        (at(18, 23), at(18, 14, 30), True),
        (at(18, 23), at(18, 14, 29), False),
        (at(21, 12), at(20, 20), True),
        (at(21, 12), at(19, 20), False),
    ],
)
def test_quotes_are_of_the_last_45_minutes_or_of_the_last_session(
    calendar: MarketCalendar, now: datetime, newest: datetime, fit: bool
) -> None:
    part = quotes_part(newest, now=now, calendar=calendar)
    assert part.ready is fit
    assert bool(part.reason) is not fit
    assert part.age_seconds == (now - newest).total_seconds()


@pytest.mark.parametrize(
    ("now", "newest", "fit"),
    [
        (at(18, 17), at(18, 16, 15), True),
        (at(18, 17), at(18, 16), False),
        (at(18, 15, 29), at(17, 21), True),
        (at(18, 15, 29), at(16, 21), False),
        (at(18, 15, 30), at(17, 21), False),
        (at(18, 15, 30), at(18, 14, 45), True),
        (at(18, 21), at(18, 15), True),
        (at(21, 12), at(20, 21), True),
        (at(21, 12), at(19, 21), False),
        (at(23, 15), at(20, 21), True),
    ],
)
def test_flow_is_of_the_last_45_minutes_once_that_can_be_and_else_of_the_last_session(
    calendar: MarketCalendar, now: datetime, newest: datetime, fit: bool
) -> None:
    assert flow_part(newest, now=now, calendar=calendar).ready is fit


def test_nothing_stored_is_not_fit_and_has_no_age(calendar: MarketCalendar) -> None:
    for part in (quotes_part, flow_part):
        found = part(None, now=at(18, 17), calendar=calendar)
        assert (found.ready, found.newest, found.age_seconds) == (False, None, None)
        assert "not stored yet" in found.reason
