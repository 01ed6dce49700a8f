"""Polygon's own mocks and examples. Expectations are the raw files' values, times converted by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from scanner import schema
from scanner.model import UnderlyingQuote
from scanner.sources.base import Capabilities
from scanner.sources.polygon.batches import DateRange
from scanner.sources.polygon.contracts import Question
from scanner.sources.polygon.listing import Listing, read_listing
from scanner.sources.polygon.quotes import chain_frame, quoted_contracts, seen_capabilities
from scanner.sources.polygon.underlying import underlying_quote
from tests.reference.shared_data import shared_path

FETCHED = datetime(2022, 4, 29, 17, 45, tzinfo=UTC)
EXPIRATION = date(2023, 6, 16)
QUESTION = Question("AAPL", "AAPL", DateRange(EXPIRATION, EXPIRATION))
LISTING = Listing({EXPIRATION: 2}, frozenset(), 0)


def recorded(name: str) -> Any:
    return json.loads(shared_path(f"polygon/{name}").read_text(encoding="utf-8"))


@pytest.fixture(params=["snapshot/options/AAPL.json", "snapshot/options/AAPL/O;AAPL230616C00150000.json"])
def rows(request: pytest.FixtureRequest) -> list[Any]:
    results = recorded(f"mocks/v3/{request.param}")["results"]
    return results if isinstance(results, list) else [results]


def test_the_snapshot_of_an_option(rows: list[Any]) -> None:
    """Its last trade is of 2023, a year after its quote: as a time after the answer it says nothing of the session."""
    quoted, unreadable = quoted_contracts([(QUESTION, rows)], LISTING, until=FETCHED)
    assert unreadable == {}
    frame, notes = chain_frame(quoted)
    assert notes == {}
    row = schema.validate(frame, schema.CHAIN).iloc[0]
    assert row["occ_symbol"] == "AAPL230616C00150000"
    assert (row["bid"], row["ask"], row["last"]) == (28.9, 29.25, 29.25)
    assert (row["volume"], row["open_interest"], row["vendor_iv"]) == (8, 8133, 0.3570277203465058)
    assert (row["multiplier"], row["adjusted"]) == (100, False)
    assert row["quote_time"] == datetime(2022, 4, 29, 17, 44, 20, 800059, UTC)
    assert seen_capabilities(quoted) == Capabilities(True, True, True, 0.0)


def test_the_underlying_of_an_option(rows: list[Any]) -> None:
    expected = UnderlyingQuote(last=159.9606, last_time=datetime(2022, 4, 29, 17, 44, 23, 172073, UTC))
    assert underlying_quote(rows, is_index=False, until=FETCHED) == (expected, {})


def test_two_pages_of_listed_contracts() -> None:
    pages = ("contracts.json", "contracts&cursor=YXA9JTdCJTIySUQlMjIlM0ElMjIy.json")
    rows = [row for page in pages for row in recorded(f"mocks/v3/reference/options/{page}")["results"]]
    listing = read_listing(rows, "A")
    assert listing == Listing({date(2022, 5, 20): 40}, frozenset(), 0)


def test_the_documentations_example_contradicts_itself() -> None:
    """Its ticker has a strike of nine digits, and another date than its details."""
    path = "/v3/snapshot/options/{underlyingAsset}"
    response = recorded("openapi_rest.json")["paths"][path]["get"]["responses"]["200"]
    rows = response["content"]["application/json"]["example"]["results"]
    quoted, unreadable = quoted_contracts([(QUESTION, rows)], LISTING, until=FETCHED)
    assert (quoted, unreadable) == ([], {"bad_ticker": 1})


def test_the_documentations_adjusted_contract() -> None:
    response = recorded("openapi_rest.json")["paths"]["/v3/reference/options/contracts"]["get"]["responses"]["200"]
    rows = response["content"]["application/json"]["example"]["results"]
    listing = read_listing(rows, "AAPL")
    assert listing.sizes == {date(2021, 11, 19): 4}
    assert listing.adjusted == {("AAPL", date(2021, 11, 19), 90.0)}


def test_the_documentation_still_says_what_we_build_on() -> None:
    paths = recorded("openapi_rest.json")["paths"]
    for path, limit, names in (
        ("/v3/snapshot/options/{underlyingAsset}", 250, {"expiration_date.gte", "expiration_date.lte"}),
        ("/v3/reference/options/contracts", 1000, {"underlying_ticker", "contract_type", "sort", "order"}),
    ):
        parameters = {one["name"]: one for one in paths[path]["get"]["parameters"]}
        assert parameters["limit"]["schema"]["maximum"] == limit
        assert names <= set(parameters)
    assert "/v3/reference/tickers/{ticker}" in paths


def test_times_are_exact_where_floats_are_not(rows: list[Any]) -> None:
    stamp = rows[0]["last_quote"]["last_updated"]
    assert pd.Timestamp(stamp, tz="UTC").floor("us") == datetime(2022, 4, 29, 17, 44, 20, 800059, UTC)
