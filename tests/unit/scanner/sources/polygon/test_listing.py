from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scanner.errors import SymbolError
from scanner.model import OptionType
from scanner.sources.payload import PayloadError
from scanner.sources.polygon.listing import contract_of, read_listing, same_underlying
from scanner.symbols import Contract
from tests.vendors.polygon_payloads import listed_row

NEAR, FAR = date(2026, 11, 27), date(2026, 12, 18)


def row(code: str = "AAPL261127C00240000", **changes: Any) -> dict[str, Any]:
    """A listed call with some keys changed; `...` takes a key away."""
    return {key: value for key, value in {**listed_row("AAPL", code), **changes}.items() if value is not ...}


def test_every_call_stands_for_itself_and_its_put() -> None:
    listing = read_listing([row("AAPL261218C00240000"), row(), row("AAPL261127C00245000")], "AAPL")
    assert listing.expirations == (NEAR, FAR)
    assert listing.sizes == {NEAR: 4, FAR: 2}
    assert (listing.adjusted, listing.unreadable) == (frozenset(), 0)


def test_nothing_listed() -> None:
    assert read_listing([], "AAPL").expirations == ()


def test_contracts_that_deliver_something_else_are_marked() -> None:
    deliverables = [{"amount": 44, "type": "equity", "underlying": "VMW"}, {"amount": 6.53, "type": "currency"}]
    rows = [row(additional_underlyings=deliverables), row("AAPL261127C00245000", additional_underlyings=[])]
    assert read_listing(rows, "AAPL").adjusted == {("AAPL", NEAR, 240.0)}


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        "O:AAPL261127C00240000",
        row(ticker=...),
        row(ticker=17),
        row(ticker="O:AAPL211022C000150000"),
        row(expiration_date=...),
        row(expiration_date="2026-12-18"),
        row(expiration_date="soon"),
    ],
)
def test_a_contract_that_cannot_be_identified_is_counted(wrong: Any) -> None:
    listing = read_listing([wrong, row()], "AAPL")
    assert (listing.sizes, listing.unreadable) == ({NEAR: 2}, 1)


def test_everybodys_contracts_are_refused() -> None:
    """What Polygon answers to a filter it did not understand."""
    with pytest.raises(PayloadError, match="another underlying"):
        read_listing([row(), row("AMZN261127C00240000", underlying_ticker="AMZN")], "AAPL")


@pytest.mark.parametrize(
    ("named", "asked", "same"),
    [
        ("AAPL", "AAPL", True),
        ("AMZN", "AAPL", False),
        ("BRK.B", "BRK.B", True),
        ("BRK/B", "BRK.B", True),
        ("BRK.A", "BRK.B", False),
        ("I:SPX", "I:SPX", True),
        ("SPX", "I:SPX", True),
        ("I:SPX", "SPX", True),
        ("I:NDX", "I:SPX", False),
        (None, "AAPL", True),
        (17, "AAPL", True),
    ],
)
def test_the_spellings_of_an_underlying(named: object, asked: str, same: bool) -> None:
    assert same_underlying(named, asked) is same


def test_tickers_are_occ_codes_with_a_prefix() -> None:
    expected = Contract("SPXW", date(2023, 7, 12), OptionType.CALL, 4500.0)
    assert contract_of("O:SPXW230712C04500000") == expected
    for wrong in ("", "O:", "AAPL", "I:SPX", None, 4500):
        with pytest.raises(SymbolError):
            contract_of(wrong)
