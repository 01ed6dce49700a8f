from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.ui import formats
from scanner.calendar import MarketCalendar

FRIDAY_CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def calendar() -> MarketCalendar:
    return MarketCalendar(datetime(2026, 10, 1, tzinfo=UTC).date(), datetime(2027, 2, 1, tzinfo=UTC).date())


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (12.9, "12 s"),
        (59.99, "59 s"),
        (60, "1 min"),
        (14 * 60 + 59, "14 min"),
        (3600, "1 h"),
        (2 * 3600 + 5 * 60, "2 h 5 min"),
        (86_400, "1 d"),
        (3 * 86_400 + 4 * 3600, "3 d 4 h"),
        (-5, "0 s"),
    ],
)
def test_duration_in_the_units_that_matter(seconds: float, expected: str) -> None:
    assert formats.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "minimum", "state", "expected"),
    [
        (12.0, False, "fresh", "12 s"),
        (180.0, False, "delayed", "3 min"),
        (840.0, True, "delayed", "at least 14 min"),
        (86_400.0, False, "stale", "1 d, stale"),
        (3600.0, False, "closed", "closed (Fri 16:00)"),
        (None, False, "unknown", "unknown"),
        (float("nan"), True, "unknown", "unknown"),
    ],
)
def test_age_says_how_old_and_how_sure(seconds: float | None, minimum: bool, state: str, expected: str) -> None:
    assert formats.age(seconds, minimum=minimum, state=state, at=FRIDAY_CLOSE) == expected


def test_age_of_a_closing_quote_seconds_before_the_close_reads_as_the_close() -> None:
    at = FRIDAY_CLOSE - timedelta(seconds=2)
    assert formats.age(3600.0, minimum=False, state="closed", at=at) == "closed (Fri 16:00)"


def test_age_of_a_closed_market_without_any_time_is_the_elapsed_time() -> None:
    assert formats.age(3600.0, minimum=True, state="closed", at=None) == "at least 1 h"


def test_unknown_numbers_are_a_dash_and_never_zero() -> None:
    nan = float("nan")
    assert {formats.money(nan), formats.percent(nan), formats.count(nan), formats.number(None)} == {formats.UNKNOWN}
    assert formats.money(0.0) == "$0.00"
    assert formats.money(-1234.5) == "-$1,234.50"
    assert formats.percent(35.249) == "35.2 %"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 20, 20, 32, tzinfo=UTC), "Market open, closes 16:00 in 28 min"),
        (datetime(2026, 11, 27, 17, 0, tzinfo=UTC), "Market open, closes 13:00 (early close) in 1 h"),
        (datetime(2026, 11, 21, 14, 30, tzinfo=UTC), "Market closed, opens Mon 09:30 in 2 d"),
        (datetime(2026, 11, 23, 14, 0, tzinfo=UTC), "Market closed, opens 09:30 in 30 min"),
        (datetime(2026, 11, 25, 22, 0, tzinfo=UTC), "Market closed, opens Fri 09:30 in 1 d 16 h"),
    ],
)
def test_market_clock_names_the_next_change_in_new_york_time(
    calendar: MarketCalendar, now: datetime, expected: str
) -> None:
    assert formats.market_clock(calendar.clock(now), now) == expected


def test_new_york_time_of_a_far_day_carries_its_date() -> None:
    far = FRIDAY_CLOSE + timedelta(days=30)
    assert formats.new_york_time(far, now=FRIDAY_CLOSE) == "20 Dec 2026 16:00"


@pytest.mark.parametrize(
    ("now", "newest", "oldest", "expected"),
    [
        (-3600, -3600 - 180, -3600 - 720, "Newest quote 3 min old, oldest 12 min old"),
        (-3600, -3600 - 180, -3600 - 180, "Newest quote 3 min old"),
        (-3600, -86_400, -86_400, "Newest quote 23 h old"),
        (3600, -1, -86_400, "Closing quotes 16:00, oldest Thu 16:00"),
        (86_400, -1, -1, "Closing quotes Fri 16:00"),
        (86_400, -86_400, -86_400, "Newest quote Thu 16:00"),
    ],
)
def test_data_age_in_session_and_as_closing_quotes_after_it(
    calendar: MarketCalendar, now: int, newest: int, oldest: int, expected: str
) -> None:
    at, new, old = (FRIDAY_CLOSE + timedelta(seconds=seconds) for seconds in (now, newest, oldest))
    assert formats.data_age(old, new, calendar.clock(at), at) == expected


def test_data_age_of_nothing(calendar: MarketCalendar) -> None:
    assert formats.data_age(None, None, calendar.clock(FRIDAY_CLOSE), FRIDAY_CLOSE) == "No quotes stored"


@pytest.mark.parametrize(
    ("outside", "shown"),
    [("KO", "`KO`"), ("![x](http://a.example/b)", "`![x](http://a.example/b)`"), ("a`b\n# c", "`ab # c`")],
)
def test_text_from_outside_is_shown_as_it_is(outside: str, shown: str) -> None:
    assert formats.quoted(outside) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "–"), (float("nan"), "–"), (-1234.4, "-$1,234"), (-0.2, "$0")])
def test_whole_dollars(value: float | None, shown: str) -> None:
    assert formats.dollars(value) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.004, "0.00"), (-0.004, "0.00"), (0.006, "+0.01"), (-1.5, "-1.50"), (1234.5, "+1,234.50"), (float("nan"), "–")],
)
def test_a_change_that_rounds_to_zero_has_no_sign(value: float, text: str) -> None:
    assert formats.signed(value) == text
