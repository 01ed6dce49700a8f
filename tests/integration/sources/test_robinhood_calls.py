"""How many requests a chain makes, in what order, through which gate."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from scanner.errors import InputError
from scanner.sources.base import nearest_only
from tests.integration.sources.robinhood_chains import (
    EXPIRATIONS,
    NOW,
    QUOTE,
    QUOTED_AT,
    CountingGate,
    answers,
    codes,
    source,
)
from tests.vendors.fixtures import EnterInternet
from tests.vendors.internet import FakeInternet
from tests.vendors.robinhood import CHAIN, CONTRACTS, DATA, INSTRUMENTS, LOGIN, MARKET_DATA, RobinhoodServer
from tests.vendors.robinhood import QUOTE as QUOTES

SYMBOLS = tuple(f"A{letter}" for letter in "ABCDEFGHIJKLMNOP")


def all_of(listed: Sequence[date]) -> Sequence[date]:
    return listed


def wide(enter_internet: EnterInternet, contracts: int) -> FakeInternet:
    """AAPL with this many contracts in each expiration."""
    return enter_internet(RobinhoodServer(answers("AAPL", strikes=tuple(range(50, 50 + contracts // 2)))).servers)


def test_120_contracts_cost_seven_calls(enter_internet: EnterInternet) -> None:
    internet, gate = wide(enter_internet, 120), CountingGate()
    answer = source(gate=gate).chain("AAPL", nearest_only)
    assert (len(answer.contracts), answer.unreadable, answer.missing_expirations) == (120, {}, ())
    patterns = (INSTRUMENTS, CHAIN, QUOTES, CONTRACTS, MARKET_DATA)
    assert [internet.count(pattern) for pattern in patterns] == [1, 1, 1, 2, 2]
    assert internet.count(DATA) == len(gate.calls) == 7
    assert (internet.count(LOGIN), gate.turns) == (1, 1)


@pytest.mark.parametrize(
    ("batch_size", "calls"), [(1, 120), (17, 8), (40, 3), (59, 3), (60, 2), (119, 2), (120, 1), (1000, 1)]
)
def test_the_batch_size_is_a_setting(enter_internet: EnterInternet, batch_size: int, calls: int) -> None:
    internet = wide(enter_internet, 120)
    answer = source(batch_size=batch_size).chain("AAPL", nearest_only)
    assert len(answer.contracts) == 120
    assert internet.count(MARKET_DATA) == calls
    asked = [request.query["ids"].split(",") for request in internet.requests if "marketdata/options" in str(request)]
    assert max(map(len, asked)) <= batch_size
    assert len({one for batch in asked for one in batch}) == sum(map(len, asked)) == 120


@pytest.mark.parametrize(("contracts", "pages"), [(100, 1), (102, 2), (200, 2), (202, 3)])
def test_pages_are_followed_to_the_end(enter_internet: EnterInternet, contracts: int, pages: int) -> None:
    internet = wide(enter_internet, contracts)
    assert len(source().chain("AAPL", nearest_only).contracts) == contracts
    assert internet.count(CONTRACTS) == pages


@pytest.mark.parametrize(
    ("choose", "chosen"),
    [
        (all_of, 3),
        (nearest_only, 1),
        (lambda listed: [listed[2], listed[2]], 1),
        (lambda listed: (), 0),
    ],
)
def test_each_expiration_costs_two_calls_beside_three(
    enter_internet: EnterInternet, choose: Callable[[Sequence[date]], Sequence[date]], chosen: int
) -> None:
    internet = wide(enter_internet, 6)
    answer = source().chain("AAPL", choose)
    assert internet.count(DATA) == 3 + 2 * chosen
    assert (len(answer.contracts), answer.missing_expirations) == (6 * chosen, ())


def test_the_underlying_is_quoted_right_before_the_options(enter_internet: EnterInternet) -> None:
    internet = wide(enter_internet, 6)
    source().chain("AAPL", all_of)
    order = [kind for one in internet.requests if (kind := re.search(rf"{QUOTES}|{CONTRACTS}|{MARKET_DATA}", str(one)))]
    assert [kind[0] == "GET api.robinhood.com/marketdata/quotes/" for kind in order].index(True) == 3
    assert "marketdata/options" in order[4][0]


def test_every_request_of_data_carries_the_token_and_the_chain(enter_internet: EnterInternet) -> None:
    internet = wide(enter_internet, 6)
    source().chain("AAPL", all_of)
    data = [request for request in internet.requests if re.search(DATA, str(request))]
    assert {request.headers["authorization"] for request in data} == {"Bearer fake-access-token-1"}
    for request in data:
        if request.path == "/options/instruments/":
            assert {"chain_id", "chain_symbol", "expiration_dates", "state"} == set(request.query)


def test_the_answer_in_our_terms(enter_internet: EnterInternet) -> None:
    wide(enter_internet, 6)
    answer = source().chain("AAPL", all_of)
    assert (answer.symbol, answer.source, answer.mode.value) == ("AAPL", "robinhood", "live")
    assert answer.listed_expirations == EXPIRATIONS
    assert (answer.fetched_at, answer.answer_time) == (NOW, QUOTED_AT)
    assert answer.underlying == QUOTE
    assert set(answer.contracts["quote_time"]) == {QUOTED_AT}


def test_class_shares_have_a_dot_in_their_name_and_none_in_their_root(enter_internet: EnterInternet) -> None:
    internet = enter_internet(RobinhoodServer(answers("BRK.B")).servers)
    for asked in ("BRK.B", "brk-b"):
        answer = source().chain(asked, nearest_only)
        assert answer.symbol == asked
        assert set(answer.contracts["root"]) == {"BRKB"}
        assert not answer.contracts["adjusted"].any()
    assert internet.count(rf"{INSTRUMENTS}\?symbol=BRK\.B$") == 2


def test_a_chain_whose_answers_take_time_ends_with_its_last(enter_internet: EnterInternet) -> None:
    """Quotes may be newer than the first answer, never newer than the last."""
    book = answers("AAPL")
    later = QUOTED_AT + timedelta(seconds=50)
    for row in book.quoted.values():
        row["updated_at"] = later.isoformat()
    enter_internet(RobinhoodServer(book).servers)
    ticks = iter(range(10_000))
    clock: Any = lambda: NOW + timedelta(seconds=30 * next(ticks))  # noqa: E731 a clock that runs
    answer = source(clock=clock).chain("AAPL", nearest_only)
    assert set(answer.contracts["quote_time"]) == {later}
    assert answer.fetched_at >= later


def test_sixteen_threads_get_their_own_answers(enter_internet: EnterInternet) -> None:
    internet = enter_internet(RobinhoodServer(answers(*SYMBOLS)).servers)
    robinhood = source()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda symbol: robinhood.chain(symbol, all_of), SYMBOLS * 2))
    assert [answer.symbol for answer in found] == list(SYMBOLS * 2)
    for answer in found:
        expected = {code for day in EXPIRATIONS for code in codes(answer.symbol, day)}
        assert set(answer.contracts["occ_symbol"]) == expected
    assert internet.count(LOGIN) == 1
    assert internet.count(DATA) == 9 * 2 * len(SYMBOLS)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_holds_something(batch_size: int) -> None:
    with pytest.raises(InputError, match="batch size"):
        source(batch_size=batch_size)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_the_time_limit_must_be_positive(seconds: float) -> None:
    with pytest.raises(InputError, match="time limit"):
        source(timeout_seconds=seconds)


def test_making_a_source_calls_nobody(enter_internet: EnterInternet) -> None:
    internet = wide(enter_internet, 6)
    source()
    assert internet.count() == 0
