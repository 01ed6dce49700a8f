"""Schwab's JSON in our columns. Expectations are the raw values, or worked out by hand."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from scanner import schema
from scanner.model import OptionType, UnderlyingQuote
from scanner.sources.payload import PayloadError
from scanner.sources.schwab.contracts import SentRow, chain_frame, latest_quote_time
from scanner.sources.schwab.options import read_answer, underlying_quote
from tests.reference.shared_data import shared_path

EXPIRATION = date(2025, 1, 17)
QUOTED_MS = 1737061199927
"""2025-01-16 20:59:59.927 UTC, in the last second of the session in New York."""

ROW = {
    "putCall": "PUT",
    "symbol": "AAPL  250117P00240000",
    "bid": 1.85,
    "ask": 1.95,
    "last": 1.9,
    "totalVolume": 12,
    "openInterest": 34,
    "volatility": 33.5,
    "quoteTimeInLong": QUOTED_MS,
    "strikePrice": 240.0,
    "multiplier": 100.0,
    "settlementType": "P",
    "nonStandard": False,
    "mini": False,
}


def row(root: str = "AAPL", **changes: Any) -> dict[str, Any]:
    """A readable put with some keys changed; `...` takes a key away."""
    merged = {**ROW, "symbol": f"{root:<6}250117P00240000", **changes}
    return {key: value for key, value in merged.items() if value is not ...}


def frame(*rows: object, side: OptionType = OptionType.PUT) -> tuple[pd.DataFrame, dict[str, int]]:
    return chain_frame([SentRow(EXPIRATION, side, one) for one in rows])


def only(root: str = "AAPL", **changes: Any) -> pd.Series:
    contracts, unreadable = frame(row(root, **changes))
    assert not unreadable
    return schema.validate(contracts, schema.CHAIN).iloc[0]


def test_a_row_becomes_a_contract() -> None:
    contract = only()
    identity = (contract["root"], contract["occ_symbol"], contract["option_type"], contract["strike"])
    assert identity == ("AAPL", "AAPL250117P00240000", "put", 240.0)
    assert (contract["bid"], contract["ask"], contract["last"]) == (1.85, 1.95, 1.9)
    assert (contract["volume"], contract["open_interest"]) == (12, 34)
    assert (contract["multiplier"], contract["adjusted"]) == (100, False)
    assert contract["quote_time"] == pd.Timestamp("2025-01-16 20:59:59.927", tz="UTC")


def test_volatility_is_percent_there_and_decimal_here() -> None:
    assert only(volatility=33.5)["vendor_iv"] == pytest.approx(0.335)
    assert only(volatility=2151.944)["vendor_iv"] == pytest.approx(21.51944)


UNKNOWN = [-999.0, -1, "NaN", "nan", "", None, ..., float("nan"), float("inf")]


@pytest.mark.parametrize("value", UNKNOWN)
@pytest.mark.parametrize(
    ("key", "column"),
    [
        ("bid", "bid"),
        ("ask", "ask"),
        ("last", "last"),
        ("totalVolume", "volume"),
        ("openInterest", "open_interest"),
        ("volatility", "vendor_iv"),
        ("quoteTimeInLong", "quote_time"),
    ],
)
def test_sentinels_and_missing_keys_are_unknown(key: str, column: str, value: Any) -> None:
    assert pd.isna(only(**{key: value})[column])


@pytest.mark.parametrize("value", ["1.85", True, [1.85], {"value": 1.85}])
@pytest.mark.parametrize("key", ["bid", "totalVolume", "volatility", "quoteTimeInLong", "strikePrice", "multiplier"])
def test_wrong_types_are_counted(key: str, value: Any) -> None:
    contracts, unreadable = frame(row(**{key: value}), row("AAPL1"))
    assert unreadable == {f"bad_{key}": 1}
    assert list(contracts["root"]) == ["AAPL1"]


def test_no_quote_is_zero_at_zero_and_no_bid_is_a_zero_bid() -> None:
    blank, unbid = only(bid=0.0, ask=0.0), only(bid=0.0, ask=0.05)
    assert math.isnan(blank["bid"])
    assert math.isnan(blank["ask"])
    assert (unbid["bid"], unbid["ask"]) == (0.0, 0.05)
    assert math.isnan(only(last=0.0)["last"])
    assert math.isnan(only(volatility=0.0)["vendor_iv"])
    assert (only(totalVolume=0)["volume"], only(openInterest=0)["open_interest"]) == (0, 0)


@pytest.mark.parametrize("value", [0, -999, 10**17])
def test_what_is_no_time_is_unknown(value: int) -> None:
    assert pd.isna(only(quoteTimeInLong=value)["quote_time"])


@pytest.mark.parametrize(
    ("root", "changes", "multiplier", "adjusted"),
    [
        ("AAPL", {}, 100, False),
        ("AAPL", {"multiplier": ...}, 100, False),
        ("AAPL", {"multiplier": 10.0, "mini": True}, 10, True),
        ("AAPL", {"multiplier": ..., "mini": True}, 10, True),
        ("AAPL7", {}, 100, True),
        ("AAPL", {"nonStandard": True}, 100, True),
        ("AAPL", {"isNonStandard": True, "nonStandard": ...}, 100, True),
        ("AAPL", {"multiplier": 150.0}, 150, True),
        ("BRKB", {}, 100, False),
    ],
)
def test_sizes_and_adjusted_contracts(root: str, changes: dict[str, Any], multiplier: int, adjusted: bool) -> None:
    contract = only(root, **changes)
    assert (contract["multiplier"], contract["adjusted"]) == (multiplier, adjusted)


@pytest.mark.parametrize("value", [-999.0, 0.0, 0.5, 100.5, "NaN"])
def test_a_size_that_is_none_is_counted(value: Any) -> None:
    assert frame(row(multiplier=value))[1] == {"bad_multiplier": 1}


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (None, "not_an_object"),
        ("AAPL  250117P00240000", "not_an_object"),
        (row(symbol=...), "contract_symbol"),
        (row(symbol=7), "contract_symbol"),
        (row(symbol="ACME  105117P00005000"), "contract_symbol"),
        (row(symbol="AAPL  250117C00240000", putCall=...), "side_mismatch"),
        (row(putCall="CALL"), "side_mismatch"),
        (row(symbol="AAPL  250124P00240000"), "expiration_mismatch"),
        (row(strikePrice=245.0), "strike_mismatch"),
        (row(strikePrice=-999.0), "strike_mismatch"),
        (row(settlementType="A"), "settlement_mismatch"),
        (row("SPXW", settlementType="A"), "settlement_mismatch"),
        (row("SPX", settlementType="P"), "settlement_mismatch"),
        (row("OEX"), "index_root"),
    ],
)
def test_contracts_that_contradict_themselves_are_counted(sent: object, reason: str) -> None:
    contracts, unreadable = frame(sent)
    assert unreadable == {reason: 1}
    schema.validate(contracts, schema.CHAIN)
    assert len(contracts) == 0


def test_duplicates_are_counted_and_the_first_is_kept() -> None:
    contracts, unreadable = frame(row(bid=1.0), row(bid=1.5), row(bid="bad"))
    assert list(contracts["bid"]) == [1.0]
    assert unreadable == {"duplicate": 1, "bad_bid": 1}


def test_two_roots_at_one_strike_are_two_contracts() -> None:
    """SPX settles at the open and SPXW at the close of the same day: both stand under the same key."""
    contracts, unreadable = frame(row("SPX", settlementType="A"), row("SPXW", settlementType="P"))
    assert unreadable == {}
    assert list(contracts["root"]) == ["SPX", "SPXW"]
    assert not contracts["adjusted"].any()


def body(**changes: Any) -> dict[str, Any]:
    complete = {
        "symbol": "AAPL",
        "status": "SUCCESS",
        "underlying": {"symbol": "AAPL", "last": 240.1},
        "underlyingPrice": 240.1,
        "isChainTruncated": False,
        "callExpDateMap": {"2025-01-24:8": {"240.0": [row()]}},
        "putExpDateMap": {"2025-01-17:1": {"240.0": [row(), row("AAPL1")]}, "2025-02-21:36": {}},
    }
    merged = {**complete, **changes}
    return {key: value for key, value in merged.items() if value is not ...}


def test_the_listing_is_what_either_side_lists() -> None:
    answer = read_answer(body(), "AAPL")
    assert answer.listed == (date(2025, 1, 17), date(2025, 1, 24), date(2025, 2, 21))
    assert [(sent.expiration.day, sent.option_type.value) for sent in answer.rows] == [
        (24, "call"),
        (17, "put"),
        (17, "put"),
    ]
    assert (answer.known, answer.truncated) == (True, False)


@pytest.mark.parametrize(
    ("answered", "symbol"),
    [("AAPL", "AAPL"), ("BRK/B", "BRK.B"), ("$SPX", "SPX"), ("SPX", "SPX"), (..., "AAPL")],
)
def test_the_symbol_in_any_spelling(answered: Any, symbol: str) -> None:
    assert read_answer(body(symbol=answered), symbol).known


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "MSFT"},
        {"symbol": 5},
        {"symbol": "no symbol"},
        {"callExpDateMap": ...},
        {"putExpDateMap": None},
        {"putExpDateMap": []},
        {"putExpDateMap": {"2025-01-17:1": []}},
        {"putExpDateMap": {"2025-01-17:1": {"240.0": {}}}},
        {"putExpDateMap": {"tomorrow": {}}},
        {"putExpDateMap": {"2025-02-30:1": {}}},
        {"status": "FAILED"},
        {"status": "PARTIAL"},
    ],
)
def test_another_shape_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        read_answer(body(**changes), "AAPL")


EMPTY: dict[str, Any] = {"callExpDateMap": {}, "putExpDateMap": {}}


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({**EMPTY}, True),
        ({**EMPTY, "underlying": None, "underlyingPrice": 12.5}, True),
        ({**EMPTY, "underlying": None, "underlyingPrice": 0.0, "status": "FAILED"}, False),
        ({**EMPTY, "underlying": None, "underlyingPrice": "NaN", "status": "FAILED"}, False),
        (
            {
                "callExpDateMap": ...,
                "putExpDateMap": ...,
                "underlying": ...,
                "underlyingPrice": ...,
                "status": "FAILED",
            },
            False,
        ),
    ],
)
def test_no_options_is_told_from_an_unknown_symbol(changes: dict[str, Any], known: bool) -> None:
    answer = read_answer(body(**changes), "AAPL")
    assert (answer.known, answer.listed) == (known, ())


def at(hour: int, minute: int, second: int = 0, day: int = 16) -> tuple[int, datetime]:
    """Epoch milliseconds and the instant of a time in New York in January 2025 (UTC-5)."""
    instant = datetime(2025, 1, day, hour + 5, minute, second, tzinfo=UTC)
    return int(instant.timestamp()) * 1000, instant


def test_the_underlying_has_its_own_times() -> None:
    (quote_ms, quoted), (trade_ms, traded) = at(11, 0), at(10, 59)
    sent = {"bid": 240.0, "ask": 240.1, "last": 240.02, "quoteTime": quote_ms, "tradeTime": trade_ms}
    assert underlying_quote(sent) == UnderlyingQuote(240.0, 240.1, 240.02, quoted, traded)


@pytest.mark.parametrize("moment", [at(9, 29, 59), at(16, 1), at(18, 0), at(11, 0, day=18)])
def test_bid_and_ask_of_extended_hours_are_left_out(moment: tuple[int, datetime]) -> None:
    sent = {"bid": 240.0, "ask": 240.1, "last": 240.02, "quoteTime": moment[0], "tradeTime": moment[0]}
    assert underlying_quote(sent) == UnderlyingQuote(last=240.02, last_time=moment[1])


def test_bid_and_ask_of_the_close_are_stamped_just_after_it() -> None:
    assert underlying_quote({"bid": 240.0, "ask": 240.1, "quoteTime": at(16, 0, 2)[0]}).bid == 240.0


@pytest.mark.parametrize("value", [*UNKNOWN, 0, "240", True])
def test_an_underlying_without_prices_is_unknown(value: Any) -> None:
    sent = {"bid": value, "ask": value, "last": value, "quoteTime": QUOTED_MS, "tradeTime": QUOTED_MS}
    assert underlying_quote({key: one for key, one in sent.items() if one is not ...}) == UnderlyingQuote()


@pytest.mark.parametrize("value", [0, -999, "NaN", None, True, 10**17])
def test_a_price_without_a_time_stays(value: Any) -> None:
    sent = {"bid": 240.0, "ask": 240.1, "last": 240.02, "quoteTime": value, "tradeTime": value}
    assert underlying_quote(sent) == UnderlyingQuote(240.0, 240.1, 240.02)


def test_the_recorded_chain_is_read_whole() -> None:
    """470 puts on AAPL of the close of 2025-01-16, recorded without the underlying's quote."""
    recorded = json.loads(shared_path("schwab/AAPL.json").read_text(encoding="utf-8"))
    answer = read_answer(recorded, "AAPL")
    contracts, unreadable = chain_frame(answer.rows)
    schema.validate(contracts, schema.CHAIN)
    raw = {
        one["symbol"].replace(" ", ""): one
        for strikes in recorded["putExpDateMap"].values()
        for rows in strikes.values()
        for one in rows
    }
    assert (len(contracts), unreadable, len(answer.listed)) == (recorded["numberOfContracts"], {}, 8)
    assert answer.listed == tuple(date.fromisoformat(key[:10]) for key in recorded["putExpDateMap"])
    assert underlying_quote(answer.underlying) == UnderlyingQuote()
    assert not contracts["adjusted"].any()
    for one in contracts.itertuples():
        sent = raw[str(one.occ_symbol)]
        assert (one.bid, one.ask) == (sent["bid"], sent["ask"])
        assert one.vendor_iv == pytest.approx(sent["volatility"] / 100)
        assert one.last == sent["last"] or (math.isnan(float(str(one.last))) and sent["last"] == 0)
        assert (one.volume, one.open_interest) == (sent["totalVolume"], sent["openInterest"])
    assert latest_quote_time(contracts) == datetime(2025, 1, 16, 21, 0, 1, 414000, tzinfo=UTC)


def test_a_recorded_chain_whose_codes_are_no_contracts_is_counted_whole() -> None:
    recorded = json.loads(shared_path("schwab/ACME_calls.json").read_text(encoding="utf-8"))
    answer = read_answer(recorded, "ACME")
    contracts, unreadable = chain_frame(answer.rows)
    assert (len(contracts), sum(unreadable.values())) == (0, len(answer.rows))
    assert len(answer.rows) > 0
    assert latest_quote_time(contracts) is None


def test_the_fields_we_read_are_the_documented_ones() -> None:
    """Under the name that is sent or the one in the documentation."""
    schemas = json.loads(shared_path("schwab/schwab_market_data.openapi.json").read_text(encoding="utf-8"))
    documented = schemas["components"]["schemas"]
    contract, chain = documented["OptionContract"]["properties"], documented["OptionChain"]["properties"]
    for name in ("bidPrice", "askPrice", "lastPrice", "isNonStandard", "isMini", *ROW.keys()):
        documented_name = {"bid": "bidPrice", "ask": "askPrice", "last": "lastPrice"}.get(name, name)
        documented_name = {"nonStandard": "isNonStandard", "mini": "isMini"}.get(documented_name, documented_name)
        assert documented_name in contract, name
    assert {"symbol", "status", "underlying", "underlyingPrice", "callExpDateMap", "putExpDateMap"} <= set(chain)
    assert {"bid", "ask", "last", "quoteTime", "tradeTime"} <= set(documented["Underlying"]["properties"])
    assert documented["SettlementType"]["enum"] == ["A", "P"]


def test_the_documented_names_are_read_too() -> None:
    contract = only(bid=..., bidPrice=1.8, ask=..., askPrice=2.0, last=..., lastPrice=1.9)
    assert (contract["bid"], contract["ask"], contract["last"]) == (1.8, 2.0, 1.9)
