"""Dates in figures have an order that is proven or stated; times have a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from scanner.sources.file.dates import DateOrder, column_order, read_day, read_instant, readings
from scanner.sources.file.problems import FileProblemError

NEW_YORK = ZoneInfo("America/New_York")
DMY, MDY, YMD = DateOrder.DMY, DateOrder.MDY, DateOrder.YMD


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-27",
        "20261127",
        "2026/11/27",
        "Fri Nov 27 2026",
        "Nov 27, 2026",
        "November 27th, 2026",
        "27-Nov-2026",
        "27. November 2026",
        "27 novembre 2026",
        "ven. 27 nov. 2026",
        "27 de noviembre de 2026",
        "27 de novembro de 2026",
        "27 listopada 2026",
        "vr 27 nov 2026",
        "2026 Nov 27",
    ],
)
def test_plain_dates_mean_one_day(text: str) -> None:
    assert set(readings(text).values()) == {date(2026, 11, 27)}
    assert set(readings(text)) == set(DateOrder)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2. März 2026", date(2026, 3, 2)),
        ("mar. 3 févr. 2026", date(2026, 2, 3)),
        ("Mar 22 2026", date(2026, 3, 22)),
        ("1er août 2026", None),
        ("14 agosto 2026", date(2026, 8, 14)),
        ("1 września 2026", date(2026, 9, 1)),
        ("5 mei 2026", date(2026, 5, 5)),
        ("15 out 2026", date(2026, 10, 15)),
    ],
)
def test_months_have_names_in_several_languages(text: str, day: date | None) -> None:
    assert set(readings(text).values()) == ({day} if day else set())


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13-01", "31/02/2026", "27 Nov Dec 2026", "45123", "Nov 2026", "=TODAY()", "1/2/345"]
)
def test_what_is_no_date_has_no_reading(text: str) -> None:
    assert readings(text) == {}


def test_figures_have_one_reading_per_order() -> None:
    assert readings("03/04/2025") == {MDY: date(2025, 3, 4), DMY: date(2025, 4, 3)}
    assert readings("03/04/25") == {MDY: date(2025, 3, 4), DMY: date(2025, 4, 3), YMD: date(2003, 4, 25)}
    assert readings("27-Nov-26") == {DMY: date(2026, 11, 27), YMD: date(2027, 11, 26)}
    assert readings("Nov 27 26") == {MDY: date(2026, 11, 27)}


def test_a_day_above_twelve_proves_the_order() -> None:
    assert column_order(["04/12/2026", "18/12/2026"], stated=None, weekdays_only=False) is DMY
    assert column_order(["12/04/2026", "12/18/2026"], stated=None, weekdays_only=False) is MDY


def test_expirations_on_a_weekend_rule_an_order_out() -> None:
    """11 December 2026 is a Friday, 12 November 2026 a Thursday; 6 December a Sunday, 12 June a Friday."""
    assert column_order(["06.12.2026"], stated=None, weekdays_only=True) is MDY
    with pytest.raises(FileProblemError, match=r"'11/12/2026'.*2026-11-12.*2026-12-11.*date_order"):
        column_order(["11/12/2026"], stated=None, weekdays_only=True)


def test_weekends_rule_nothing_out_for_other_dates_and_before_2017() -> None:
    with pytest.raises(FileProblemError, match="date_order"):
        column_order(["06.12.2026"], stated=None, weekdays_only=False)
    with pytest.raises(FileProblemError, match="date_order"):
        column_order(["05/10/2014"], stated=None, weekdays_only=True)


def test_an_order_that_nothing_proves_is_asked_for() -> None:
    with pytest.raises(FileProblemError, match="'03/04/2025'"):
        column_order(["03/04/2025"], stated=None, weekdays_only=True)
    assert column_order(["03/04/2025"], stated=DMY, weekdays_only=True) is DMY


def test_dates_that_mean_the_same_either_way_need_no_order() -> None:
    order = column_order(["05/05/2026", "2026-11-27"], stated=None, weekdays_only=False)
    assert read_day("05/05/2026", order) == date(2026, 5, 5)


def test_contradicting_dates_are_refused() -> None:
    with pytest.raises(FileProblemError, match="do not all fit one order"):
        column_order(["27/11/2026", "11/27/2026"], stated=None, weekdays_only=True)
    with pytest.raises(FileProblemError, match="stated order mdy"):
        column_order(["27/11/2026"], stated=MDY, weekdays_only=True)


def test_texts_that_are_no_dates_do_not_decide() -> None:
    assert column_order(["total", "18/12/2026"], stated=None, weekdays_only=True) is DMY
    with pytest.raises(ValueError, match="is no date"):
        read_day("total", DMY)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T17:30:00Z",
        "2026-11-20T17:30:00+00:00",
        "2026-11-20 12:30:00-05:00",
        "2026-11-20 12:30:00",
        "2026-11-20 12:30 ET",
        "2026-11-20 12:30 PM EST",
        "20.11.2026 18:30:00 UTC+1",
        "20 novembre 2026 à 12:30 UTC\u22125",
        "20. November 2026 um 12:30 GMT-5",
        "20 de novembro de 2026 às 12:30 GMT-5",
        "20 de noviembre de 2026, 12:30\u202fp.\u00a0m. GMT-5",
        "20 novembre 2026 alle ore 12:30 GMT-5",
        "November 20, 2026 at 12:30\u202fPM EST",
    ],
)
def test_instants_are_read(text: str) -> None:
    assert read_instant(text, DMY, NEW_YORK) == datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


def test_fractions_of_a_second_and_midnight() -> None:
    assert read_instant("2026-11-20T17:30:00.1234567Z", YMD, None).microsecond == 123456
    assert read_instant("2026-11-20 12:05 am ET", YMD, None) == datetime(2026, 11, 20, 5, 5, tzinfo=UTC)


def test_of_an_hour_that_happens_twice_the_earlier_is_taken() -> None:
    assert read_instant("2026-11-01 01:30", YMD, NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-20", "no date and time"),
        ("12:30 Z", "is no date"),
        ("2026-11-20 12:30", "no time zone"),
        ("2026-11-20 12:30 XYZ", "not known"),
        ("2026-11-20 25:30 Z", "hour"),
        ("2026-11-20 13:30 PM Z", "no hour of a clock"),
    ],
)
def test_what_is_no_instant_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_instant(text, YMD, None)
