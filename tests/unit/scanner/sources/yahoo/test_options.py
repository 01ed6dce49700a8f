from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scanner import schema
from scanner.model import OptionType, UnderlyingQuote
from scanner.sources.payload import PayloadError
from scanner.sources.yahoo.options import (
    OptionBlock,
    chain_frame,
    is_placeholder_volatility,
    market_time,
    read_answer,
    underlying_quote,
)

EXPIRATION = date(2025, 2, 28)
EPOCH = 1740700800
CLOSE = 1740171602
ROW = {
    "contractSymbol": "AAPL250228P00240000",
    "strike": 240,
    "currency": "USD",
    "lastPrice": 1.9,
    "volume": 12,
    "openInterest": 34,
    "bid": 1.85,
    "ask": 1.95,
    "contractSize": "REGULAR",
    "impliedVolatility": 0.3310556,
}


def row(at: float = 240, **changes: Any) -> dict[str, Any]:
    """A readable put with that strike and some keys changed; `...` takes a key away."""
    code = f"AAPL250228P{round(at * 1000):08d}"
    merged = {**ROW, "contractSymbol": code, "strike": at, **changes}
    return {key: value for key, value in merged.items() if value is not ...}


def frame(*rows: object, side: OptionType = OptionType.PUT) -> tuple[pd.DataFrame, dict[str, int]]:
    return chain_frame([OptionBlock(EXPIRATION, tuple((side, one) for one in rows))])[:2]


def only(**changes: Any) -> pd.Series:
    """The one contract, beside two ordinary ones so that the expiration does not look like Yahoo's night."""
    contracts, unreadable = frame(row(**changes), row(250), row(260))
    assert not unreadable
    return contracts.iloc[0]


def test_a_row_becomes_a_contract() -> None:
    contracts, unreadable = frame(row())
    schema.validate(contracts, schema.CHAIN)
    assert unreadable == {}
    contract = contracts.iloc[0]
    assert list(contract[["root", "option_type", "strike"]]) == ["AAPL", "put", 240.0]
    assert contract["expiration"] == pd.Timestamp(EXPIRATION)
    assert list(contract[["bid", "ask", "last", "volume", "open_interest"]]) == [1.85, 1.95, 1.9, 12, 34]
    assert contract["vendor_iv"] == 0.3310556
    assert (contract["multiplier"], bool(contract["adjusted"])) == (100, False)
    assert contract["quote_time"] is pd.NaT


def test_no_rows_give_an_empty_valid_frame() -> None:
    contracts, unreadable, notes = chain_frame([])
    schema.validate(contracts, schema.CHAIN)
    assert len(contracts) == 0
    assert (unreadable, notes) == ({}, {})


def test_made_up_volatilities_are_taken_out_and_counted() -> None:
    rows = [row(240 + at, impliedVolatility=value) for at, value in enumerate((0.500005, 0.31, 0.0))]
    contracts, _, notes = chain_frame([OptionBlock(EXPIRATION, tuple((OptionType.PUT, one) for one in rows))])
    assert list(contracts["vendor_iv"].isna()) == [True, False, True]
    assert notes == {"placeholder_iv": 1}


@pytest.mark.parametrize(
    ("quoted", "known"),
    [
        ({"bid": 0, "ask": 0}, (None, None)),
        ({"bid": 0.0, "ask": 0.05}, (0.0, 0.05)),
        ({"bid": 0.05, "ask": 0}, (0.05, None)),
        ({"bid": 0, "ask": ...}, (None, None)),
        ({"bid": ..., "ask": 0.05}, (None, 0.05)),
        ({"bid": ..., "ask": ...}, (None, None)),
        ({"bid": None, "ask": 0.05}, (None, 0.05)),
        ({"bid": -1, "ask": -999.0}, (None, None)),
        ({"bid": "NaN", "ask": float("nan")}, (None, None)),
        ({"bid": float("inf"), "ask": 0.05}, (None, 0.05)),
        ({"bid": 2.0, "ask": 1.0}, (2.0, 1.0)),
    ],
)
def test_a_zero_bid_is_a_fact_only_beside_an_ask(
    quoted: dict[str, Any], known: tuple[float | None, float | None]
) -> None:
    contract = only(**quoted)
    assert tuple(None if np.isnan(contract[name]) else contract[name] for name in ("bid", "ask")) == known


@pytest.mark.parametrize("key", ["volume", "openInterest", "lastPrice", "impliedVolatility"])
@pytest.mark.parametrize("missing", [..., None, "NaN", -1])
def test_a_missing_key_is_unknown_and_never_zero(key: str, missing: Any) -> None:
    column = {"volume": "volume", "openInterest": "open_interest", "lastPrice": "last"}.get(key, "vendor_iv")
    assert np.isnan(only(**{key: missing})[column])


def test_zero_volume_and_open_interest_are_facts_and_a_zero_price_is_none() -> None:
    contract = only(volume=0, openInterest=0, lastPrice=0)
    assert (contract["volume"], contract["open_interest"]) == (0, 0)
    assert np.isnan(contract["last"])


def test_open_interest_of_zero_is_unknown_while_yahoo_has_no_quotes() -> None:
    night = [row(strike, bid=0, ask=0, openInterest=0) for strike in (230, 240)]
    contracts, _ = frame(*night, row(250, openInterest=0), row(260, bid=0, ask=0, openInterest=7))
    assert list(contracts["open_interest"].fillna(-1)) == [-1, -1, -1, 7]


def test_half_of_an_expiration_without_quotes_is_no_night() -> None:
    contracts, _ = frame(row(230, bid=0, ask=0, openInterest=0), row(250, openInterest=0))
    assert list(contracts["open_interest"]) == [0, 0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contractSymbol": ...}, "contract_symbol"),
        ({"contractSymbol": "AAPL250228X00240000"}, "contract_symbol"),
        ({"contractSymbol": "AAPL250230P00240000"}, "contract_symbol"),
        ({"contractSymbol": 7}, "contract_symbol"),
        ({"contractSymbol": "AAPL250228C00240000"}, "side_mismatch"),
        ({"contractSymbol": "AAPL250307P00240000"}, "expiration_mismatch"),
        ({"strike": 240.5}, "strike_mismatch"),
        ({"strike": "240"}, "bad_strike"),
        ({"currency": "EUR"}, "currency"),
        ({"bid": "1.85"}, "bad_bid"),
        ({"ask": {"raw": 1.95}}, "bad_ask"),
        ({"volume": True}, "bad_volume"),
        ({"impliedVolatility": []}, "bad_impliedVolatility"),
    ],
)
def test_a_row_that_cannot_be_read_is_counted_under_its_reason(changes: dict[str, Any], reason: str) -> None:
    contracts, unreadable = frame(row(230), row(**changes))
    assert list(contracts["strike"]) == [230.0]
    assert unreadable == {reason: 1}


def test_rows_that_are_no_objects_and_repeats_are_counted() -> None:
    contracts, unreadable = frame(row(), row(), None, "row", 5)
    assert len(contracts) == 1
    assert unreadable == {"duplicate": 1, "not_an_object": 3}


@pytest.mark.parametrize(
    ("changes", "multiplier", "adjusted"),
    [
        ({"contractSize": "REGULAR"}, 100, False),
        ({"contractSize": ...}, 100, False),
        ({"contractSize": "MINI"}, 10, True),
        ({"contractSize": "NONSTANDARD"}, 100, True),
        ({"contractSymbol": "AAPL1250228P00240000"}, 100, True),
    ],
)
def test_what_is_not_regular_is_adjusted(changes: dict[str, Any], multiplier: int, adjusted: bool) -> None:
    contract = only(**changes)
    assert (contract["multiplier"], bool(contract["adjusted"])) == (multiplier, adjusted)


def bisection(steps: str) -> float:
    """Yahoo's search between 1e-5 and 1 after these steps, d(own) or u(p)."""
    low, high = 1e-5, 1.0
    middle = (low + high) / 2
    for step in steps:
        low, high = (low, middle) if step == "d" else (middle, high)
        middle = (low + high) / 2
    return middle


@pytest.mark.parametrize("down", range(16))
def test_a_bisection_that_only_went_down_is_a_placeholder(down: int) -> None:
    assert is_placeholder_volatility(np.array([bisection("d" * down)])).all()


@pytest.mark.parametrize("value", [1e-5, 0.500005, 0.250007, 0.125009, 0.062509, 0.031260, 0.015635, 0.0])
def test_placeholders_as_they_are_printed(value: float) -> None:
    assert is_placeholder_volatility(np.array([value])).all()


@pytest.mark.parametrize(
    "value",
    [
        *(bisection(steps) for steps in ("u", "du", "uud", "ddu", "dud", "uuuuuu", "dddddddddu", "uddddddddddddddd")),
        *(0.9062509375, 0.9765627343750001, 3.58593853515625, 0.3310556, 0.25, 0.5, 0.125, 1.0, 2.0),
    ],
)
def test_a_solved_volatility_stays(value: float) -> None:
    assert not is_placeholder_volatility(np.array([value])).any()


def test_an_unknown_volatility_is_no_placeholder_and_shapes_stay() -> None:
    marks = is_placeholder_volatility(np.array([[np.nan, 0.3], [0.500005, 0.2]]))
    assert marks.tolist() == [[False, False], [True, False]]


QUOTE = {
    "marketState": "REGULAR",
    "currency": "USD",
    "regularMarketPrice": 245.55,
    "regularMarketTime": CLOSE,
    "bid": 245.5,
    "ask": 245.6,
    "regularMarketVolume": 53197431,
}


def test_bid_and_ask_of_the_underlying_count_in_session() -> None:
    assert underlying_quote(QUOTE) == UnderlyingQuote(
        bid=245.5, ask=245.6, last=245.55, last_time=datetime(2025, 2, 21, 21, 0, 2, tzinfo=UTC), volume=53_197_431
    )


@pytest.mark.parametrize("state", ["PRE", "PREPRE", "POST", "POSTPOST", "CLOSED", "regular", None, 1])
def test_outside_the_session_only_the_last_regular_price_counts(state: object) -> None:
    answer = underlying_quote({**QUOTE, "marketState": state, "postMarketPrice": 250.0})
    assert (answer.bid, answer.ask, answer.last) == (None, None, 245.55)
    assert answer.last_time == datetime(2025, 2, 21, 21, 0, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"regularMarketPrice": 0, "bid": 0, "ask": 0, "regularMarketVolume": 0},
        {"regularMarketPrice": -1, "bid": -1.0, "ask": float("nan"), "regularMarketVolume": -5},
        {"regularMarketPrice": "245.55", "bid": True, "ask": None, "regularMarketVolume": None},
        {"currency": "GBp"},
    ],
)
def test_what_is_no_dollar_price_is_unknown(changes: dict[str, Any]) -> None:
    assert underlying_quote({**QUOTE, **changes}) == UnderlyingQuote()


@pytest.mark.parametrize("value", [None, 0, -1, "1740171602", 1.5, True, 10**18])
def test_an_unreadable_market_time_is_unknown(value: object) -> None:
    assert market_time({"regularMarketTime": value}) is None


def body(**changes: Any) -> dict[str, Any]:
    block = {"expirationDate": EPOCH, "calls": [], "puts": [row()]}
    result = {"underlyingSymbol": "AAPL", "expirationDates": [EPOCH + 604800, EPOCH], "quote": QUOTE}
    result = {**result, "options": [block], **changes}
    return {"optionChain": {"result": [result], "error": None}}


def test_an_answer_names_listing_quote_and_blocks() -> None:
    answer = read_answer(body(), "AAPL")
    assert answer.found
    assert dict(answer.listed) == {date(2025, 2, 28): EPOCH, date(2025, 3, 7): EPOCH + 604800}
    assert list(answer.listed) == sorted(answer.listed)
    assert [block.expiration for block in answer.blocks] == [EXPIRATION]
    assert answer.blocks[0].rows == ((OptionType.PUT, row()),)


@pytest.mark.parametrize(
    "empty",
    [
        {"optionChain": {"result": [], "error": None}},
        {"optionChain": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}},
    ],
)
def test_an_empty_result_is_a_symbol_yahoo_does_not_know(empty: dict[str, Any]) -> None:
    assert not read_answer(empty, "AAPL").found


@pytest.mark.parametrize(
    "strange",
    [
        None,
        [],
        "text",
        {},
        {"optionChain": None},
        {"optionChain": {"result": None, "error": None}},
        {"optionChain": {"result": {}, "error": None}},
        {"optionChain": {"result": [None], "error": None}},
        {"optionChain": {"result": None, "error": {"code": "Internal Error"}}},
        body(expirationDates=None),
        body(expirationDates=["2025-02-28"]),
        body(expirationDates=[True]),
        body(expirationDates=[10**30]),
        body(options=None),
        body(options=[None]),
        body(options=[{"expirationDate": None, "calls": [], "puts": []}]),
        body(options=[{"expirationDate": EPOCH, "calls": None, "puts": []}]),
        body(options=[{"expirationDate": EPOCH, "calls": []}]),
        body(underlyingSymbol="MSFT"),
    ],
)
def test_an_answer_of_another_shape_is_refused(strange: object) -> None:
    with pytest.raises(PayloadError):
        read_answer(strange, "AAPL")


def test_a_missing_quote_leaves_the_underlying_unknown() -> None:
    answer = read_answer(body(quote=None), "AAPL")
    assert underlying_quote(answer.quote) == UnderlyingQuote()
    assert market_time(answer.quote) is None
