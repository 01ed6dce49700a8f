"""Expected sessions are copied from the published NYSE calendars of holidays and early closes, instants by hand."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.calendar import (
    NEW_YORK,
    MarketCalendar,
    dte,
    market_date,
    sync_expirations,
    target_expirations,
    target_windows,
    years_to_expiry,
)
from scanner.errors import CalendarError, InputError, UnknownIndexRootError
from scanner.model import DEFAULT_TARGET_DTES, ExpirationWindow
from tests.reference.target_expirations import targets_of

CLOSED = [
    *("2024-03-29", "2024-06-19", "2024-11-28", "2025-01-01", "2025-01-09", "2025-04-18", "2025-06-19", "2025-07-04"),
    *("2025-11-27", "2025-12-25", "2026-04-03", "2026-07-03", "2026-11-26", "2026-12-25", "2027-03-26"),
]
CLOSED_EARLY = [
    *("2024-07-03", "2024-11-29", "2024-12-24", "2025-07-03", "2025-11-28", "2025-12-24", "2026-11-27", "2026-12-24"),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if not hasattr(time, "tzset"):
        pytest.skip("this platform cannot change the time zone of a running process")
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("machine_zone")
class TestWhateverTheMachinesZone:
    @pytest.mark.parametrize(
        ("instant", "expected"),
        [
            ("2025-03-07T04:59:59", "2025-03-06"),  # New York is 5 hours behind before the change
            ("2025-03-07T05:00:00", "2025-03-07"),
            ("2025-03-10T03:59:59", "2025-03-09"),  # and 4 hours after it
            ("2025-03-10T04:00:00", "2025-03-10"),
            ("2025-11-03T04:59:59", "2025-11-02"),
            ("2025-11-03T05:00:00", "2025-11-03"),
        ],
    )
    def test_market_date(self, instant: str, expected: str) -> None:
        assert market_date(utc(instant)) == day(expected)

    def test_dte_turns_at_midnight_in_new_york(self) -> None:
        assert dte(day("2025-06-20"), utc("2025-06-19T03:59:59")) == 2
        assert dte(day("2025-06-20"), utc("2025-06-19T04:00:00")) == 1
        assert dte(day("2025-06-20"), utc("2025-06-20T23:00:00")) == 0
        assert dte(day("2025-06-20"), utc("2025-06-21T05:00:00")) == -1

    @pytest.mark.parametrize(
        ("quote", "expiration", "seconds"),
        [
            (datetime(2025, 3, 7, 16, tzinfo=NEW_YORK), "2025-03-14", 7 * 86_400 - 3600),
            (datetime(2025, 10, 31, 16, tzinfo=NEW_YORK), "2025-11-07", 7 * 86_400 + 3600),
            (datetime(2025, 6, 6, 16, tzinfo=NEW_YORK), "2025-06-13", 7 * 86_400),
            (datetime(2025, 11, 28, 9, 30, tzinfo=NEW_YORK), "2025-11-28", 3.5 * 3600),
            (datetime(2025, 6, 20, 15, 59, tzinfo=NEW_YORK), "2025-06-20", 60),
        ],
    )
    def test_years_count_real_seconds(
        self, calendar: MarketCalendar, quote: datetime, expiration: str, seconds: float
    ) -> None:
        expiry = calendar.expiry_instant("AAPL", day(expiration))
        assert years_to_expiry(quote, expiry) == seconds / 31_536_000
        assert years_to_expiry(quote, expiry.astimezone(NEW_YORK)) == seconds / 31_536_000

    @pytest.mark.parametrize(
        ("root", "expiration", "expiry", "last_trade"),
        [
            ("AAPL", "2025-01-17", "2025-01-17T21:00", "2025-01-17T21:00"),
            ("AAPL", "2025-06-20", "2025-06-20T20:00", "2025-06-20T20:00"),
            ("AAPL", "2025-11-28", "2025-11-28T18:00", "2025-11-28T18:00"),  # day after Thanksgiving
            ("AAPL", "2025-12-24", "2025-12-24T18:00", "2025-12-24T18:00"),  # Christmas Eve
            ("AAPL", "2025-07-03", "2025-07-03T17:00", "2025-07-03T17:00"),
            ("AAPL", "2025-04-18", "2025-04-17T20:00", "2025-04-17T20:00"),  # Good Friday
            ("AAPL", "2014-12-20", "2014-12-19T21:00", "2014-12-19T21:00"),  # Saturday expiration
            ("SPY", "2025-06-20", "2025-06-20T20:00", "2025-06-20T20:15"),
            ("IWM", "2025-11-28", "2025-11-28T18:00", "2025-11-28T18:15"),
            ("SPX", "2025-06-20", "2025-06-20T13:30", "2025-06-18T20:00"),  # the day before is Juneteenth
            ("SPXW", "2025-06-20", "2025-06-20T20:00", "2025-06-20T20:00"),
            ("SPX", "2025-01-17", "2025-01-17T14:30", "2025-01-16T21:00"),
            ("SPXW", "2025-11-28", "2025-11-28T18:00", "2025-11-28T18:00"),
            ("VIX", "2025-12-17", "2025-12-17T14:30", "2025-12-16T21:00"),
            ("SPX", "2025-04-18", "2025-04-17T20:00", "2025-04-16T20:00"),
            ("SPX", "2025-03-10", "2025-03-10T13:30", "2025-03-07T21:00"),  # the clock changes between the two
        ],
    )
    def test_expiry_and_last_trade(
        self, calendar: MarketCalendar, root: str, expiration: str, expiry: str, last_trade: str
    ) -> None:
        assert calendar.expiry_instant(root, day(expiration)) == utc(expiry)
        assert calendar.last_trade_time(root, day(expiration)) == utc(last_trade)
        assert calendar.expiry_instant(root, day(expiration)) == utc(expiry)  # second answer comes from the cache


def test_published_closures(calendar: MarketCalendar) -> None:
    assert [text for text in CLOSED if calendar.is_session(day(text))] == []


@pytest.mark.parametrize("text", CLOSED_EARLY)
def test_published_early_closes(calendar: MarketCalendar, text: str) -> None:
    close = calendar.session_close(day(text)).astimezone(NEW_YORK)
    assert (close.hour, close.minute) == (13, 0)
    clock = calendar.clock(close - timedelta(minutes=1))
    assert clock.early_close
    assert clock.is_open
    assert not calendar.is_open(close)


@pytest.mark.parametrize("text", ["2025-03-07", "2025-03-10", "2025-10-31", "2025-11-03", "2026-07-02"])
def test_sessions_run_from_half_past_nine_to_four_in_new_york(calendar: MarketCalendar, text: str) -> None:
    opened = calendar.session_open(day(text)).astimezone(NEW_YORK)
    closed = calendar.session_close(day(text)).astimezone(NEW_YORK)
    assert (opened.hour, opened.minute, closed.hour, closed.minute) == (9, 30, 16, 0)
    assert not calendar.clock(calendar.session_open(day(text))).early_close


def test_neighbouring_sessions(calendar: MarketCalendar) -> None:
    assert calendar.previous_session(day("2025-11-28")) == day("2025-11-26")
    assert calendar.next_session(day("2025-11-26")) == day("2025-11-28")
    assert calendar.next_session(day("2025-11-27")) == day("2025-11-28")
    assert calendar.previous_session(day("2025-04-20")) == day("2025-04-17")


@pytest.mark.parametrize(
    ("instant", "is_open", "session", "next_open"),
    [
        ("2025-06-02T13:29:59", False, "2025-05-30", "2025-06-02T13:30"),
        ("2025-06-02T13:30:00", True, "2025-06-02", "2025-06-03T13:30"),
        ("2025-06-02T19:59:59", True, "2025-06-02", "2025-06-03T13:30"),
        ("2025-06-02T20:00:00", False, "2025-06-02", "2025-06-03T13:30"),
        ("2025-06-07T12:00:00", False, "2025-06-06", "2025-06-09T13:30"),
        ("2025-03-09T12:00:00", False, "2025-03-07", "2025-03-10T13:30"),
        ("2025-11-02T12:00:00", False, "2025-10-31", "2025-11-03T14:30"),
        ("2025-11-27T16:00:00", False, "2025-11-26", "2025-11-28T14:30"),
    ],
)
def test_clock(calendar: MarketCalendar, instant: str, is_open: bool, session: str, next_open: str) -> None:
    clock = calendar.clock(utc(instant))
    assert (clock.is_open, clock.session, clock.next_open) == (is_open, day(session), utc(next_open))
    assert calendar.is_open(utc(instant)) is is_open
    assert calendar.latest_session(utc(instant)) == day(session)
    assert clock.opens_at == calendar.session_open(day(session))
    assert clock.closes_at == calendar.session_close(day(session))


class TestRefusals:
    naive = datetime(2025, 6, 2, 15)  # noqa: DTZ001

    def test_naive_instants(self, calendar: MarketCalendar) -> None:
        with pytest.raises(InputError):
            market_date(self.naive)
        with pytest.raises(InputError):
            dte(day("2025-06-20"), self.naive)
        with pytest.raises(InputError):
            years_to_expiry(self.naive, utc("2025-06-20T20:00"))
        with pytest.raises(InputError):
            years_to_expiry(utc("2025-06-20T20:00"), self.naive)
        for question in (calendar.is_open, calendar.clock, calendar.latest_session, MarketCalendar.around):
            with pytest.raises(InputError):
                question(self.naive)

    def test_instants_are_no_dates(self, calendar: MarketCalendar) -> None:
        instant = utc("2025-06-02T15:00")
        with pytest.raises(InputError):
            dte(instant, instant)
        for question in (calendar.is_session, calendar.session_open, calendar.next_session, calendar.previous_session):
            with pytest.raises(InputError):
                question(instant)
        with pytest.raises(InputError):
            calendar.expiry_instant("AAPL", instant)

    def test_closed_days_have_no_hours(self, calendar: MarketCalendar) -> None:
        with pytest.raises(InputError):
            calendar.session_open(day("2025-04-18"))
        with pytest.raises(InputError):
            calendar.session_close(day("2025-06-07"))

    def test_outside_the_calendar(self) -> None:
        short = MarketCalendar(day("2025-06-02"), day("2025-06-08"))
        for question in (short.is_session, short.session_open, short.next_session, short.previous_session):
            with pytest.raises(CalendarError):
                question(day("2025-06-09"))
        with pytest.raises(CalendarError):
            short.previous_session(day("2025-06-02"))
        with pytest.raises(CalendarError):
            short.next_session(day("2025-06-06"))
        with pytest.raises(CalendarError):
            short.expiry_instant("AAPL", day("2027-01-15"))
        with pytest.raises(CalendarError):
            short.last_trade_time("SPX", day("2025-06-02"))
        with pytest.raises(CalendarError):
            short.latest_session(utc("2025-06-02T12:00"))
        with pytest.raises(CalendarError):
            short.clock(utc("2025-06-07T12:00"))

    def test_no_days(self) -> None:
        with pytest.raises(InputError):
            MarketCalendar(day("2025-06-02"), day("2025-06-02"))

    def test_unknown_index_root(self, calendar: MarketCalendar) -> None:
        with pytest.raises(UnknownIndexRootError):
            calendar.expiry_instant("OEX", day("2025-06-20"))
        with pytest.raises(UnknownIndexRootError):
            calendar.last_trade_time("^GSPC", day("2025-06-20"))


TODAY = date(2025, 6, 2)
LISTED = st.sets(st.integers(0, 100)).map(lambda days: sorted(TODAY + timedelta(days=n) for n in days))
TARGETS = st.lists(st.sampled_from(DEFAULT_TARGET_DTES), min_size=1, unique=True)


def after(*days: int) -> list[date]:
    return [TODAY + timedelta(days=n) for n in days]


class TestTargetExpirations:
    def test_weekly_listing_by_hand(self) -> None:
        listed = after(4, 11, 18, 25, 32, 39, 46, 74)
        found = target_expirations(listed, today=TODAY, targets=DEFAULT_TARGET_DTES)
        # 7: 4 is within 3, 11 is not. 60: 46 and 74 tie, the earlier belongs to 45 already, so 60 takes nothing
        assert found == dict(zip(after(4, 11, 18, 32, 46), (7, 14, 21, 30, 45), strict=True))

    def test_earlier_wins_a_tie(self) -> None:
        assert target_expirations(after(10, 18), today=TODAY, targets=[14]) == dict.fromkeys(after(10), 14)

    @pytest.mark.parametrize(("target", "tolerance"), [(7, 3), (14, 5), (21, 5), (30, 7), (45, 10), (60, 15)])
    def test_tolerance_is_inclusive(self, target: int, tolerance: int) -> None:
        for sign in (1, -1):
            at, beyond = target + sign * tolerance, target + sign * (tolerance + 1)
            assert target_expirations(after(at), today=TODAY, targets=[target]) == dict.fromkeys(after(at), target)
            assert target_expirations(after(beyond), today=TODAY, targets=[target]) == {}

    def test_one_target_per_expiration(self) -> None:
        assert target_expirations(after(17), today=TODAY, targets=[14, 21]) == dict.fromkeys(after(17), 14)
        assert target_expirations(after(18), today=TODAY, targets=[14, 21]) == dict.fromkeys(after(18), 21)

    def test_nothing_listed(self) -> None:
        assert target_expirations([], today=TODAY, targets=DEFAULT_TARGET_DTES) == {}

    def test_unknown_target(self) -> None:
        with pytest.raises(InputError):
            target_expirations(after(90), today=TODAY, targets=[90])
        with pytest.raises(InputError):
            target_windows(after(90), today=TODAY, targets=[90], dte_min=0, dte_max=100)

    @given(LISTED, TARGETS)
    def test_as_the_reference(self, listed: list[date], targets: list[int]) -> None:
        assert target_expirations(listed[::-1], today=TODAY, targets=targets) == targets_of(listed, TODAY, targets)

    @given(LISTED, TARGETS, st.sets(st.integers(0, 100)))
    def test_neighbours_decide_the_same(self, listed: list[date], targets: list[int], others: set[int]) -> None:
        candidates = set(listed) | set(after(*others))
        windows = target_windows(candidates, today=TODAY, targets=targets, dte_min=0, dte_max=1000)
        neighbours = {
            expiration: (before, following)
            for (before, expiration), (_, following) in pairwise(pairwise([None, *listed, None]))
        }
        taken = {
            window.expiration
            for window in windows
            if window.expiration in neighbours and _holds(window, *neighbours[window.expiration])
        }
        assert taken == set(targets_of(listed, TODAY, targets))

    def test_windows_respect_the_dte_range(self) -> None:
        windows = target_windows(after(18, 30, 46), today=TODAY, targets=[14, 21, 30, 45], dte_min=18, dte_max=45)
        assert [(window.dte, window.target_dte) for window in windows] == [(18, 21), (18, 14), (30, 30)]
        assert windows[0].next_at_least == TODAY + timedelta(days=24)
        assert windows[0].previous_before is None
        assert windows[1].previous_before == TODAY + timedelta(days=10)
        assert windows[1].next_at_least is None
        assert windows[2].next_at_least is None
        assert windows[2].previous_before is None

    def test_without_targets_every_expiration_in_the_range_is_taken(self) -> None:
        windows = target_windows(after(3, 18, 90), today=TODAY, targets=[], dte_min=1, dte_max=75)
        assert windows == tuple(
            ExpirationWindow(TODAY + timedelta(days=days), days, None, None, None) for days in (3, 18)
        )


def _holds(window: ExpirationWindow, previous: date | None, following: date | None) -> bool:
    at_least, before = window.next_at_least, window.previous_before
    next_allows = following is None or at_least is None or following >= at_least
    return next_allows and (previous is None or before is None or previous < before)


class TestSyncExpirations:
    def test_an_expiration_of_28_to_35_days_is_always_among_them(self) -> None:
        """On Saturday 2026-11-21 the target of 30 days takes 27 days (a tie with 33), so 33 days come along."""
        fridays = [date(2026, 11, 27), date(2026, 12, 4), date(2026, 12, 11), date(2026, 12, 18), date(2026, 12, 24)]
        listed = [*fridays, date(2026, 12, 31), date(2027, 1, 8), date(2027, 1, 15)]
        taken = sync_expirations(listed, today=date(2026, 11, 21))
        assert taken == (*fridays, date(2027, 1, 8), date(2027, 1, 15))

    def test_nothing_is_added_where_a_target_has_it(self) -> None:
        assert sync_expirations(after(30, 34), today=TODAY) == (TODAY + timedelta(days=30),)

    def test_nothing_is_added_that_is_not_listed(self) -> None:
        assert sync_expirations(after(27, 36), today=TODAY) == (TODAY + timedelta(days=27), TODAY + timedelta(days=36))
