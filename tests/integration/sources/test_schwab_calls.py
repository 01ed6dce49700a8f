"""How many requests the real client makes, what it asks for, and what it does where a chain is too wide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import pytest

from scanner.calendar import MarketCalendar
from scanner.errors import InputError, NoOptionsError, SymbolNotFoundError
from scanner.model import PremiumFilters
from scanner.premiums import PremiumScanner
from scanner.pricing.rates import RateCurve
from scanner.sources.base import nearest_only
from scanner.sources.schwab import STRIKE_STEPS
from scanner.sources.simulated import SimulatedSource
from scanner.symbols import DEFAULT_UNIVERSE
from tests.integration.sources.schwab_chains import (
    EXPIRATIONS,
    NOW,
    QUOTED_AT,
    answers,
    chain,
    logged_in,
    row,
    source,
    underlying,
)
from tests.vendors.fixtures import EnterInternet
from tests.vendors.internet import FakeInternet
from tests.vendors.schwab import CHAINS, TOKEN, SchwabServer
from tests.vendors.schwab_payloads import SourceAnswers, WrittenAnswers, chain_envelope, narrowed

Answer = TypeVar("Answer")
SYMBOLS = tuple(f"A{letter}" for letter in "ABCDEFGHIJKLMNOP")
STRIKES_IN_ORDER = tuple(range(1, 401))


def all_of(listed: Sequence[date]) -> Sequence[date]:
    return listed


@pytest.fixture
def internet(enter_internet: EnterInternet) -> FakeInternet:
    return enter_internet(SchwabServer(answers("AAPL", *SYMBOLS)).servers)


class CountingGate:
    """Lets everything through and counts what asks."""

    def __init__(self) -> None:
        self.calls: list[str | None] = []
        self.turns = 0

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:
        self.calls.append(symbol)
        return send()

    def turn(self) -> float:
        self.turns += 1
        return 0.0


@pytest.mark.parametrize("choose", [all_of, nearest_only, lambda listed: listed[1:], lambda listed: ()])
def test_one_call_for_any_choice(internet: FakeInternet, choose: Callable[[Sequence[date]], Sequence[date]]) -> None:
    answer = source().chain("AAPL", choose)
    assert len(internet.requests) == internet.count(CHAINS) == 1
    assert len(answer.contracts) == 18
    assert answer.missing_expirations == ()


def test_a_choice_that_is_not_listed_is_refused(internet: FakeInternet) -> None:
    with pytest.raises(InputError, match="2026-12-25"):
        source().chain("AAPL", lambda listed: [date(2026, 12, 25)])


def test_the_answer_in_our_terms(internet: FakeInternet) -> None:
    answer = source().chain("AAPL", all_of)
    assert (answer.symbol, answer.source, answer.mode.value) == ("AAPL", "schwab", "live")
    assert answer.listed_expirations == EXPIRATIONS
    assert (answer.fetched_at, answer.answer_time) == (NOW, QUOTED_AT)
    assert (answer.underlying.bid, answer.underlying.ask, answer.underlying.last) == (99.99, 100.01, 100.0)
    assert (answer.underlying.quote_time, answer.underlying.last_time) == (QUOTED_AT, QUOTED_AT)
    assert answer.unreadable == {}
    assert list(answer.contracts["strike"]) == [95.0, 100.0, 105.0] * 6


@pytest.mark.parametrize(("symbol", "vendor", "root"), [("BRK.B", "BRK/B", "BRKB"), ("SPX", "$SPX", "SPXW")])
def test_spelling_there_and_here(enter_internet: EnterInternet, symbol: str, vendor: str, root: str) -> None:
    internet = enter_internet(SchwabServer(WrittenAnswers({vendor: chain(vendor, root=root)})).servers)
    answer = source().chain(symbol, nearest_only)
    assert internet.requests[0].query["symbol"] == vendor
    assert answer.symbol == symbol
    assert set(answer.contracts["root"]) == {root}
    assert not answer.contracts["adjusted"].any()


def test_delayed_quotes_keep_their_own_times(enter_internet: EnterInternet) -> None:
    """What the flag says is in the times already."""
    earlier = QUOTED_AT - timedelta(minutes=15)
    stamp = int(earlier.timestamp() * 1000)
    rows = [row("AAPL", EXPIRATIONS[0], side, 100, quoteTimeInLong=stamp) for side in "CP"]
    quote = {**underlying("AAPL"), "delayed": True, "quoteTime": stamp, "tradeTime": stamp}
    body = {**chain_envelope("AAPL", underlying=quote, rows=rows), "isDelayed": True}
    enter_internet(SchwabServer(WrittenAnswers({"AAPL": body})).servers)
    answer = source().chain("AAPL", nearest_only)
    assert (answer.contracts["quote_time"] == earlier).all()
    assert (answer.answer_time, answer.underlying.quote_time) == (earlier, earlier)


def test_an_expiration_that_came_without_contracts_is_missing(enter_internet: EnterInternet) -> None:
    rows = [row("AAPL", EXPIRATIONS[0], side, 100) for side in "CP"]
    body = chain_envelope("AAPL", underlying=underlying("AAPL"), rows=rows, empty=EXPIRATIONS[1:])
    enter_internet(SchwabServer(WrittenAnswers({"AAPL": body})).servers)
    answer = source().chain("AAPL", lambda listed: listed[:2])
    assert answer.listed_expirations == EXPIRATIONS
    assert answer.missing_expirations == (EXPIRATIONS[1],)


def test_a_symbol_without_options_is_told_from_an_unknown_one(enter_internet: EnterInternet) -> None:
    bare = chain_envelope("AAPL", underlying=underlying("AAPL"), rows=())
    enter_internet(SchwabServer(WrittenAnswers({"AAPL": bare})).servers)
    with pytest.raises(NoOptionsError):
        source().chain("AAPL", nearest_only)
    with pytest.raises(SymbolNotFoundError):
        source().chain("ZZTOP", nearest_only)


def test_every_request_asks_the_gate_first(enter_internet: EnterInternet) -> None:
    server = SchwabServer(answers("AAPL"))
    internet = enter_internet(server.servers)
    gate = CountingGate()
    schwab = source(logged_in(expires=NOW), gate=gate)
    schwab.chain("AAPL", nearest_only)
    assert (gate.calls, gate.turns) == (["AAPL"], 1)
    server.expire()
    schwab.chain("AAPL", nearest_only)
    assert (gate.calls, gate.turns) == (["AAPL", "AAPL"], 3)
    assert len(internet.requests) == len(gate.calls) + gate.turns


def test_sixteen_threads_share_one_renewal(enter_internet: EnterInternet) -> None:
    server = SchwabServer(answers(*SYMBOLS))
    internet = enter_internet(server.servers)
    memory = logged_in(expires=NOW)
    schwab = source(memory)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda symbol: schwab.chain(symbol, all_of), SYMBOLS * 2))
    assert [answer.symbol for answer in found] == list(SYMBOLS * 2)
    assert all(set(answer.contracts["root"]) == {answer.symbol} and len(answer.contracts) == 18 for answer in found)
    assert (internet.count(TOKEN), internet.count(CHAINS), len(memory.written)) == (1, 2 * len(SYMBOLS), 1)


def test_threads_whose_token_is_refused_share_one_renewal(enter_internet: EnterInternet) -> None:
    server = SchwabServer(answers(*SYMBOLS))
    internet = enter_internet(server.servers)
    schwab = source()
    schwab.chain("AA", nearest_only)
    server.expire()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda symbol: schwab.chain(symbol, nearest_only), SYMBOLS))
    assert internet.count(TOKEN) == 1


def wide(symbol: str) -> WrittenAnswers:
    """400 strikes around 200: 2,400 contracts whole, 1,200 at 100 strikes either side, 480 at 40."""
    rows = [row(symbol, day, side, strike) for day in EXPIRATIONS for side in "CP" for strike in STRIKES_IN_ORDER]
    quote = {**underlying(symbol), "bid": 200.49, "ask": 200.51, "last": 200.5}
    return WrittenAnswers({symbol: chain_envelope(symbol, underlying=quote, rows=rows)})


@pytest.mark.parametrize(
    ("widest", "asked", "strikes"),
    [
        (2400, [None], (1, 400)),
        (2399, [None, "100"], (101, 300)),
        (1199, [None, "100", "40"], (161, 240)),
    ],
)
def test_a_chain_that_is_too_wide_is_asked_for_with_fewer_strikes(
    enter_internet: EnterInternet, widest: int, asked: list[str | None], strikes: tuple[int, int]
) -> None:
    internet = enter_internet(SchwabServer(wide("SPY"), widest=widest).servers)
    answer = source().chain("SPY", all_of)
    assert [request.query.get("strikeCount") for request in internet.requests] == asked
    assert (answer.contracts["strike"].min(), answer.contracts["strike"].max()) == strikes
    assert answer.listed_expirations == EXPIRATIONS
    assert STRIKE_STEPS == (None, 100, 40)


def test_the_step_that_worked_is_remembered_for_an_hour(enter_internet: EnterInternet) -> None:
    internet = enter_internet(SchwabServer(wide("SPY"), widest=1000).servers)
    now = [NOW]
    schwab = source(logged_in(expires=NOW + timedelta(hours=5)), clock=lambda: now[0])

    def calls_at(moment: datetime) -> int:
        before, now[0] = internet.count(CHAINS), moment
        schwab.chain("SPY", nearest_only)
        return internet.count(CHAINS) - before

    assert calls_at(NOW) == 3
    assert calls_at(NOW + timedelta(minutes=59)) == 1
    assert calls_at(NOW + timedelta(minutes=60)) == 3


def test_a_truncated_chain_is_not_taken_for_a_whole_one(enter_internet: EnterInternet) -> None:
    class Truncating(WrittenAnswers):
        def chain(self, symbol: str, strike_count: int | None) -> dict[str, Any] | None:
            body = super().chain(symbol, strike_count)
            return None if body is None else {**body, "isChainTruncated": strike_count is None}

    internet = enter_internet(SchwabServer(Truncating({"SPY": chain("SPY")})).servers)
    source().chain("SPY", nearest_only)
    assert [request.query.get("strikeCount") for request in internet.requests] == [None, "100"]


def test_a_scan_of_the_default_universe_costs_at_most_fifty_calls(enter_internet: EnterInternet) -> None:
    """Four expirations of 44 symbols, the token renewed on the way, the four widest chains refused whole."""
    market = SimulatedSource(1, lambda: NOW, MarketCalendar.around(NOW))
    internet = enter_internet(SchwabServer(WideFunds(market), widest=1500).servers)
    gate = CountingGate()
    schwab = source(logged_in(expires=NOW), gate=gate)
    snapshots = [schwab.chain(symbol, lambda listed: listed[:4]) for symbol in DEFAULT_UNIVERSE]
    assert len(snapshots) == 44
    assert internet.count(CHAINS) == 44 + 4
    assert internet.count(TOKEN) == 1
    assert len(internet.requests) == len(gate.calls) + gate.turns <= 50
    again = len(internet.requests)
    for symbol in DEFAULT_UNIVERSE:
        schwab.chain(symbol, lambda listed: listed[:4])
    assert len(internet.requests) - again == 44

    scan = PremiumScanner(MarketCalendar.around(NOW), RateCurve.flat(0.04)).scan(snapshots, PremiumFilters(), as_of=NOW)
    assert scan.fetched == scan.passed + sum(scan.rejected.values()) > 0
    assert scan.shown > 0


class WideFunds(SourceAnswers):
    """The simulated market, with two thousand strikes more on four funds."""

    def chain(self, symbol: str, strike_count: int | None) -> dict[str, Any] | None:
        body = super().chain(symbol, None)
        if body is not None and symbol in ("SPY", "QQQ", "IWM", "DIA"):
            day = EXPIRATIONS[0]
            far = {str(strike): [row(symbol, day, "C", strike)] for strike in range(5000, 7000)}
            strikes = {**body["callExpDateMap"][f"{day}:7"], **far}
            body["callExpDateMap"][f"{day}:7"] = strikes
        return None if body is None else narrowed(body, strike_count)
