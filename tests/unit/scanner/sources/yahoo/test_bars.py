"""Daily closes out of Yahoo's charts: recorded ones, and what can be wrong with one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from scanner.model import DailyClose
from scanner.sources.payload import PayloadError
from scanner.sources.yahoo.bars import read_closes
from tests.reference.shared_data import shared_path

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
THURSDAY = int(datetime(2026, 11, 19, 14, 30, tzinfo=UTC).timestamp())
FRIDAY = THURSDAY + 86_400


def body(**changes: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        "meta": {"exchangeTimezoneName": "America/New_York"},
        "timestamp": [THURSDAY, FRIDAY],
        "indicators": {"quote": [{"close": [101.5, 102.25]}]},
    }
    return {"chart": {"result": [{**result, **changes}], "error": None}}


def test_a_recorded_chart_of_apple_in_2020() -> None:
    path = shared_path("yahoo/chart/2021-11-22/chart-AAPL-2020-08-31-to-2020-11-07.json")
    recorded = json.loads(path.read_text(encoding="utf-8"))["body"]
    closes = read_closes(recorded, fetched_at=datetime(2021, 11, 22, 9, 55, 44, tzinfo=UTC))
    assert closes is not None
    quoted = recorded["chart"]["result"][0]["indicators"]["quote"][0]["close"]
    assert [one.close for one in closes] == [value for value in quoted if value is not None]
    assert (closes[0].session, closes[-1].session) == (date(2020, 8, 31), date(2020, 11, 6))
    assert date(2020, 9, 7) not in {one.session for one in closes}  # Labour Day


def test_the_session_in_progress_has_no_close_yet() -> None:
    regular = {"start": FRIDAY, "end": FRIDAY + 23_400}
    meta = {"exchangeTimezoneName": "America/New_York", "currentTradingPeriod": {"regular": regular}}
    thursday = DailyClose(date(2026, 11, 19), 101.5)
    assert read_closes(body(meta=meta), fetched_at=NOW) == (thursday,)
    after = datetime.fromtimestamp(regular["end"], UTC)
    assert read_closes(body(meta=meta), fetched_at=after) == (thursday, DailyClose(date(2026, 11, 20), 102.25))


@pytest.mark.parametrize("value", [None, 0, -1, "102", True, float("nan"), float("inf")])
def test_a_close_that_is_none_is_left_out(value: object) -> None:
    found = read_closes(body(indicators={"quote": [{"close": [101.5, value]}]}), fetched_at=NOW)
    assert found == (DailyClose(date(2026, 11, 19), 101.5),)


def test_a_symbol_without_bars_has_none() -> None:
    assert read_closes(body(timestamp=[], indicators={"quote": [{}]}), fetched_at=NOW) == ()
    no_timestamps = body(indicators={"quote": [{}]})
    del no_timestamps["chart"]["result"][0]["timestamp"]
    assert read_closes(no_timestamps, fetched_at=NOW) == ()


def test_an_unknown_symbol_is_none() -> None:
    assert read_closes({"chart": {"result": None, "error": {"code": "Not Found"}}}, fetched_at=NOW) is None


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {"chart": None},
        {"chart": {"result": [], "error": None}},
        {"chart": {"result": None, "error": {"code": "Internal"}}},
        body(meta=None),
        body(timestamp="now"),
        body(indicators={}),
        body(indicators={"quote": [{"close": [1.0]}]}),
        body(indicators={"quote": [{"close": "none"}]}),
    ],
)
def test_what_is_no_chart_is_an_error(broken: object) -> None:
    with pytest.raises(PayloadError):
        read_closes(broken, fetched_at=NOW)
