from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scanner.model import UnderlyingQuote
from scanner.sources.polygon.underlying import OTHER_SPOT, underlying_quote
from tests.vendors.polygon_payloads import nanoseconds

AT = datetime(2026, 11, 20, 17, 29, 59, tzinfo=UTC)
NIGHT = datetime(2026, 11, 22, tzinfo=UTC)


def row(price: Any = 241.5, at: datetime | None = AT, **rest: Any) -> dict[str, Any]:
    asset = {"ticker": "AAPL", "price": price, **rest}
    return {"underlying_asset": asset if at is None else {**asset, "last_updated": nanoseconds(at)}}


def quote(*rows: Any, is_index: bool = False, until: datetime = NIGHT) -> tuple[UnderlyingQuote, dict[str, int]]:
    return underlying_quote(rows, is_index=is_index, until=until)


def test_the_newest_price_counts() -> None:
    rows = [row(241.4, AT - timedelta(seconds=5)), row(), row(241.3, AT - timedelta(seconds=9))]
    assert quote(*rows) == (UnderlyingQuote(last=241.5, last_time=AT), {})


@pytest.mark.parametrize(
    "rows",
    [[], [None], [{}], [{"underlying_asset": {}}], [{"underlying_asset": []}], [row(None)], [row(0)], [row("x")]],
)
def test_without_a_price_it_is_unknown(rows: list[Any]) -> None:
    assert quote(*rows) == (UnderlyingQuote(), {})


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (datetime(2026, 11, 20, 14, 29, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 14, 30, tzinfo=UTC), True),
        (datetime(2026, 11, 20, 21, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 20, 21, 0, 1, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 17, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 20, 13, 30, tzinfo=UTC), True),
    ],
    ids=["before the open", "open", "close", "after the close", "Saturday", "summer time"],
)
def test_a_price_of_extended_hours_is_not_the_sessions(at: datetime, counts: bool) -> None:
    expected = (UnderlyingQuote(last=241.5, last_time=at), {}) if counts else (UnderlyingQuote(), {OTHER_SPOT: 1})
    assert quote(row(at=at)) == expected


def test_an_index_has_a_value_and_no_extended_hours() -> None:
    at = datetime(2026, 11, 20, 21, 15, tzinfo=UTC)
    value = {"underlying_asset": {"ticker": "I:SPX", "value": 6012.4, "last_updated": nanoseconds(at)}}
    assert quote(value, is_index=True) == (UnderlyingQuote(last=6012.4, last_time=at), {})


def test_a_price_of_no_known_time_may_be_of_any_hour() -> None:
    assert quote(row(at=None)) == (UnderlyingQuote(), {OTHER_SPOT: 1})
    assert quote(row(), until=AT - timedelta(seconds=1)) == (UnderlyingQuote(), {OTHER_SPOT: 1})
