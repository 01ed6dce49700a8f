"""Slots and expirations of the flow scan; instants and dates by hand from the NYSE calendar."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from scanner.calendar import NEW_YORK, MarketCalendar, due_scan, flow_expirations, scan_slots
from scanner.errors import InputError


@pytest.fixture(scope="module")
def calendar() -> MarketCalendar:
    return MarketCalendar(date(2025, 1, 1), date(2027, 12, 31))


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def slots(calendar: MarketCalendar, day: str) -> list[str]:
    """Every slot that comes due when asked once a minute, in New York time."""
    last: datetime | None = None
    found = []
    for minute in range(24 * 60):
        due = due_scan(new_york(f"{day}T00:00") + timedelta(minutes=minute), last, calendar)
        if due is not None:
            last = due
            found.append(due.astimezone(NEW_YORK).strftime("%H:%M"))
    return found


@pytest.mark.parametrize(
    "day",
    ["2026-11-25", "2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"],
    ids=["plain", "before spring", "after spring", "before autumn", "after autumn"],
)
def test_a_full_day_has_26_slots_from_0945_to_1600_in_new_york(calendar: MarketCalendar, day: str) -> None:
    found = slots(calendar, day)
    assert len(found) == 26
    assert (found[0], found[1], found[-1]) == ("09:45", "10:00", "16:00")


def test_an_early_close_ends_the_slots(calendar: MarketCalendar) -> None:
    found = slots(calendar, "2026-11-27")
    assert (len(found), found[0], found[-1]) == (14, "09:45", "13:00")


@pytest.mark.parametrize(
    ("session", "first", "last", "count"),
    [
        (date(2026, 11, 25), "2026-11-25T14:45", "2026-11-25T21:00", 26),
        (date(2026, 7, 2), "2026-07-02T13:45", "2026-07-02T20:00", 26),  # New York is at UTC-4
        (date(2026, 3, 6), "2026-03-06T14:45", "2026-03-06T21:00", 26),  # before spring
        (date(2026, 3, 9), "2026-03-09T13:45", "2026-03-09T20:00", 26),
        (date(2026, 10, 30), "2026-10-30T13:45", "2026-10-30T20:00", 26),  # before autumn
        (date(2026, 11, 2), "2026-11-02T14:45", "2026-11-02T21:00", 26),
        (date(2025, 7, 3), "2025-07-03T13:45", "2025-07-03T17:00", 14),  # NYSE: closes at 13:00
        (date(2026, 11, 27), "2026-11-27T14:45", "2026-11-27T18:00", 14),
        (date(2026, 12, 24), "2026-12-24T14:45", "2026-12-24T18:00", 14),
    ],
)
def test_the_slots_of_published_sessions(
    calendar: MarketCalendar, session: date, first: str, last: str, count: int
) -> None:
    """Hours and early closes as the NYSE publishes them, in UTC by hand."""
    found = scan_slots(session, calendar)
    assert found[0] == datetime.fromisoformat(first).replace(tzinfo=UTC)
    assert found[-1] == datetime.fromisoformat(last).replace(tzinfo=UTC)
    assert len(found) == count
    assert {later - earlier for earlier, later in itertools.pairwise(found)} == {timedelta(minutes=15)}


@pytest.mark.parametrize("day", ["2026-11-25", "2026-11-27", "2026-03-09", "2026-11-02"])
def test_the_slots_of_a_session_are_those_that_come_due(calendar: MarketCalendar, day: str) -> None:
    listed = scan_slots(date.fromisoformat(day), calendar)
    assert [slot.astimezone(NEW_YORK).strftime("%H:%M") for slot in listed] == slots(calendar, day)


@pytest.mark.parametrize("day", ["2026-11-26", "2026-11-28", "2026-12-25"])
def test_a_day_that_is_no_session_has_no_slots_to_list(calendar: MarketCalendar, day: str) -> None:
    with pytest.raises(InputError, match="is not a trading session"):
        scan_slots(date.fromisoformat(day), calendar)


@pytest.mark.parametrize("day", ["2026-11-26", "2026-11-28", "2026-12-25"])
def test_holidays_and_week_ends_have_none(calendar: MarketCalendar, day: str) -> None:
    assert slots(calendar, day) == []


@pytest.mark.parametrize(
    ("now", "last", "slot"),
    [
        ("2026-11-25T09:44:59", None, None),
        ("2026-11-25T09:45:00", None, "2026-11-25T09:45"),
        ("2026-11-25T09:59:59", "2026-11-25T09:45:00", None),
        ("2026-11-25T13:07:00", "2026-11-25T09:45:00", "2026-11-25T13:00"),
        ("2026-11-25T13:07:00", "2026-11-24T16:00:00", "2026-11-25T13:00"),
        ("2026-11-25T13:07:00", "2026-11-25T13:00:00", None),
        ("2026-11-25T16:14:59", "2026-11-25T15:45:00", "2026-11-25T16:00"),
        ("2026-11-25T16:15:00", "2026-11-25T15:45:00", None),
    ],
)
def test_a_missed_slot_is_not_caught_up(calendar: MarketCalendar, now: str, last: str | None, slot: str | None) -> None:
    found = due_scan(new_york(now), None if last is None else new_york(last), calendar)
    assert found == (None if slot is None else new_york(slot))


def test_a_naive_instant_is_refused(calendar: MarketCalendar) -> None:
    with pytest.raises(InputError):
        due_scan(datetime(2026, 11, 25, 12, 0), None, calendar)  # noqa: DTZ001


FRIDAYS = [date(2026, 12, 4), date(2026, 12, 11), date(2026, 12, 18), date(2026, 12, 24), date(2026, 12, 31)]


@pytest.mark.parametrize(
    ("now", "listed", "taken"),
    [
        ("2026-11-25T10:00", [date(2026, 11, 27), *FRIDAYS], [date(2026, 11, 27), *FRIDAYS[:3]]),
        ("2026-11-27T11:59", [date(2026, 11, 27), *FRIDAYS], [date(2026, 11, 27), *FRIDAYS[:3]]),
        ("2026-11-27T12:01", [date(2026, 11, 27), *FRIDAYS], FRIDAYS[:4]),
        ("2026-11-28T12:00", FRIDAYS, FRIDAYS[:4]),
        ("2026-11-29T23:00", FRIDAYS, FRIDAYS[:4]),
        ("2026-12-07T09:00", [date(2026, 12, 7), date(2026, 12, 9), *FRIDAYS[1:]], FRIDAYS[1:5]),
        ("2026-12-21T09:00", FRIDAYS[3:], [date(2026, 12, 24), date(2026, 12, 31)]),
        ("2026-11-25T10:00", [date(2026, 12, 18), date(2027, 1, 15)], [date(2026, 12, 18)]),
        ("2026-11-25T10:00", [], []),
    ],
    ids=[
        *("thanksgiving week", "an hour before an early close", "less than an hour before", "saturday", "sunday night"),
        *("several a week", "thursday before a holiday", "monthlies alone", "nothing"),
    ],
)
def test_of_each_week_the_last_expiration(
    calendar: MarketCalendar, now: str, listed: list[date], taken: list[date]
) -> None:
    assert list(flow_expirations(listed, now=new_york(now), root="KO", calendar=calendar)) == taken


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-25T09:30", "2026-11-25T16:00", 6.5),
        ("2026-11-25T08:00", "2026-11-27T20:00", 10.0),
        ("2026-11-25T15:00", "2026-11-27T10:00", 1.5),
        ("2026-11-26T08:00", "2026-11-26T20:00", 0.0),
        ("2026-11-25T12:00", "2026-11-25T11:00", 0.0),
    ],
)
def test_session_time_between(calendar: MarketCalendar, start: str, end: str, hours: float) -> None:
    assert calendar.session_time_between(new_york(start), new_york(end)) == timedelta(hours=hours)
