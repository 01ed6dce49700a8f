from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scanner import schema
from scanner.model import OptionType, UnderlyingQuote
from scanner.sources.payload import PayloadError
from scanner.sources.robinhood.listing import ListedContract
from scanner.sources.robinhood.quotes import chain_frame, quoted_contracts, read_market_data, underlying_quote
from scanner.symbols import Contract

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
EXPIRATION = date(2026, 12, 18)
ROW = {
    "instrument": "https://api.robinhood.com/options/instruments/c240/",
    "instrument_id": "c240",
    "occ_symbol": "AAPL  261218P00240000",
    "bid_price": "1.850000",
    "ask_price": "1.950000",
    "last_trade_price": "1.900000",
    "volume": 12,
    "open_interest": 34,
    "implied_volatility": "0.331055",
    "updated_at": "2026-11-20T17:29:58.123456789Z",
}
QUOTE = {
    "symbol": "AAPL",
    "bid_price": "239.990000",
    "ask_price": "240.010000",
    "last_trade_price": "240.000000",
    "last_extended_hours_trade_price": None,
    "updated_at": "2026-11-20T17:29:59Z",
    "venue_last_trade_time": "2026-11-20T17:29:57Z",
}


def listed(strike: float = 240.0, **changes: Any) -> ListedContract:
    contract = Contract("AAPL", EXPIRATION, OptionType.PUT, strike)
    facts = {"instrument_id": f"c{strike:g}", "contract": contract, "multiplier": 100, "adjusted": False}
    return ListedContract(**{**facts, **changes})


def row(**changes: Any) -> dict[str, Any]:
    """Market data of the put at 240 with some keys changed; `...` takes a key away."""
    return {key: value for key, value in {**ROW, **changes}.items() if value is not ...}


def only(**changes: Any) -> pd.Series:
    quoted, unreadable = quoted_contracts([listed()], [row(**changes)], until=NOW)
    assert not unreadable
    return schema.validate(chain_frame(quoted), schema.CHAIN).iloc[0]


def reasons(contracts: list[ListedContract], market_data: list[Any]) -> dict[str, int]:
    """Why rows were not used; every listed contract is either there or among them."""
    quoted, unreadable = quoted_contracts(contracts, market_data, until=NOW)
    extra = unreadable["market_data_not_asked_for"] + unreadable["duplicate_market_data"]
    assert len(quoted) + sum(unreadable.values()) - extra == len(contracts)
    return dict(unreadable)


def known(value: float) -> float | None:
    return None if np.isnan(value) else value


def test_a_row_becomes_a_contract() -> None:
    contract = only()
    assert list(contract[["root", "option_type", "strike", "occ_symbol"]]) == [
        *("AAPL", "put", 240.0, "AAPL261218P00240000")
    ]
    assert contract["expiration"] == pd.Timestamp(EXPIRATION)
    assert list(contract[["bid", "ask", "last", "volume", "open_interest"]]) == [1.85, 1.95, 1.9, 12, 34]
    assert contract["vendor_iv"] == 0.331055
    assert (contract["multiplier"], bool(contract["adjusted"])) == (100, False)
    assert contract["quote_time"] == pd.Timestamp("2026-11-20T17:29:58.123456Z")


def test_no_rows_give_an_empty_valid_frame() -> None:
    assert len(schema.validate(chain_frame([]), schema.CHAIN)) == 0


@pytest.mark.parametrize(
    ("quoted", "read"),
    [
        ({"bid_price": "0.000000", "ask_price": "0.000000"}, (None, None)),
        ({"bid_price": "0.000000", "ask_price": "0.050000"}, (0.0, 0.05)),
        ({"bid_price": "0.050000", "ask_price": "0.000000"}, (0.05, None)),
        ({"bid_price": "0.000000", "ask_price": ...}, (None, None)),
        ({"bid_price": None, "ask_price": "0.050000"}, (None, 0.05)),
        ({"bid_price": ..., "ask_price": ...}, (None, None)),
        ({"bid_price": "-1", "ask_price": "-999.0"}, (None, None)),
        ({"bid_price": "NaN", "ask_price": "nan"}, (None, None)),
        ({"bid_price": "2.0", "ask_price": "1.0"}, (2.0, 1.0)),
        ({"bid_price": 1.5, "ask_price": 2}, (1.5, 2.0)),
    ],
)
def test_a_zero_bid_is_a_fact_only_beside_an_ask(
    quoted: dict[str, Any], read: tuple[float | None, float | None]
) -> None:
    contract = only(**quoted)
    assert (known(contract["bid"]), known(contract["ask"])) == read


@pytest.mark.parametrize("key", ["volume", "open_interest", "last_trade_price", "implied_volatility", "updated_at"])
@pytest.mark.parametrize("missing", [..., None, ""])
def test_a_missing_value_is_unknown_and_never_zero(key: str, missing: Any) -> None:
    column = {"last_trade_price": "last", "implied_volatility": "vendor_iv", "updated_at": "quote_time"}.get(key, key)
    assert pd.isna(only(**{key: missing})[column])


def test_zero_volume_and_open_interest_are_facts_and_zero_prices_and_volatilities_are_none() -> None:
    contract = only(volume=0, open_interest="0", last_trade_price="0.000000", implied_volatility="0.000000")
    assert (contract["volume"], contract["open_interest"]) == (0, 0)
    assert (known(contract["last"]), known(contract["vendor_iv"])) == (None, None)


def test_a_quote_of_the_future_has_no_known_time() -> None:
    assert only(updated_at="2026-11-20T17:30:01Z")["quote_time"] is pd.NaT


def test_older_rows_name_their_instrument_by_its_address() -> None:
    contract = only(instrument_id=..., occ_symbol=...)
    assert contract["occ_symbol"] == "AAPL261218P00240000"


def test_the_code_tells_an_adjusted_root() -> None:
    contract = only(occ_symbol="AAPL1 261218P00240000")
    assert (contract["root"], contract["occ_symbol"]) == ("AAPL1", "AAPL1261218P00240000")
    assert bool(contract["adjusted"])


@pytest.mark.parametrize("nothing", [[], [None], [None, None], [{}], ["c240"], [row(instrument_id=..., instrument=7)]])
def test_what_robinhood_leaves_out_is_counted(nothing: list[Any]) -> None:
    assert reasons([listed()], nothing) == {"no_market_data": 1}
    assert reasons([listed(), listed(250.0)], [row(), *nothing]) == {"no_market_data": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bid_price": "a lot"}, "bad_bid_price"),
        ({"ask_price": []}, "bad_ask_price"),
        ({"last_trade_price": True}, "bad_last_trade_price"),
        ({"implied_volatility": {}}, "bad_implied_volatility"),
        ({"volume": 1.5}, "bad_volume"),
        ({"open_interest": "some"}, "bad_open_interest"),
        ({"occ_symbol": "AAPL"}, "occ_symbol"),
        ({"occ_symbol": 7}, "occ_symbol"),
        ({"occ_symbol": "MSFT  261218P00240000"}, "occ_symbol_mismatch"),
        ({"occ_symbol": "AAPL  261218C00240000"}, "occ_symbol_mismatch"),
        ({"occ_symbol": "AAPL  261218P00250000"}, "occ_symbol_mismatch"),
        ({"occ_symbol": "AAPL  261224P00240000"}, "occ_symbol_mismatch"),
    ],
)
def test_wrong_types_and_contradictions_are_counted(changes: dict[str, Any], reason: str) -> None:
    assert reasons([listed()], [row(**changes)]) == {reason: 1}


def test_duplicates_are_counted_and_the_first_stays() -> None:
    twice = [row(), row(bid_price="1.000000")]
    quoted, unreadable = quoted_contracts([listed()], twice, until=NOW)
    assert dict(unreadable) == {"duplicate_market_data": 1}
    assert quoted[0].numbers[0] == 1.85
    assert reasons([listed(), listed()], [row()]) == {"duplicate": 1}
    assert reasons([listed(), listed(instrument_id="other")], [row(), row(instrument_id="other")]) == {"duplicate": 1}


def test_market_data_nobody_asked_for_are_counted() -> None:
    assert reasons([listed()], [row(), row(instrument_id="foreign")]) == {"market_data_not_asked_for": 1}


@pytest.mark.parametrize("body", [None, [], {}, {"results": None}, {"results": {"c240": ROW}}])
def test_market_data_of_another_shape_are_refused(body: object) -> None:
    with pytest.raises(PayloadError):
        read_market_data(body)


def quote(**changes: Any) -> UnderlyingQuote:
    body = {key: value for key, value in {**QUOTE, **changes}.items() if value is not ...}
    return underlying_quote(body, symbol="AAPL", until=NOW)


def test_the_underlying_in_session() -> None:
    assert quote() == UnderlyingQuote(
        bid=239.99,
        ask=240.01,
        last=240.0,
        quote_time=datetime(2026, 11, 20, 17, 29, 59, tzinfo=UTC),
        last_time=datetime(2026, 11, 20, 17, 29, 57, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"last_extended_hours_trade_price": "241.000000"},
        {"updated_at": "2026-11-20T14:29:59Z"},
        {"updated_at": "2026-11-19T21:00:01Z"},
        {"updated_at": "2026-11-15T16:00:00Z"},
        {"updated_at": ...},
        {"updated_at": "2026-11-20T17:31:00Z"},
    ],
    ids=["extended trade", "before the open", "after the close", "Sunday", "no time", "future"],
)
def test_outside_the_session_only_the_last_regular_trade_counts(changes: dict[str, Any]) -> None:
    read = quote(**changes)
    assert (read.bid, read.ask, read.quote_time) == (None, None, None)
    assert (read.last, read.last_time) == (240.0, datetime(2026, 11, 20, 17, 29, 57, tzinfo=UTC))


@pytest.mark.parametrize("at", ["2026-11-20T14:30:00Z", "2026-11-19T21:00:00Z", "2026-07-06T13:30:00Z"])
def test_the_session_begins_and_ends_in_new_york(at: str) -> None:
    assert quote(updated_at=at).bid == 239.99


def test_unknown_prices_of_the_underlying() -> None:
    read = quote(bid_price="0.000000", ask_price=None, last_trade_price="NaN")
    assert (read.bid, read.ask, read.last, read.last_time) == (None, None, None, None)
    assert quote(venue_last_trade_time=...).last_time is None


@pytest.mark.parametrize("body", [{**QUOTE, "symbol": "MSFT"}, {}, [QUOTE], None])
def test_anothers_quote_is_refused(body: object) -> None:
    with pytest.raises(PayloadError):
        underlying_quote(body, symbol="AAPL", until=NOW)
