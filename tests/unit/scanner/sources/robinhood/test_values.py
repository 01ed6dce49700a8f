from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest

from scanner.sources.payload import PayloadError
from scanner.sources.robinhood.values import count, day, instant, number, positive

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2.500000", 2.5),
        ("0.0000", 0.0),
        (" 1.5 ", 1.5),
        (8717, 8717.0),
        (0.25, 0.25),
        (None, None),
        ("", None),
        ("NaN", None),
        ("nan", None),
        ("-999.0", None),
        (-1, None),
        (float("nan"), None),
        ("inf", None),
        ("-inf", None),
        ("1e400", None),
    ],
)
def test_numbers_come_as_text_and_sentinels_are_unknown(value: object, read: float | None) -> None:
    found = number(value, "it")
    assert (None if math.isnan(found) else found) == read


@pytest.mark.parametrize("value", ["abc", "1,5", "0x10", [], {}, True, False, b"1"])
def test_what_is_no_number_is_an_error_that_names_it(value: object) -> None:
    with pytest.raises(PayloadError, match="bid_price"):
        number(value, "bid_price")
    assert positive(value) is None


def test_an_integer_beyond_all_floats_is_an_error() -> None:
    with pytest.raises(PayloadError):
        number(10**400, "volume")


@pytest.mark.parametrize("value", ["1.5", 0.1])
def test_a_count_is_whole(value: object) -> None:
    with pytest.raises(PayloadError, match="volume"):
        count(value, "volume")
    assert count("904", "volume") == count(904, "volume") == 904
    assert math.isnan(count(None, "volume"))


@pytest.mark.parametrize(("value", "read"), [("1.5", 1.5), ("0.0", None), (None, None), ("-3", None), ("x", None)])
def test_a_price_is_above_zero(value: object, read: float | None) -> None:
    assert positive(value) == read


def test_a_time_is_read_to_the_microsecond() -> None:
    read = instant("2026-11-20T17:29:59.963682028Z", until=NOW)
    assert read == datetime(2026, 11, 20, 17, 29, 59, 963682, tzinfo=UTC)
    assert instant("2026-11-20T12:29:59-05:00", until=NOW) == datetime(2026, 11, 20, 17, 29, 59, tzinfo=UTC)
    assert instant("2026-11-20T17:30:00Z", until=NOW) == NOW


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        1763659799,
        "yesterday",
        "2026-11-20T17:29:59",
        "2026-11-20T17:30:00.000001Z",
        "2027-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
    ],
)
def test_no_zone_no_time_and_nothing_comes_from_the_future(value: object) -> None:
    assert instant(value, until=NOW) is None


def test_days() -> None:
    assert day("2026-12-18", "expiration_date") == date(2026, 12, 18)
    for value in ("2026-13-01", "soon", "", None, 20261218, ["2026-12-18"]):
        with pytest.raises(PayloadError, match="expiration_date"):
            day(value, "expiration_date")
