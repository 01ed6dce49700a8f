"""Series of skew by hand: which expiration, which gaps, which percentile, which change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.services.skew_series import (
    at_closes,
    at_slots,
    changes,
    nearest_of_each_scan,
    percentile,
    session_days,
)

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))
SESSIONS = (MONDAY, TUESDAY, WEDNESDAY)


def at(day: date, hour: int = 21, minute: int = 0) -> pd.Timestamp:
    return pd.Timestamp(datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)).as_unit("us")


def history(*rows: Mapping[str, Any]) -> pd.DataFrame:
    base = {"symbol": "SPX", "root": "SPX", "expiration": "2026-12-18", "contracts": 100, "atm_iv": 0.2}
    frame = pd.DataFrame([{**base, "skew_change": np.nan, "atm_iv_change": np.nan, **row} for row in rows])
    return frame.assign(expiration=pd.to_datetime(frame["expiration"]).astype("datetime64[s]"))


def test_the_nearest_from_five_days_on_is_taken_of_each_scan_and_of_two_roots_the_larger() -> None:
    rows = history(
        {"timestamp": at(MONDAY), "expiration": "2026-11-20", "skew_25d": 1.0},
        {"timestamp": at(MONDAY), "expiration": "2026-11-21", "skew_25d": 2.0, "contracts": 10},
        {"timestamp": at(MONDAY), "expiration": "2026-11-21", "skew_25d": 3.0, "root": "SPXW", "contracts": 20},
        {"timestamp": at(TUESDAY), "expiration": "2026-11-21", "skew_25d": 4.0},
        {"timestamp": at(TUESDAY), "expiration": "2026-11-27", "skew_25d": 5.0},
        {"timestamp": at(WEDNESDAY), "expiration": "2026-11-20", "skew_25d": 6.0},
    )
    found = nearest_of_each_scan(rows)
    assert found["skew_25d"].tolist() == [3.0, 5.0]
    assert found["root"].tolist() == ["SPXW", "SPX"]


def test_the_day_of_a_scan_is_new_yorks() -> None:
    late = pd.Series([pd.Timestamp("2026-11-17T00:30:00Z"), pd.Timestamp("2026-11-17T15:00:00Z")])
    assert [day.date() for day in session_days(late)] == [MONDAY, TUESDAY]


def test_a_slot_without_a_scan_is_unknown() -> None:
    rows = history(
        {"timestamp": at(MONDAY, 15, 0), "skew_25d": 1.0}, {"timestamp": at(MONDAY, 15, 30), "skew_25d": 2.0}
    )
    slots = [datetime(2026, 11, 16, 15, minute, tzinfo=UTC) for minute in (0, 15, 30)]
    found = at_slots(rows, slots)
    assert found["timestamp"].tolist() == [pd.Timestamp(slot) for slot in slots]
    np.testing.assert_array_equal(found["skew_25d"], [1.0, np.nan, 2.0])


def test_a_session_has_the_value_of_its_last_scan_and_none_without_one() -> None:
    rows = history(
        {"timestamp": at(MONDAY, 15), "skew_25d": 1.0},
        {"timestamp": at(MONDAY, 21), "skew_25d": 2.0},
        {"timestamp": at(WEDNESDAY), "skew_25d": 3.0},
    )
    found = at_closes(rows, SESSIONS)
    assert [day.date() for day in found["session"]] == list(SESSIONS)
    np.testing.assert_array_equal(found["skew_25d"], [2.0, np.nan, 3.0])


@pytest.mark.parametrize(
    ("earlier", "now", "value", "n"),
    [
        (range(10), 4.5, 50.0, 10),
        (range(10), 4.0, 45.0, 10),
        (range(10), -1.0, 0.0, 10),
        (range(10), 99.0, 100.0, 10),
        ([*range(10), np.nan, np.nan], 4.5, 50.0, 10),
        (range(9), 4.5, None, 9),
        (range(10), np.nan, None, 10),
        ([], 1.0, None, 0),
    ],
)
def test_percentile(earlier: Any, now: float, value: float | None, n: int) -> None:
    found = percentile(pd.Series([*earlier, now], dtype="float64"))
    assert (found.value, found.n) == (value, n)


def test_changes_are_of_the_same_expiration_and_unknown_stays_unknown() -> None:
    rows = history(
        {"timestamp": at(TUESDAY, 15), "skew_25d": 9.0, "atm_iv": 0.5},
        {"timestamp": at(TUESDAY, 21), "skew_25d": 1.0, "atm_iv": 0.20},
        {"timestamp": at(TUESDAY, 21), "skew_25d": np.nan, "atm_iv": 0.30, "expiration": "2027-01-15"},
        {"timestamp": at(WEDNESDAY, 20, 45), "skew_25d": 2.0, "atm_iv": 0.21},
        {
            "timestamp": at(WEDNESDAY, 21),
            "skew_25d": 2.5,
            "atm_iv": 0.23,
            "skew_change": 0.5,
            "atm_iv_change": 0.02,
        },
        {"timestamp": at(WEDNESDAY, 21), "skew_25d": 4.0, "atm_iv": 0.31, "expiration": "2027-01-15"},
        {"timestamp": at(WEDNESDAY, 21), "skew_25d": 5.0, "atm_iv": 0.40, "expiration": "2027-02-19"},
    )
    found = changes(rows, SESSIONS).set_index(changes(rows, SESSIONS)["expiration"].dt.strftime("%Y-%m"))
    december = found.loc["2026-12"]
    assert december["skew_25d_scan"] == 0.5
    assert december["skew_25d_session"] == pytest.approx(1.5)
    assert december["atm_iv_session"] == pytest.approx(0.03)
    assert np.isnan(december["skew_25d_5_sessions"])
    assert found["skew_25d_session"].isna()["2027-01"]
    assert found.loc["2027-01", "atm_iv_session"] == pytest.approx(0.01)
    assert found["atm_iv_session"].isna()["2027-02"]


def test_changes_of_nothing_are_nothing() -> None:
    assert changes(history({"timestamp": at(MONDAY), "skew_25d": 1.0})[:0], SESSIONS).empty
