"""Recorded answers moved to today keep everything but their dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.vendors.moved import codes, listed, moved_code, moved_to
from tests.vendors.yahoo_payloads import midnight

FRIDAYS = (date(2025, 2, 28), date(2025, 3, 21))


def answer() -> dict[str, Any]:
    call = {"contractSymbol": "AAPL250228C00245000", "strike": 245.0, "bid": 0, "expiration": midnight(FRIDAYS[0])}
    put = {"contractSymbol": "AAPL250228P00245000", "strike": 245.0, "expiration": midnight(FRIDAYS[0])}
    block = {"expirationDate": midnight(FRIDAYS[0]), "calls": [call], "puts": [put]}
    result = {
        "underlyingSymbol": "AAPL",
        "expirationDates": [midnight(day) for day in FRIDAYS],
        "quote": {"regularMarketTime": 1_740_171_602, "marketState": "PRE"},
        "options": [block],
    }
    return {"optionChain": {"result": [result], "error": None}}


@pytest.mark.parametrize("days", range(14))
def test_the_first_expiration_is_a_friday_within_ten_days(days: int) -> None:
    now = datetime(2026, 11, 18, 15, 0, tzinfo=UTC) + timedelta(days=days)
    first, second = listed(moved_to(answer(), now))
    assert first.weekday() == second.weekday() == 4
    assert 4 <= (first - now.date()).days <= 10
    assert second - first == FRIDAYS[1] - FRIDAYS[0]


def test_only_dates_change() -> None:
    before, moved = answer(), moved_to(answer(), datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    result = moved["optionChain"]["result"][0]
    assert list(codes(moved)) == ["AAPL261127C00245000", "AAPL261127P00245000"]
    assert result["options"][0]["expirationDate"] == midnight(date(2026, 11, 27))
    assert result["quote"] == {"regularMarketTime": 1_795_208_400, "marketState": "PRE"}
    for old, new in zip(codes(before).values(), codes(moved).values(), strict=True):
        assert {**new, "contractSymbol": "", "expiration": 0} == {**old, "contractSymbol": "", "expiration": 0}
        assert new["expiration"] - old["expiration"] == (date(2026, 11, 27) - FRIDAYS[0]).days * 86_400


def test_a_code_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no OCC symbol"):
        moved_code("AAPL", timedelta(weeks=1))


def test_an_unknown_symbol_lists_nothing() -> None:
    assert listed({"optionChain": {"result": [], "error": None}}) == []
