from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.calendar import NEW_YORK, MarketCalendar
from scanner.errors import InputError
from scanner.model import (
    TARGET_DTE_TOLERANCE,
    BasisKind,
    EarningsFilter,
    Grade,
    PremiumFilters,
    PriceBasis,
    Strategy,
)
from scanner.saved_scans import ScanDefinition, ScanUniverse, UniverseKind, from_json, to_json
from scanner.scan_schedule import Schedule, due_run, read_schedule

limits = st.one_of(st.none(), st.floats(0, 1e6))
filters = st.builds(
    PremiumFilters,
    strategies=st.lists(st.sampled_from(Strategy), min_size=1, unique=True).map(tuple),
    target_dtes=st.lists(st.sampled_from(sorted(TARGET_DTE_TOLERANCE)), unique=True).map(tuple),
    dte_min=st.integers(0, 20),
    dte_max=st.integers(20, 10_000),
    delta_min=st.floats(0, 0.3),
    delta_max=st.floats(0.3, 1),
    volume_min=st.integers(0, 10**9),
    open_interest_min=st.integers(0, 10**9),
    max_stock_price=limits,
    min_premium_pct=limits,
    max_spread_pct=limits,
    min_grade=st.one_of(st.none(), st.sampled_from(Grade)),
    earnings=st.sampled_from(EarningsFilter),
    basis=st.one_of(
        st.sampled_from([PriceBasis(), PriceBasis(BasisKind.MID)]),
        st.builds(PriceBasis, st.just(BasisKind.FILL), st.floats(0, 1)),
    ),
    best_per_expiration=st.booleans(),
)
universes = st.sampled_from(
    [
        ScanUniverse(),
        ScanUniverse(UniverseKind.LIST, watchlist='Höhere Mathe, "quoted"'),
        ScanUniverse(UniverseKind.SYMBOLS, symbols=("AAPL", "BRK.B")),
    ]
)


@given(filters=filters, universe=universes, sort=st.lists(st.text().map(str.strip), max_size=3))
def test_a_scan_is_read_as_it_was_written(filters: PremiumFilters, universe: ScanUniverse, sort: list[str]) -> None:
    definition = ScanDefinition("Mine", filters, universe, tuple(sort), ("IV", "Grade"))
    assert from_json(to_json(definition)) == definition


def test_what_is_left_out_has_its_default() -> None:
    assert from_json('{"version": 1, "name": "Bare"}') == ScanDefinition("Bare", PremiumFilters(), ScanUniverse())


def test_the_format_is_the_documented_one() -> None:
    """A file of the first version must stay readable."""
    text = """{"version": 1, "name": "Wheel", "filters": {"strategies": ["covered_call"], "target_dtes": [30],
        "delta_min": 0.25, "min_grade": "B", "earnings": "exclude", "basis": {"kind": "fill", "fill": 0.25}},
        "universe": {"kind": "symbols", "symbols": ["brk-b", "KO", "BRK.B"]}, "sort": ["Annual % ↓"]}"""
    found = from_json(text)
    assert found.filters.strategies == (Strategy.COVERED_CALL,)
    assert (found.filters.delta_min, found.filters.min_grade) == (0.25, Grade.B)
    assert (found.filters.earnings, found.filters.basis.fill) == (EarningsFilter.EXCLUDE, 0.25)
    assert found.universe.symbols == ("BRK.B", "KO")
    assert found.sort == ("Annual % ↓",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version 2"),
        ({"surprise": 1}, "unknown fields: surprise"),
        ({"name": ""}, "name of 1 to 100"),
        ({"name": 7}, "name is no text"),
        ({"filters": []}, "filters is no object"),
        ({"filters": {"colour": "red"}}, "unknown fields: colour"),
        ({"filters": {"delta_min": "0.2"}}, "delta_min is no number"),
        ({"filters": {"delta_min": 0.9, "delta_max": 0.1}}, "delta range"),
        ({"filters": {"dte_min": 1.5}}, "dte_min is no whole number"),
        ({"filters": {"dte_min": True}}, "dte_min is no whole number"),
        ({"filters": {"volume_min": -1}}, "volume_min must not be negative"),
        ({"filters": {"strategies": ["naked_call"]}}, "strategies is none of"),
        ({"filters": {"target_dtes": [8]}}, "target DTE"),
        ({"filters": {"min_grade": "Z"}}, "min_grade is none of"),
        ({"filters": {"basis": {"kind": "bid", "fill": 0.5}}}, "fill"),
        ({"filters": {"best_per_expiration": 1}}, "neither true nor false"),
        ({"universe": {"kind": "list"}}, "names a watchlist"),
        ({"universe": {"kind": "symbols", "symbols": ["???"]}}, "not a symbol"),
        ({"universe": {"kind": "moon"}}, "kind is none of"),
        ({"sort": "IV"}, "sort is no list"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        from_json(json.dumps({"version": 1, "name": "Mine", **change}))


@pytest.mark.parametrize("text", ["", "nothing", "[1]", "\x00\xff", "[" * 100_000, '{"version": NaN}'])
def test_what_is_no_scan_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        from_json(text)


@given(st.text())
def test_any_text_is_a_scan_or_an_error_of_ours(text: str) -> None:
    with pytest.raises(InputError):
        from_json(text)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("09:45", Schedule(at=time(9, 45))),
        (" 9:45 ".replace(" 9", " 09"), Schedule(at=time(9, 45))),
        ("every 30 min", Schedule(minutes=30)),
        ("Every 5 min", Schedule(minutes=5)),
        ("15", Schedule(minutes=15)),
    ],
)
def test_schedules_as_people_write_them(text: str, schedule: Schedule) -> None:
    assert read_schedule(text) == schedule
    assert read_schedule(str(schedule)) == schedule


@pytest.mark.parametrize("text", ["", "noon", "25:00", "every 4 min", "every 391 min", "every -5 min"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_schedule(text)


def new_york(day: int, hour: int, minute: int, second: int = 0) -> datetime:
    """Of November 2026: the 25th is a Wednesday, the 26th Thanksgiving, the 27th closes at 13:00."""
    return datetime(2026, 11, day, hour, minute, second, tzinfo=NEW_YORK)


@pytest.fixture(scope="module")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(datetime(2026, 11, 25, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (new_york(25, 9, 44, 59), None),
        (new_york(25, 9, 45), new_york(25, 9, 45)),
        (new_york(25, 9, 59, 59), new_york(25, 9, 45)),
        (new_york(25, 10, 0), None),
        (new_york(26, 9, 45), None),
        (new_york(28, 9, 45), None),
    ],
)
def test_once_a_session(calendar: MarketCalendar, now: datetime, due: datetime | None) -> None:
    schedule = Schedule(at=time(9, 45))
    assert due_run(schedule, now, None, calendar) == due
    if due is not None:
        assert due_run(schedule, now, due, calendar) is None
        assert due_run(schedule, now, due - timedelta(days=1), calendar) == due


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (new_york(25, 9, 31), None),
        (new_york(25, 9, 59, 59), None),
        (new_york(25, 10, 0), new_york(25, 10, 0)),
        (new_york(25, 10, 29), new_york(25, 10, 0)),
        (new_york(25, 16, 0), new_york(25, 16, 0)),
        (new_york(25, 16, 30), None),
        (new_york(27, 13, 0), new_york(27, 13, 0)),
        (new_york(27, 13, 30), None),
        (new_york(26, 11, 0), None),
    ],
)
def test_every_half_hour_of_a_session(calendar: MarketCalendar, now: datetime, due: datetime | None) -> None:
    schedule = Schedule(minutes=30)
    assert due_run(schedule, now, None, calendar) == due
    if due is not None:
        assert due_run(schedule, now, due, calendar) is None
