from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from scanner import schema
from scanner.model import PLACEHOLDER_IV, UnderlyingQuote
from scanner.sources.base import Capabilities
from scanner.sources.payload import PayloadError
from scanner.sources.polygon.batches import DateRange
from scanner.sources.polygon.contracts import Question
from scanner.sources.polygon.listing import Listing
from scanner.sources.polygon.quotes import (
    OTHER_VOLUME,
    UNUSABLE_QUOTE_TIME,
    QuotedContract,
    chain_frame,
    quoted_contracts,
    seen_capabilities,
)
from tests.vendors.polygon_payloads import nanoseconds, snapshot_row

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
QUOTED_AT = datetime(2026, 11, 20, 17, 29, 58, 123456, tzinfo=UTC)
TRADED_AT = datetime(2026, 11, 20, 16, 2, 11, tzinfo=UTC)
EXPIRATION = date(2026, 12, 18)
CODE = "AAPL261218P00240000"
SPOT = UnderlyingQuote(last=241.5, last_time=QUOTED_AT)
VALUES = {
    "bid": 1.85,
    "ask": 1.95,
    "last": 1.9,
    "volume": 12,
    "open_interest": 34,
    "vendor_iv": 0.331055,
    "quote_time": QUOTED_AT,
    "traded_at": TRADED_AT,
}
QUESTION = Question("AAPL", "AAPL", DateRange(EXPIRATION, EXPIRATION))
LISTING = Listing({EXPIRATION: 2}, frozenset(), 0)


def row(code: str = CODE, ticker: str = "AAPL", shares: int = 100, **changes: Any) -> dict[str, Any]:
    """A snapshot with some parts changed: a mapping changes keys of a part, `...` takes a key away."""
    made = snapshot_row(ticker, code, VALUES, SPOT, shares)
    for key, value in changes.items():
        made[key] = {**made[key], **value} if isinstance(value, dict) and value else value
    changed: dict[str, Any] = _without_gaps(made)
    return changed


def _without_gaps(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_gaps(inner) for key, inner in value.items() if inner is not ...}


def read(*rows: Any, question: Question = QUESTION, listing: Listing = LISTING) -> list[QuotedContract]:
    quoted, unreadable = quoted_contracts([(question, rows)], listing, until=NOW)
    assert not unreadable
    return quoted


def only(*rows: Any, question: Question = QUESTION, listing: Listing = LISTING) -> pd.Series:
    frame, notes = chain_frame(read(*rows, question=question, listing=listing))
    assert notes == {}
    return schema.validate(frame, schema.CHAIN).iloc[0]


def noted(*rows: Any) -> tuple[pd.DataFrame, dict[str, int]]:
    frame, notes = chain_frame(read(*rows))
    return schema.validate(frame, schema.CHAIN), notes


def reasons(*rows: Any, question: Question = QUESTION, listing: Listing = LISTING) -> dict[str, int]:
    quoted, unreadable = quoted_contracts([(question, rows)], listing, until=NOW)
    assert len(quoted) + sum(unreadable.values()) == len(rows)
    return dict(unreadable)


def test_a_snapshot_in_our_terms() -> None:
    read_row = only(row())
    assert read_row.drop("quote_time").to_dict() == {
        "root": "AAPL",
        "expiration": pd.Timestamp(EXPIRATION),
        "option_type": "put",
        "strike": 240.0,
        "occ_symbol": CODE,
        "multiplier": 100,
        "adjusted": False,
        "bid": 1.85,
        "ask": 1.95,
        "last": 1.9,
        "volume": 12.0,
        "open_interest": 34.0,
        "vendor_iv": 0.331055,
    }
    assert read_row["quote_time"] == QUOTED_AT


def test_nothing_is_a_valid_frame() -> None:
    frame, notes = chain_frame([])
    assert len(schema.validate(frame, schema.CHAIN)) == 0
    assert notes == {}


@pytest.mark.parametrize("absent", [..., None, {}])
@pytest.mark.parametrize(
    ("part", "columns"),
    [
        ("last_quote", ["bid", "ask", "quote_time"]),
        ("day", ["volume"]),
        ("last_trade", []),
        ("underlying_asset", []),
        ("greeks", []),
    ],
)
def test_a_part_the_plan_does_not_include_is_unknown(part: str, columns: list[str], absent: Any) -> None:
    read_row = only(row(**{part: absent}))
    assert read_row.index[read_row.isna()].tolist() == columns


@pytest.mark.parametrize(("key", "column"), [("implied_volatility", "vendor_iv"), ("open_interest", "open_interest")])
@pytest.mark.parametrize("absent", [..., None, "NaN", -999.0])
def test_a_missing_number_is_unknown(key: str, column: str, absent: Any) -> None:
    read_row = only(row(**{key: absent}))
    assert read_row.index[read_row.isna()].tolist() == [column]


def test_without_trades_the_last_price_is_the_daily_bars() -> None:
    assert only(row(last_trade={}, day={"close": 1.88}))["last"] == 1.88
    assert only(row(last_trade={"price": 1.93}, day={"close": 1.88}))["last"] == 1.93
    assert pd.isna(only(row(last_trade={}, day={"close": 0}))["last"])


@pytest.mark.parametrize(
    ("quote", "bid", "ask"),
    [
        ({"bid": 0, "ask": 0}, None, None),
        ({"bid": 0, "ask": 0.05}, 0.0, 0.05),
        ({"bid": 0.05, "ask": 0}, 0.05, None),
        ({"bid": 0, "ask": ...}, None, None),
        ({"bid": ..., "ask": 0.05}, None, 0.05),
        ({"bid": -999.0, "ask": "NaN"}, None, None),
        ({"bid": 1.2, "ask": 1.1}, 1.2, 1.1),
    ],
)
def test_quotes_that_are_none(quote: dict[str, Any], bid: float | None, ask: float | None) -> None:
    read_row = only(row(last_quote=quote))
    assert (None if pd.isna(read_row["bid"]) else read_row["bid"]) == bid
    assert (None if pd.isna(read_row["ask"]) else read_row["ask"]) == ask


def test_a_volatility_of_zero_is_none_and_counted() -> None:
    frame, notes = noted(row(implied_volatility=0))
    assert frame["vendor_iv"].isna().all()
    assert notes == {PLACEHOLDER_IV: 1}


@pytest.mark.parametrize("value", [nanoseconds(NOW + timedelta(seconds=1)), 1_795_195_798, "now"])
def test_a_quote_time_that_is_none_is_unknown_and_counted(value: Any) -> None:
    frame, notes = noted(row(last_quote={"last_updated": value}))
    assert frame["quote_time"].isna().all()
    assert notes == {UNUSABLE_QUOTE_TIME: 1}


@pytest.mark.parametrize(
    "stamp",
    [
        nanoseconds(datetime(2026, 11, 19, 20, 59, tzinfo=UTC)),
        nanoseconds(datetime(2026, 11, 20, 4, 59, tzinfo=UTC)),
        ...,
    ],
    ids=["yesterday", "before midnight in New York", "of no day"],
)
def test_the_volume_of_another_day_is_not_todays(stamp: Any) -> None:
    frame, notes = noted(row(day={"last_updated": stamp}), row("AAPL261218C00240000"))
    assert frame.set_index("option_type")["volume"].isna().to_dict() == {"put": True, "call": False}
    assert notes == {OTHER_VOLUME: 1}


def test_a_bar_stamped_with_its_midnight_is_of_that_day() -> None:
    """As in Polygon's own example: 2022-04-29 04:00 UTC is midnight in New York."""
    midnight = nanoseconds(datetime(2026, 11, 20, 5, 0, tzinfo=UTC))
    assert only(row(day={"last_updated": midnight}))["volume"] == 12


def test_while_the_market_is_closed_the_last_sessions_volume_stays() -> None:
    saturday = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
    quoted, _ = quoted_contracts([(QUESTION, [row()])], LISTING, until=saturday)
    assert chain_frame(quoted)[0]["volume"].tolist() == [12.0]


@pytest.mark.parametrize(
    ("code", "shares", "adjusted"),
    [
        (CODE, 100, False),
        (CODE, 10, True),
        (CODE, 150, True),
        ("AAPL1261218P00240000", 100, True),
        ("AAPL1261218P00240000", 150, True),
        ("XYZ261218P00240000", 100, True),
    ],
)
def test_adjusted_contracts_are_marked(code: str, shares: int, adjusted: bool) -> None:
    read_row = only(row(code, shares=shares))
    assert (read_row["multiplier"], read_row["adjusted"]) == (shares, adjusted)


def test_a_contract_that_delivers_something_else_is_adjusted_on_both_sides() -> None:
    listing = Listing({EXPIRATION: 4}, frozenset({("AAPL", EXPIRATION, 240.0)}), 0)
    frame, _ = chain_frame(read(row(), row("AAPL261218C00240000"), row("AAPL261218C00245000"), listing=listing))
    assert frame["adjusted"].tolist() == [True, True, False]


def test_without_a_size_a_contract_has_100_shares() -> None:
    read_row = only(row(details={"shares_per_contract": ...}))
    assert (read_row["multiplier"], read_row["adjusted"]) == (100, False)


@pytest.mark.parametrize("code", ["SPX261218C06000000", "SPXW261218C06000000"])
def test_an_index_has_several_standard_roots(code: str) -> None:
    question = Question("I:SPX", "SPX", DateRange(EXPIRATION, EXPIRATION))
    read_row = only(row(code, ticker="I:SPX"), question=question)
    assert (read_row["occ_symbol"], read_row["adjusted"]) == (code, False)


def test_class_shares_have_no_dot_in_their_root() -> None:
    question = Question("BRK.B", "BRKB", DateRange(EXPIRATION, EXPIRATION))
    read_row = only(row("BRKB261218C00480000", ticker="BRK.B"), question=question)
    assert (read_row["root"], read_row["adjusted"]) == ("BRKB", False)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (None, "not_an_object"),
        ([1], "not_an_object"),
        ({}, "bad_ticker"),
        (row(details=[]), "bad_details"),
        (row(details={"ticker": ...}), "bad_ticker"),
        (row(details={"ticker": "O:AAPL211022C000150000"}), "bad_ticker"),
        (row(details={"contract_type": "call"}), "contract_type_mismatch"),
        (row(details={"contract_type": "other"}), "contract_type_mismatch"),
        (row(details={"strike_price": 245}), "strike_price_mismatch"),
        (row(details={"strike_price": "240"}), "bad_strike_price"),
        (row(details={"expiration_date": "2026-12-19"}), "expiration_date_mismatch"),
        (row(details={"expiration_date": 20261218}), "bad_expiration_date"),
        (row(details={"shares_per_contract": 0}), "bad_shares_per_contract"),
        (row(details={"shares_per_contract": 33.5}), "bad_shares_per_contract"),
        (row(last_quote=[]), "bad_last_quote"),
        (row(last_quote={"bid": "1.85"}), "bad_bid"),
        (row(last_trade={"price": True}), "bad_price"),
        (row(last_trade="none"), "bad_last_trade"),
        (row(day={"volume": 1.5}), "bad_volume"),
        (row(day={"volume": "many"}), "bad_volume"),
        (row(open_interest=[]), "bad_open_interest"),
        (row(implied_volatility={}), "bad_implied_volatility"),
        (row(underlying_asset=7), "bad_underlying_asset"),
        (row("AAPL270115P00240000"), "not_asked_for"),
    ],
)
def test_what_cannot_be_read_is_counted(wrong: Any, reason: str) -> None:
    assert reasons(wrong, row("AAPL261218C00240000")) == {reason: 1}


def test_an_expiration_that_is_not_listed_is_counted() -> None:
    question = Question("AAPL", "AAPL", DateRange(date(2026, 12, 11), EXPIRATION))
    assert reasons(row("AAPL261211P00240000"), row(), question=question) == {"expiration_not_listed": 1}


def test_duplicates_are_counted_across_answers() -> None:
    quoted, unreadable = quoted_contracts([(QUESTION, [row(), row()]), (QUESTION, [row()])], LISTING, until=NOW)
    assert (len(quoted), unreadable) == (1, {"duplicate": 2})


def test_another_underlyings_contracts_are_refused() -> None:
    with pytest.raises(PayloadError, match="another underlying"):
        read(row(), row("AMZN261218P00240000", ticker="AMZN"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Capabilities(True, True, True, 0.0)),
        ({"last_quote": {"timeframe": "DELAYED"}}, Capabilities(True, True, True, 900.0)),
        (
            {"last_quote": ..., "last_trade": {"timeframe": "DELAYED"}},
            Capabilities(False, True, True, 900.0, bid_ask=False),
        ),
        ({"last_quote": ..., "last_trade": ...}, Capabilities(False, True, True, None, bid_ask=False)),
        ({"last_quote": {"timeframe": "SOON"}}, Capabilities(True, True, True, None)),
    ],
)
def test_what_the_plan_includes_is_seen(changes: dict[str, Any], expected: Capabilities) -> None:
    assert seen_capabilities(read(row(**changes))) == expected


def test_the_slowest_quote_says_how_late_they_are() -> None:
    rows = (row(), row("AAPL261218C00240000", last_quote={"timeframe": "DELAYED"}))
    assert seen_capabilities(read(*rows)).delay_seconds == 900.0
