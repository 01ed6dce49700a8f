"""How many requests a chain makes, in what order, through which gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from scanner.errors import InputError, NoOptionsError, SymbolNotFoundError
from scanner.sources.base import Capabilities, nearest_only
from tests.integration.sources.polygon_chains import (
    EXPIRATIONS,
    NOW,
    QUOTED_AT,
    SPOT,
    VALUES,
    CountingGate,
    answers,
    codes,
    source,
    wide,
)
from tests.vendors.fixtures import EnterInternet
from tests.vendors.internet import FakeInternet
from tests.vendors.polygon import API_KEY, LISTED, SNAPSHOTS, TICKERS, PolygonServer
from tests.vendors.polygon_payloads import DEVELOPER, STARTER, Plan

SYMBOLS = tuple(f"A{letter}" for letter in "ABCDEFGHIJKLMNOP")


def all_of(listed: Sequence[date]) -> Sequence[date]:
    return listed


def outer(listed: Sequence[date]) -> Sequence[date]:
    """The first and the last."""
    return [listed[-1], listed[0], listed[0]]


def enter(enter_internet: EnterInternet, contracts: int, *tickers: str) -> FakeInternet:
    """Symbols with this many contracts in each of three expirations."""
    return enter_internet(PolygonServer(answers(*(tickers or ("AAPL",)), strikes=wide(contracts))).servers)


@pytest.mark.parametrize(
    ("contracts", "choose", "snapshot_calls", "delivered"),
    [
        (6, nearest_only, 1, 1),
        (6, all_of, 1, 3),
        (6, outer, 1, 3),
        (6, lambda listed: (), 0, 0),
        (80, all_of, 1, 3),
        (100, all_of, 2, 3),
        (120, outer, 2, 2),
        (240, nearest_only, 1, 1),
        (240, all_of, 3, 3),
        (252, nearest_only, 2, 1),
        (300, all_of, 4, 3),
        (620, all_of, 9, 3),
        (620, outer, 6, 2),
    ],
)
def test_calls_of_a_chain(
    enter_internet: EnterInternet,
    contracts: int,
    choose: Callable[[Sequence[date]], Sequence[date]],
    snapshot_calls: int,
    delivered: int,
) -> None:
    internet, gate = enter(enter_internet, contracts), CountingGate()
    answer = source(gate=gate).chain("AAPL", choose)
    assert [internet.count(pattern) for pattern in (LISTED, SNAPSHOTS, TICKERS)] == [1, snapshot_calls, 0]
    assert gate.calls == ["AAPL"] * internet.count()
    assert (len(answer.contracts), answer.unreadable) == (contracts * delivered, {})
    assert answer.missing_expirations == ()


@pytest.mark.parametrize(("contracts", "calls"), [(600, 1), (668, 2), (1400, 3)])
def test_the_listing_costs_a_call_for_every_1000_call_options(
    enter_internet: EnterInternet, contracts: int, calls: int
) -> None:
    internet = enter(enter_internet, contracts)
    assert source().chain("AAPL", lambda listed: ()).listed_expirations == EXPIRATIONS
    assert internet.count(LISTED) == internet.count() == calls


def test_expirations_that_came_along_unasked_are_kept(enter_internet: EnterInternet) -> None:
    enter(enter_internet, 6)
    answer = source().chain("AAPL", outer)
    assert {day.date() for day in answer.contracts["expiration"]} == set(EXPIRATIONS)


@pytest.mark.parametrize("named", ["api.polygon.io", "api.massive.com"])
def test_pages_are_followed_at_the_host_that_was_asked(enter_internet: EnterInternet, named: str) -> None:
    internet = enter_internet(PolygonServer(answers("AAPL", strikes=wide(620)), named=named).servers)
    answer = source().chain("AAPL", nearest_only)
    assert (len(answer.contracts), internet.count(SNAPSHOTS)) == (620, 3)
    assert answer.contracts["occ_symbol"].is_unique
    assert internet.refused == []


def test_every_request_carries_the_key_in_its_header_alone(enter_internet: EnterInternet) -> None:
    internet = enter(enter_internet, 620)
    source().chain("AAPL", all_of)
    assert {request.headers["authorization"] for request in internet.requests} == {f"Bearer {API_KEY}"}
    assert not [
        request for request in internet.requests if API_KEY in request.target or "apikey" in str(request).lower()
    ]


def test_a_key_in_the_address_of_the_next_page_is_left_out(enter_internet: EnterInternet) -> None:
    class Echoing(PolygonServer):
        def __call__(self, request):  # type: ignore[no-untyped-def]
            response = super().__call__(request)
            body = response.body.replace(b"?cursor=", f"?apiKey={API_KEY}&cursor=".encode())
            return type(response)(response.status, body, response.headers)

    internet = enter_internet(Echoing(answers("AAPL", strikes=wide(620))).servers)
    assert len(source().chain("AAPL", nearest_only).contracts) == 620
    assert not [request for request in internet.requests if API_KEY in request.target]


def test_the_answer_in_our_terms(enter_internet: EnterInternet) -> None:
    enter(enter_internet, 6)
    answer = source().chain("AAPL", all_of)
    assert (answer.symbol, answer.source, answer.mode.value) == ("AAPL", "polygon", "live")
    assert answer.listed_expirations == EXPIRATIONS
    assert (answer.fetched_at, answer.answer_time) == (NOW, QUOTED_AT)
    assert answer.underlying == SPOT
    assert set(answer.contracts["quote_time"]) == {QUOTED_AT}
    assert (answer.unreadable, answer.notes) == ({}, {})


def test_class_shares_keep_their_dot(enter_internet: EnterInternet) -> None:
    internet = enter(enter_internet, 6, "BRK.B")
    for asked in ("BRK.B", "brk-b"):
        answer = source().chain(asked, nearest_only)
        assert answer.symbol == asked
        assert set(answer.contracts["root"]) == {"BRKB"}
        assert not answer.contracts["adjusted"].any()
    assert internet.count(r"underlying_ticker=BRK\.B&") == internet.count(r"/v3/snapshot/options/BRK\.B\?") == 2


def test_an_index_has_a_prefix_where_market_data_are_meant(enter_internet: EnterInternet) -> None:
    book = answers("I:SPX")
    book.add("I:SPX", SPOT, codes("SPXW", EXPIRATIONS[0]), VALUES)
    internet = enter_internet(PolygonServer(book).servers)
    for asked in ("SPX", "^SPX"):
        answer = source().chain(asked, nearest_only)
        assert set(answer.contracts["root"]) == {"SPX", "SPXW"}
        assert not answer.contracts["adjusted"].any()
        assert answer.underlying == SPOT
    assert internet.count("underlying_ticker=SPX&") == internet.count("/v3/snapshot/options/I:SPX") == 2


@pytest.mark.parametrize(
    ("plan", "capabilities", "unknown"),
    [
        (Plan(), Capabilities(True, True, True, 0.0), []),
        (Plan(delayed=True), Capabilities(True, True, True, 900.0), []),
        (DEVELOPER, Capabilities(False, True, True, 900.0, bid_ask=False), ["bid", "ask", "quote_time"]),
        (STARTER, Capabilities(False, True, True, None, bid_ask=False), ["bid", "ask", "quote_time"]),
    ],
    ids=["everything", "delayed", "developer", "starter"],
)
def test_what_the_plan_does_not_include_is_unknown_and_said(
    enter_internet: EnterInternet, plan: Plan, capabilities: Capabilities, unknown: list[str]
) -> None:
    enter_internet(PolygonServer(answers("AAPL"), plan).servers)
    polygon = source()
    assert polygon.capabilities == Capabilities(True, True, True, None)
    contracts = polygon.chain("AAPL", all_of).contracts
    assert contracts.columns[contracts.isna().all()].tolist() == unknown
    assert contracts.columns[contracts.isna().any()].tolist() == unknown
    assert polygon.capabilities == capabilities


def test_a_plan_without_stock_prices_leaves_the_spot_unknown(enter_internet: EnterInternet) -> None:
    enter_internet(PolygonServer(answers("AAPL"), Plan(spot=False)).servers)
    answer = source().chain("AAPL", all_of)
    assert (answer.underlying.last, answer.answer_time, answer.notes) == (None, None, {})


def test_an_unknown_symbol_and_one_without_options_cost_a_call_to_tell(enter_internet: EnterInternet) -> None:
    book = answers("AAPL")
    book.known.add("BARE")
    internet = enter_internet(PolygonServer(book).servers)
    with pytest.raises(SymbolNotFoundError):
        source().chain("ZZTOP", nearest_only)
    with pytest.raises(NoOptionsError):
        source().chain("BARE", nearest_only)
    assert [internet.count(pattern) for pattern in (LISTED, SNAPSHOTS, TICKERS)] == [2, 0, 2]


def test_sixteen_threads_get_their_own_answers(enter_internet: EnterInternet) -> None:
    internet = enter(enter_internet, 6, *SYMBOLS)
    polygon = source()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda symbol: polygon.chain(symbol, all_of), SYMBOLS * 2))
    assert [answer.symbol for answer in found] == list(SYMBOLS * 2)
    for answer in found:
        expected = {code for day in EXPIRATIONS for code in codes(answer.symbol, day, wide(6))}
        assert set(answer.contracts["occ_symbol"]) == expected
    assert internet.count() == 2 * 2 * len(SYMBOLS)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_the_time_limit_must_be_positive(seconds: float) -> None:
    with pytest.raises(InputError, match="time limit"):
        source(timeout_seconds=seconds)


def test_making_a_source_calls_nobody(enter_internet: EnterInternet) -> None:
    internet = enter(enter_internet, 6)
    source()
    assert internet.count() == 0
