"""How many requests the real client makes, and that it keeps its session."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from scanner.errors import InputError, SourceError, SymbolNotFoundError
from scanner.sources.base import nearest_only
from scanner.sources.resilience import Answer, Gate, OpenGate
from scanner.sources.yahoo import YahooSource
from tests.integration.sources.chains import EXPIRATIONS, NOW, QUOTED_AT, answers, chain
from tests.reference.shared_data import shared_path
from tests.vendors.fixtures import EnterInternet
from tests.vendors.internet import FakeInternet
from tests.vendors.yahoo import COOKIE, CRUMB, OPTIONS, SUMMARY, YahooServer
from tests.vendors.yahoo_payloads import WrittenAnswers, recorded_body

SYMBOLS = tuple(f"A{letter}" for letter in "ABCDEFGHIJKLMNOP")


class CountingGate(OpenGate):
    """Counts the turns taken; each takes `seconds`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.turns = 0

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:
        self.turn()
        return send()

    def turn(self) -> float:
        self.turns += 1
        time.sleep(self.seconds)
        return self.seconds


class RecordingGate(OpenGate):
    """Keeps what the calls failed with, as the retries and the breaker see it."""

    def __init__(self) -> None:
        self.failures: list[SourceError] = []

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:
        try:
            return send()
        except SourceError as error:
            self.failures.append(error)
            raise


def source(gate: Gate | None = None) -> YahooSource:
    return YahooSource(clock=lambda: NOW, timeout_seconds=10.0, gate=gate or OpenGate())


def all_of(listed: Sequence[date]) -> Sequence[date]:
    return listed


@pytest.fixture
def internet(enter_internet: EnterInternet) -> FakeInternet:
    return enter_internet(YahooServer(answers("AAPL", "BRK-B", *SYMBOLS)).servers)


@pytest.mark.parametrize(
    ("choose", "calls"),
    [
        (all_of, 3),
        (nearest_only, 1),
        (lambda listed: listed[:2], 2),
        (lambda listed: [listed[2], listed[2]], 2),
        (lambda listed: (), 1),
    ],
)
def test_n_calls_for_n_expirations_with_the_nearest(
    internet: FakeInternet, choose: Callable[[Sequence[date]], Sequence[date]], calls: int
) -> None:
    answer = source().chain("AAPL", choose)
    assert internet.count(OPTIONS) == calls
    assert (internet.count(COOKIE), internet.count(CRUMB)) == (1, 1)
    assert len(internet.requests) == calls + 2
    assert answer.missing_expirations == ()
    assert len(answer.contracts) == 6 * calls


def test_the_session_is_kept_from_call_to_call(internet: FakeInternet) -> None:
    yahoo = source()
    for symbol in SYMBOLS:
        yahoo.chain(symbol, nearest_only)
    assert len(internet.requests) == 2 + len(SYMBOLS)


def test_the_answer_in_our_terms(internet: FakeInternet) -> None:
    answer = source().chain("AAPL", all_of)
    assert (answer.symbol, answer.source, answer.mode.value) == ("AAPL", "yahoo", "live")
    assert answer.listed_expirations == EXPIRATIONS
    assert (answer.fetched_at, answer.answer_time) == (NOW, QUOTED_AT)
    assert (answer.underlying.bid, answer.underlying.ask, answer.underlying.last) == (99.99, 100.01, 100.0)
    assert (answer.underlying.quote_time, answer.underlying.last_time) == (None, QUOTED_AT)
    assert answer.unreadable == {}
    assert answer.contracts["quote_time"].isna().all()
    assert list(answer.contracts["strike"]) == [95.0, 100.0, 105.0] * 6


def test_an_unknown_symbol_is_an_answer_and_no_failure_of_yahoo(internet: FakeInternet) -> None:
    gate = RecordingGate()
    with pytest.raises(SymbolNotFoundError):
        source(gate).reference("ZZZZ")
    assert internet.count(SUMMARY) == 1
    assert [type(failure) for failure in gate.failures] == [SymbolNotFoundError]


def test_class_shares_are_spelled_with_a_hyphen_there_and_a_dot_here(enter_internet: EnterInternet) -> None:
    internet = enter_internet(YahooServer(WrittenAnswers({"BRK-B": chain("BRK-B", root="BRKB")})).servers)
    answer = source().chain("BRK.B", nearest_only)
    assert internet.count(r"/options/BRK-B\?") == 1
    assert answer.symbol == "BRK.B"
    assert set(answer.contracts["root"]) == {"BRKB"}
    assert not answer.contracts["adjusted"].any()


def test_the_time_of_the_answer_is_the_earliest_of_its_parts(enter_internet: EnterInternet) -> None:
    class Moving(WrittenAnswers):
        def options(self, symbol: str, epoch: int | None) -> dict[str, object] | None:
            body = super().options(symbol, epoch)
            if body is not None and epoch is not None:
                quote = body["optionChain"]["result"][0]["quote"]
                body["optionChain"]["result"][0]["quote"] = {**quote, "regularMarketTime": int(NOW.timestamp())}
            return body

    enter_internet(YahooServer(Moving({"AAPL": chain("AAPL")})).servers)
    assert source().chain("AAPL", all_of).answer_time == QUOTED_AT


def test_reference_data_cost_one_call(enter_internet: EnterInternet) -> None:
    summary = {"quoteSummary": {"result": [{"price": {"longName": "Apple Inc."}}], "error": None}}
    internet = enter_internet(YahooServer(WrittenAnswers({}, {"AAPL": summary})).servers)
    assert source().reference("AAPL").name == "Apple Inc."
    assert (internet.count(SUMMARY), len(internet.requests)) == (1, 3)


def test_sixteen_threads_share_one_session(internet: FakeInternet) -> None:
    yahoo = source()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda symbol: yahoo.chain(symbol, all_of), SYMBOLS * 2))
    assert [answer.symbol for answer in found] == list(SYMBOLS * 2)
    assert all(set(answer.contracts["root"]) == {answer.symbol} and len(answer.contracts) == 18 for answer in found)
    assert (internet.count(COOKIE), internet.count(CRUMB)) == (1, 1)
    assert internet.count(OPTIONS) == 3 * 2 * len(SYMBOLS)


def test_every_request_takes_a_turn(internet: FakeInternet) -> None:
    gate = CountingGate()
    yahoo = source(gate)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda symbol: yahoo.chain(symbol, all_of), SYMBOLS[:4]))
    assert gate.turns == len(internet.requests) == 2 + 4 * 3


def test_a_repetition_takes_a_turn_of_its_own(enter_internet: EnterInternet) -> None:
    server = YahooServer(answers("AAPL"))
    internet = enter_internet(server.servers)
    gate = CountingGate()
    yahoo = source(gate)
    yahoo.chain("AAPL", nearest_only)
    server.revoke()
    before = gate.turns
    yahoo.chain("AAPL", nearest_only)
    assert internet.count(OPTIONS) == 1 + 2
    assert gate.turns - before >= 2 + internet.count(CRUMB) - 1


def test_waiting_for_a_turn_does_not_use_up_the_time_limit(internet: FakeInternet) -> None:
    yahoo = YahooSource(clock=lambda: NOW, timeout_seconds=1.0, gate=CountingGate(0.6))
    assert len(yahoo.chain("AAPL", nearest_only).contracts) == 6
    assert len(internet.requests) == 3


def test_a_choice_that_is_not_listed_is_refused(internet: FakeInternet) -> None:
    with pytest.raises(InputError, match="2026-12-25"):
        source().chain("AAPL", lambda listed: [date(2026, 12, 25)])


def test_a_revoked_session_is_renewed_once(enter_internet: EnterInternet) -> None:
    server = YahooServer(answers("AAPL"))
    internet = enter_internet(server.servers)
    yahoo = source()
    yahoo.chain("AAPL", nearest_only)
    server.revoke()
    assert len(yahoo.chain("AAPL", all_of).contracts) == 18
    assert internet.count(OPTIONS) == 1 + 1 + 3


def test_threads_survive_a_revoked_session(enter_internet: EnterInternet) -> None:
    server = YahooServer(answers(*SYMBOLS))
    enter_internet(server.servers)
    yahoo = source()
    yahoo.chain(SYMBOLS[0], nearest_only)
    server.revoke()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda symbol: yahoo.chain(symbol, nearest_only), SYMBOLS))
    assert all(len(answer.contracts) == 6 for answer in found)


def test_the_consent_form_of_the_eu_is_accepted(enter_internet: EnterInternet) -> None:
    internet = enter_internet(YahooServer(answers("AAPL", "AA"), consent_required=True).servers)
    yahoo = source()
    assert len(yahoo.chain("AAPL", all_of).contracts) == 18
    assert internet.count("POST consent.yahoo.com/v2/collectConsent") == 1
    before = len(internet.requests)
    yahoo.chain("AA", all_of)
    assert len(internet.requests) == before + 3


def test_the_recorded_consent_form_is_accepted(enter_internet: EnterInternet) -> None:
    folder = shared_path("yahoo/crumb/2025-02-16")
    form = str(recorded_body(folder / "getCrumb-quote-AAPL-collectConsent.html.json"))
    server = YahooServer(answers("AAPL"), consent_required=True, consent_form=form)
    internet = enter_internet(server.servers)
    assert len(source().chain("AAPL", nearest_only).contracts) == 6
    assert internet.count("POST consent.yahoo.com/v2/collectConsent") == 1


def test_two_sources_do_not_share_sessions(internet: FakeInternet) -> None:
    source().chain("AAPL", nearest_only)
    source().chain("AAPL", nearest_only)
    assert (internet.count(COOKIE), internet.count(OPTIONS)) == (2, 2)


def test_nothing_is_written_to_the_users_cookie_file(internet: FakeInternet) -> None:
    source().chain("AAPL", nearest_only)
    from yfinance import cache

    assert cache.get_cookie_cache().db is None
