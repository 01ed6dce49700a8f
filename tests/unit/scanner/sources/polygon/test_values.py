from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from scanner.sources.payload import PayloadError, mapping
from scanner.sources.polygon.values import count, day, instant, number, part, positive

LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (1651254260800059648, datetime(2022, 4, 29, 17, 44, 20, 800059, UTC)),
        (1636573458756383500, datetime(2021, 11, 10, 19, 44, 18, 756383, UTC)),
        (1_000_000_000_000_000_000, datetime(2001, 9, 9, 1, 46, 40, 0, UTC)),
        (1_000_000_000_000_000_999, datetime(2001, 9, 9, 1, 46, 40, 0, UTC)),
        (1_000_000_000_000_001_000, datetime(2001, 9, 9, 1, 46, 40, 1, UTC)),
    ],
)
def test_nanoseconds_become_microseconds_exactly(nanoseconds: int, expected: datetime) -> None:
    assert instant(nanoseconds, until=LATER) == expected
    assert instant(json.loads(str(nanoseconds)), until=LATER) == expected


def test_a_float_would_have_lost_them() -> None:
    """Two instants a microsecond apart that are the same number as float seconds would round differently."""
    first = 1_795_195_799_999_999_000
    assert instant(first, until=LATER) == datetime(2026, 11, 20, 17, 29, 59, 999999, UTC)
    assert instant(first + 1_000, until=LATER) == datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [None, 0, -1, 1651254260, 1651254260800, True, 1.651254260800059e18, "1651", [], 10**30]
)
def test_what_is_no_time_in_nanoseconds_is_unknown(value: Any) -> None:
    assert instant(value, until=LATER) is None


def test_a_time_after_the_answer_is_unknown() -> None:
    at = datetime(2022, 4, 29, 17, 44, 20, 800059, UTC)
    assert instant(1651254260800059648, until=at) == at
    assert instant(1651254260800059648, until=at - timedelta(microseconds=1)) is None


@pytest.mark.parametrize(("value", "expected"), [(0, 0.0), (1.25, 1.25), (10**6, 1e6), (8.0, 8.0)])
def test_numbers(value: Any, expected: float) -> None:
    assert number(value, "bid") == expected


@pytest.mark.parametrize("value", [None, "", "NaN", "nan ", math.nan, math.inf, -math.inf, -999, -999.0, -1, 10**400])
def test_sentinels_are_unknown(value: Any) -> None:
    assert math.isnan(number(value, "bid"))
    assert positive(value) is None


@pytest.mark.parametrize("value", [True, False, "1.25", [1], {"amount": 1}])
def test_what_is_no_number_is_an_error(value: Any) -> None:
    with pytest.raises(PayloadError, match="bid"):
        number(value, "bid")
    assert positive(value) is None


def test_counts_are_whole() -> None:
    assert count(8.0, "volume") == 8
    assert math.isnan(count(None, "volume"))
    with pytest.raises(PayloadError, match="volume"):
        count(8.5, "volume")


@pytest.mark.parametrize(("value", "expected"), [(0, None), (0.01, 0.01), (159.9606, 159.9606)])
def test_a_price_is_above_zero(value: float, expected: float | None) -> None:
    assert positive(value) == expected


@pytest.mark.parametrize("value", [None, "", "2026-13-01", "18.12.2026", 20261218, ["2026-12-18"]])
def test_what_is_no_date_is_an_error(value: Any) -> None:
    assert day("2026-12-18", "expiration_date") == date(2026, 12, 18)
    with pytest.raises(PayloadError, match="expiration_date"):
        day(value, "expiration_date")


def test_parts_may_be_missing_but_nothing_else() -> None:
    assert part({}, "day") == part({"day": None}, "day") == part({"day": {}}, "day") == {}
    assert part({"day": {"volume": 1}}, "day") == {"volume": 1}
    wrongs: tuple[Any, ...] = ([], "day", 0, False)
    for wrong in wrongs:
        with pytest.raises(PayloadError, match="day"):
            part({"day": wrong}, "day")
        with pytest.raises(PayloadError, match="row"):
            mapping(wrong, "row")
