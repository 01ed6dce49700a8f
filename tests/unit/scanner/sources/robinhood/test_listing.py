from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scanner.model import OptionType
from scanner.sources.payload import PayloadError
from scanner.sources.robinhood.listing import (
    Listing,
    Stock,
    UnreadableError,
    is_of_root,
    read_contract,
    read_listing,
    read_page,
    read_stock,
)
from scanner.symbols import Contract

EXPIRATION = date(2026, 12, 18)
STOCK = {"id": "stock-1", "symbol": "AAPL", "state": "active", "tradable_chain_id": "chain-1"}
CHAIN = {
    "id": "chain-1",
    "symbol": "AAPL",
    "cash_component": None,
    "expiration_dates": ["2026-12-18", "2026-11-27", "2026-12-18"],
    "trade_value_multiplier": "100.0000",
    "underlying_instruments": [{"id": "stock-1", "quantity": 100}],
}
CONTRACT = {
    "id": "contract-1",
    "chain_id": "chain-1",
    "chain_symbol": "AAPL",
    "expiration_date": "2026-12-18",
    "strike_price": "240.0000",
    "type": "put",
}


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The body with some keys changed; `...` takes a key away."""
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}


def stocks(*rows: Any) -> dict[str, Any]:
    return {"next": None, "previous": None, "results": list(rows)}


def listing(**changes: Any) -> Listing:
    return read_listing(changed(CHAIN, **changes), chain_id="chain-1", root="AAPL")


def test_the_stock_names_its_chain() -> None:
    assert read_stock(stocks(STOCK), "AAPL") == Stock("stock-1", "chain-1")


def test_a_stock_without_a_chain_has_no_options() -> None:
    assert read_stock(stocks(changed(STOCK, tradable_chain_id=None)), "AAPL") == Stock("stock-1", None)


def test_of_several_the_active_one_counts() -> None:
    old = changed(STOCK, id="stock-0", state="inactive", tradable_chain_id=None)
    other = changed(STOCK, id="stock-2", symbol="AAPLW")
    assert read_stock(stocks(old, other, STOCK), "AAPL") == Stock("stock-1", "chain-1")
    assert read_stock(stocks(old), "AAPL") == Stock("stock-0", None)


def test_no_result_is_an_unknown_symbol() -> None:
    assert read_stock(stocks(), "ZZTOP") is None


@pytest.mark.parametrize(
    "body",
    [
        stocks(changed(STOCK, symbol="MSFT"), changed(STOCK, symbol="KO")),
        stocks(changed(STOCK, tradable_chain_id=...)),
        stocks(changed(STOCK, tradable_chain_id=7)),
        stocks(changed(STOCK, tradable_chain_id="")),
        stocks(changed(STOCK, id=...)),
        stocks("AAPL"),
        {"results": {"AAPL": STOCK}},
        {"next": None},
        [STOCK],
        None,
    ],
)
def test_other_instruments_and_other_shapes_are_refused(body: object) -> None:
    with pytest.raises(PayloadError):
        read_stock(body, "AAPL")


def test_a_chain_lists_its_expirations_once_in_order() -> None:
    read = listing()
    assert read.expirations == (date(2026, 11, 27), date(2026, 12, 18))
    assert (read.chain_id, read.chain_symbol, read.root) == ("chain-1", "AAPL", "AAPL")
    assert (read.multiplier, read.adjusted) == (100, False)


@pytest.mark.parametrize(
    ("changes", "multiplier", "adjusted"),
    [
        ({"trade_value_multiplier": "150.0000"}, 150, True),
        ({"trade_value_multiplier": "10.0000"}, 10, True),
        ({"trade_value_multiplier": ...}, 100, False),
        ({"cash_component": "12.50"}, 100, True),
        ({"cash_component": "0.00"}, 100, False),
        ({"cash_component": ...}, 100, False),
        ({"underlying_instruments": ...}, 100, False),
        ({"underlying_instruments": [{"id": "stock-1"}]}, 100, False),
        ({"underlying_instruments": [{"id": "stock-1", "quantity": "100.0"}]}, 100, False),
        ({"underlying_instruments": [{"id": "stock-1", "quantity": 33}]}, 100, True),
        ({"underlying_instruments": [{"quantity": 100}, {"quantity": 5}]}, 100, True),
        ({"underlying_instruments": []}, 100, True),
        ({"symbol": "AAPL1"}, 100, True),
    ],
)
def test_whatever_is_not_a_hundred_shares_is_adjusted(changes: dict[str, Any], multiplier: int, adjusted: bool) -> None:
    read = listing(**changes)
    assert (read.multiplier, read.adjusted) == (multiplier, adjusted)
    one = read_contract(changed(CONTRACT, chain_symbol=read.chain_symbol), read, EXPIRATION)
    assert (one.multiplier, one.adjusted) == (multiplier, adjusted)


def test_a_contract_may_have_a_size_of_its_own() -> None:
    one = read_contract(changed(CONTRACT, trade_value_multiplier="150.0000"), listing(), EXPIRATION)
    assert (one.multiplier, one.adjusted) == (150, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "chain-2"},
        {"id": ...},
        {"symbol": "MSFT"},
        {"symbol": None},
        {"expiration_dates": ...},
        {"expiration_dates": "2026-12-18"},
        {"expiration_dates": ["18/12/2026"]},
        {"expiration_dates": [20261218]},
        {"trade_value_multiplier": "many"},
        {"trade_value_multiplier": "0.5"},
        {"trade_value_multiplier": "0"},
        {"cash_component": []},
        {"underlying_instruments": ["stock-1"]},
        {"underlying_instruments": 7},
    ],
)
def test_another_chain_and_other_shapes_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        listing(**changes)


@pytest.mark.parametrize(
    ("name", "root", "belongs"),
    [
        ("AAPL", "AAPL", True),
        ("AAPL1", "AAPL", True),
        ("BRK.B", "BRKB", True),
        ("BRKB", "BRKB", True),
        ("BRKB2", "BRKB", True),
        ("AAP", "AAPL", False),
        ("AAPLX", "AAPL", False),
        ("", "AAPL", False),
        ("1", "AAPL", False),
    ],
)
def test_whose_contracts_they_are(name: str, root: str, belongs: bool) -> None:
    assert is_of_root(name, root) is belongs


def test_a_page_and_where_the_next_one_is() -> None:
    url = "https://api.robinhood.com/options/instruments/?cursor=abc"
    assert read_page({"results": [CONTRACT], "next": url}, listing()) == ([CONTRACT], url)
    assert read_page({"results": [], "next": None}, listing()) == ([], None)


@pytest.mark.parametrize(
    "body",
    [
        {"results": [CONTRACT, changed(CONTRACT, chain_symbol="MSFT")], "next": None},
        {"results": [changed(CONTRACT, chain_id="chain-2")], "next": None},
        {"results": [CONTRACT]},
        {"results": [CONTRACT], "next": 7},
        {"results": [CONTRACT], "next": ""},
        {"results": None, "next": None},
        {"next": None},
        [],
    ],
)
def test_everybodys_contracts_and_pages_without_an_end_are_refused(body: object) -> None:
    with pytest.raises(PayloadError):
        read_page(body, listing())


def test_a_contract() -> None:
    one = read_contract(CONTRACT, listing(), EXPIRATION)
    assert one.instrument_id == "contract-1"
    assert one.contract == Contract("AAPL", EXPIRATION, OptionType.PUT, 240.0)
    assert one.contract.occ == "AAPL261218P00240000"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": ...}, "id"),
        ({"id": 7}, "id"),
        ({"chain_symbol": ...}, "chain_symbol"),
        ({"expiration_date": ...}, "expiration_date"),
        ({"expiration_date": "soon"}, "expiration_date"),
        ({"expiration_date": "2026-12-24"}, "expiration_mismatch"),
        ({"type": "straddle"}, "type"),
        ({"type": ...}, "type"),
        ({"type": ["put"]}, "type"),
        ({"strike_price": ...}, "strike_price"),
        ({"strike_price": "0.0000"}, "strike_price"),
        ({"strike_price": "-5"}, "strike_price"),
        ({"strike_price": "NaN"}, "strike_price"),
        ({"strike_price": "240.00001"}, "strike_price"),
        ({"strike_price": "1000000"}, "strike_price"),
        ({"strike_price": {}}, "strike_price"),
        ({"trade_value_multiplier": "half"}, "trade_value_multiplier"),
    ],
)
def test_an_unreadable_contract_has_a_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_contract(changed(CONTRACT, **changes), listing(), EXPIRATION)
    assert str(caught.value) == reason


@pytest.mark.parametrize("row", [None, "contract", 7, [CONTRACT]])
def test_what_is_no_object_is_no_contract(row: object) -> None:
    with pytest.raises(UnreadableError, match="not_an_object"):
        read_contract(row, listing(), EXPIRATION)
