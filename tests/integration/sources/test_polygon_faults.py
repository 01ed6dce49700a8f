"""Everything that goes wrong with Polygon, through the real client: the right error, soon, no call in vain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from scanner import schema
from scanner.errors import (
    InputError,
    MalformedAnswerError,
    NoOptionsError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.model import PLACEHOLDER_IV, ChainSnapshot
from scanner.sources.polygon import PolygonSource
from scanner.sources.polygon.client import MOST_PAGES
from scanner.sources.polygon.quotes import OTHER_VOLUME, UNUSABLE_QUOTE_TIME
from scanner.sources.resilience import worth_repeating
from tests.integration.sources.polygon_chains import EXPIRATIONS, NOW, SPOT, VALUES, answers, codes, source, wide
from tests.vendors.faults import (
    Fault,
    Kind,
    cut_json,
    cut_transfer,
    dropped,
    html_page,
    json_answer,
    plain_text,
    rate_limited,
    server_error,
    slow,
    unreachable,
)
from tests.vendors.fixtures import EnterInternet
from tests.vendors.internet import FakeInternet
from tests.vendors.messages import Response
from tests.vendors.polygon import LISTED, SNAPSHOTS, TICKERS, PolygonServer
from tests.vendors.polygon_payloads import BASIC, WrittenAnswers, listed_row

TIME_LIMIT = 1.0
HUNG = 60.0
LATER = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
PER_EXPIRATION = 240
"""Contracts of an expiration, so that each of the three is a question of its own."""

UNKNOWN_KEY = {"status": "ERROR", "request_id": "1", "error": "Unknown API Key"}
NOT_ENTITLED = {"status": "NOT_AUTHORIZED", "request_id": "1", "message": "You are not entitled to this data."}
NOT_FOUND = {"status": "NOT_FOUND", "request_id": "1", "message": "Ticker not found."}
BROKEN = {"status": "ERROR", "request_id": "1", "error": "Something went wrong"}
SHUT = "leave polygon out of SCANNER_SOURCES"
ANEW = "set SCANNER_POLYGON_API_KEY anew"


@dataclass(frozen=True)
class Case:
    """A fault of the requests that match a pattern, and the error it must become."""

    name: str
    fault: Callable[[str], Fault]
    error: type[SourceError]
    text: str = ""
    retry_after_seconds: float | None = None


def zipped(pattern: str) -> Fault:
    """A body that is not what its head says it is."""
    answer = Response(200, b'{"status": "OK"}', (("Content-Encoding", "gzip"),))
    return Fault(pattern, Kind.ANSWER, answer=answer)


CASES = (
    Case("429", rate_limited, RateLimitedError),
    Case("429 for 30 s", lambda at: rate_limited(at, "30"), RateLimitedError, retry_after_seconds=30.0),
    Case("429 until a date", lambda at: rate_limited(at, LATER), RateLimitedError, retry_after_seconds=90.0),
    Case("429 until nonsense", lambda at: rate_limited(at, "soon"), RateLimitedError),
    Case("401", lambda at: json_answer(at, UNKNOWN_KEY, 401), SourceAuthError, ANEW),
    Case("403", lambda at: json_answer(at, NOT_ENTITLED, 403), SourceAuthError, SHUT),
    Case("403 page", lambda at: server_error(at, 403), SourceAuthError, SHUT),
    Case("200 not entitled", lambda at: json_answer(at, NOT_ENTITLED), SourceAuthError, SHUT),
    Case("404", lambda at: json_answer(at, NOT_FOUND, 404), SymbolNotFoundError, "404"),
    Case("200 not found", lambda at: json_answer(at, NOT_FOUND), SymbolNotFoundError),
    Case("404 page", lambda at: server_error(at, 404), SourceUnavailableError, "404"),
    Case("302", lambda at: json_answer(at, {}, 302), SourceUnavailableError, "302"),
    Case("400", lambda at: json_answer(at, BROKEN, 400), SourceUnavailableError, "400"),
    Case("500", server_error, SourceUnavailableError, "500"),
    Case("502", lambda at: server_error(at, 502), SourceUnavailableError, "502"),
    Case("503", lambda at: server_error(at, 503), SourceUnavailableError, "503"),
    Case("page", html_page, MalformedAnswerError, "page"),
    Case("cut JSON", cut_json, MalformedAnswerError, "not JSON"),
    Case("empty body", lambda at: plain_text(at, ""), MalformedAnswerError, "0 bytes"),
    Case("deep JSON", lambda at: plain_text(at, "[" * 100_000), MalformedAnswerError, "not JSON"),
    Case("not zipped", zipped, MalformedAnswerError, "unpacked"),
    Case("list", lambda at: json_answer(at, [1, 2]), MalformedAnswerError, "no object"),
    Case("null", lambda at: json_answer(at, None), MalformedAnswerError, "no object"),
    Case("status ERROR", lambda at: json_answer(at, BROKEN), MalformedAnswerError, "ERROR"),
    Case("status of another kind", lambda at: json_answer(at, {"status": [1]}), MalformedAnswerError, "not given"),
    Case("missing keys", lambda at: json_answer(at, {}), MalformedAnswerError, "not given"),
    Case("no results", lambda at: json_answer(at, {"status": "OK"}), MalformedAnswerError, "results"),
    Case("results null", lambda at: json_answer(at, {"status": "OK", "results": None}), MalformedAnswerError),
    Case("results an object", lambda at: json_answer(at, {"status": "OK", "results": {}}), MalformedAnswerError),
    Case("results of nulls", lambda at: json_answer(at, {"status": "OK", "results": [None]}), MalformedAnswerError),
    Case("cut transfer", cut_transfer, SourceUnavailableError),
    Case("dropped", dropped, SourceUnavailableError),
    Case("slow", lambda at: slow(at, HUNG), SourceTimeoutError, "1 s"),
)


@pytest.fixture
def book() -> WrittenAnswers:
    return answers("AAPL", "KO", strikes=wide(PER_EXPIRATION))


@pytest.fixture
def internet(enter_internet: EnterInternet, book: WrittenAnswers) -> FakeInternet:
    return enter_internet(PolygonServer(book).servers)


def fetch(polygon: PolygonSource) -> ChainSnapshot:
    return polygon.chain("AAPL", lambda listed: listed)


def failure(polygon: PolygonSource) -> SourceError:
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        fetch(polygon)
    assert time.monotonic() - started < HUNG / 2
    assert (caught.value.source, caught.value.symbol) == ("polygon", "AAPL")
    return caught.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("where", [LISTED, SNAPSHOTS], ids=["listing", "snapshots"])
def test_a_fault_becomes_its_error_soon_and_without_repeats(internet: FakeInternet, case: Case, where: str) -> None:
    polygon = source(timeout_seconds=TIME_LIMIT)
    internet.faults.add(case.fault(where))
    error = failure(polygon)
    assert type(error) is case.error, repr(error)
    assert case.text in str(error)
    ends_at_once = where == LISTED or case.error in (RateLimitedError, SourceAuthError)
    assert internet.count(where) == (1 if ends_at_once else len(EXPIRATIONS))
    if isinstance(error, RateLimitedError):
        assert error.retry_after_seconds == case.retry_after_seconds
    internet.faults.clear()
    assert len(fetch(polygon).contracts) == 3 * PER_EXPIRATION, "the source does not recover"


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.error not in (RateLimitedError, SourceAuthError)],
    ids=lambda case: case.name,
)
def test_an_expiration_that_fails_alone_is_named(internet: FakeInternet, case: Case) -> None:
    fault = case.fault(SNAPSHOTS)
    internet.faults.add(Fault(fault.pattern, fault.kind, first=2, times=1, answer=fault.answer, seconds=fault.seconds))
    answer = fetch(source(timeout_seconds=TIME_LIMIT))
    assert answer.missing_expirations == (EXPIRATIONS[1],)
    assert len(answer.contracts) == 2 * PER_EXPIRATION
    assert answer.listed_expirations == EXPIRATIONS
    assert internet.count(SNAPSHOTS) == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (rate_limited(SNAPSHOTS, "11", first=2), RateLimitedError),
        (json_answer(SNAPSHOTS, UNKNOWN_KEY, 401, first=2), SourceAuthError),
    ],
    ids=["429", "401"],
)
def test_a_rate_limit_or_a_refused_key_ends_the_chain(
    internet: FakeInternet, fault: Fault, error: type[SourceError]
) -> None:
    internet.faults.add(fault)
    assert type(failure(source())) is error
    assert internet.count(SNAPSHOTS) == 2


def test_expirations_asked_for_together_fail_together(enter_internet: EnterInternet) -> None:
    """Of three with 100 contracts the first two are one question."""
    internet = enter_internet(PolygonServer(answers("AAPL", strikes=wide(100))).servers)
    internet.faults.add(server_error(SNAPSHOTS, times=1))
    answer = fetch(source())
    assert answer.missing_expirations == EXPIRATIONS[:2]
    assert (len(answer.contracts), internet.count(SNAPSHOTS)) == (100, 2)


def test_half_an_answer_is_none(enter_internet: EnterInternet) -> None:
    """The second of three pages fails: nothing of its expiration is kept."""
    internet = enter_internet(PolygonServer(answers("AAPL", strikes=wide(620))).servers)
    internet.faults.add(server_error(SNAPSHOTS, first=2, times=1))
    answer = fetch(source())
    assert answer.missing_expirations == EXPIRATIONS[:1]
    assert len(answer.contracts) == 2 * 620


@pytest.mark.parametrize("fault", [unreachable(), unreachable("api")], ids=["offline", "host unreachable"])
def test_without_a_network(internet: FakeInternet, fault: Fault) -> None:
    internet.faults.add(fault)
    error = failure(source(timeout_seconds=TIME_LIMIT))
    assert type(error) is SourceUnavailableError
    assert worth_repeating(error)
    assert internet.count() == 0


@pytest.mark.parametrize(("api_key", "text"), [("", "no API key"), ("two words", "blanks"), ("schlüssel", "signs")])
def test_a_key_that_cannot_be_sent_costs_no_call(internet: FakeInternet, api_key: str, text: str) -> None:
    error = failure(source(api_key=api_key))
    assert type(error) is SourceAuthError
    assert text in error.detail
    assert "set SCANNER_POLYGON_API_KEY" in error.detail
    assert internet.count() == 0


def test_another_key_is_refused(internet: FakeInternet) -> None:
    error = failure(source(api_key="another_key"))
    assert (type(error), internet.count()) == (SourceAuthError, 1)
    assert ANEW in error.detail


def test_a_plan_without_snapshots_says_what_to_do(enter_internet: EnterInternet, book: WrittenAnswers) -> None:
    internet = enter_internet(PolygonServer(book, BASIC).servers)
    error = failure(source())
    assert (type(error), internet.count(SNAPSHOTS)) == (SourceAuthError, 1)
    assert SHUT in error.detail


def test_a_redirect_is_not_followed(internet: FakeInternet) -> None:
    """The key would travel with it."""
    elsewhere = Response(307, b"", (("Location", "https://elsewhere.example/v3/"),))
    internet.faults.add(Fault(LISTED, Kind.ANSWER, answer=elsewhere))
    assert "307" in failure(source()).detail
    assert (internet.refused, internet.count()) == ([], 1)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/authority.pem"),
        ("HTTPS_PROXY", "socks5://127.0.0.1:9"),
        ("HTTPS_PROXY", "gopher://a"),
    ],
)
def test_an_environment_that_allows_no_connection(
    internet: FakeInternet, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv(variable.lower(), value)
    polygon = source()
    error = failure(polygon)
    assert type(error) is SourceUnavailableError
    assert "SSL_CERT_FILE" in error.detail


def test_a_certificate_nobody_signed_is_refused(internet: FakeInternet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    error = failure(source())
    assert type(error) is SourceUnavailableError
    assert internet.count() == 0


@pytest.mark.parametrize("symbol", ["^FOO", "not a symbol", "", "../AAPL", "AAPL?limit=1"])
def test_what_is_no_symbol_costs_no_call(internet: FakeInternet, symbol: str) -> None:
    with pytest.raises(SymbolNotFoundError) as caught:
        source().chain(symbol, lambda listed: listed)
    assert caught.value.symbol == symbol
    assert internet.count() == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_while_telling_an_unknown_symbol(internet: FakeInternet, book: WrittenAnswers, case: Case) -> None:
    book.known.add("BARE")
    internet.faults.add(case.fault(TICKERS))
    with pytest.raises(SourceError) as caught:
        source(timeout_seconds=TIME_LIMIT).chain("BARE", lambda listed: listed)
    assert type(caught.value) is case.error
    assert internet.count() == 2


def test_the_facts_of_another_symbol_tell_nothing(internet: FakeInternet) -> None:
    internet.faults.add(json_answer(TICKERS, {"status": "OK", "results": {"ticker": "KO"}}))
    with pytest.raises(MalformedAnswerError, match="another symbol"):
        source().chain("BARE", lambda listed: listed)


def test_a_symbol_without_options(internet: FakeInternet, book: WrittenAnswers) -> None:
    book.listed["AAPL"] = []
    assert type(failure(source())) is NoOptionsError
    assert internet.count(SNAPSHOTS) == 0


def test_an_expiration_without_snapshots_is_missing(internet: FakeInternet, book: WrittenAnswers) -> None:
    """The listing disagrees with its chain."""
    book.listed["AAPL"] += [listed_row("AAPL", code) for code in codes("AAPL", date(2027, 1, 15), wide(240))]
    answer = fetch(source())
    assert answer.listed_expirations == (*EXPIRATIONS, date(2027, 1, 15))
    assert answer.missing_expirations == (date(2027, 1, 15),)
    assert len(answer.contracts) == 3 * PER_EXPIRATION


def test_nothing_at_all_is_no_success(internet: FakeInternet, book: WrittenAnswers) -> None:
    book.quoted["AAPL"] = []
    answer = fetch(source())
    assert (len(answer.contracts), answer.missing_expirations) == (0, EXPIRATIONS)


def test_a_snapshot_of_an_expiration_that_is_not_listed_is_counted(enter_internet: EnterInternet) -> None:
    book = answers("AAPL")
    book.quoted["AAPL"] += snapshots_of("AAPL261211C00100000")
    enter_internet(PolygonServer(book).servers)
    answer = fetch(source())
    assert answer.unreadable == {"expiration_not_listed": 1}
    assert (answer.fetched_count, answer.missing_expirations) == (19, ())


def snapshots_of(code: str) -> list[Any]:
    """The snapshot of one contract."""
    written = WrittenAnswers()
    written.add("AAPL", SPOT, [code], VALUES)
    return written.quoted["AAPL"]


def test_snapshots_nobody_asked_for_are_counted(internet: FakeInternet) -> None:
    """A filter that is not understood: every question is answered with the same expiration."""
    internet.faults.add(json_answer(SNAPSHOTS, {"status": "OK", "results": snapshots_of("AAPL261204C00100000")}))
    answer = fetch(source())
    assert answer.unreadable == {"not_asked_for": 2}
    assert answer.contracts["occ_symbol"].tolist() == ["AAPL261204C00100000"]
    assert answer.missing_expirations == (EXPIRATIONS[0], EXPIRATIONS[2])


def test_another_symbols_contracts_are_refused(internet: FakeInternet, book: WrittenAnswers) -> None:
    internet.faults.add(json_answer(SNAPSHOTS, {"status": "OK", "results": book.quoted["KO"][:3]}))
    assert "another underlying" in failure(source()).detail
    internet.faults.clear()
    internet.faults.add(json_answer(LISTED, {"status": "OK", "results": book.listed["KO"][:3]}))
    assert "another underlying" in failure(source()).detail


def test_listed_contracts_that_cannot_be_read_are_counted(internet: FakeInternet, book: WrittenAnswers) -> None:
    book.listed["AAPL"] += [{"contract_type": "call"}, {"contract_type": "call", "ticker": "O:AAPL"}]
    answer = fetch(source())
    assert answer.unreadable == {"bad_listed_contract": 2}
    assert len(answer.contracts) == 3 * PER_EXPIRATION


def test_duplicate_contracts_are_counted(internet: FakeInternet, book: WrittenAnswers) -> None:
    book.quoted["AAPL"] += [book.row("AAPL261127C00100000"), book.row("AAPL261218P00105000")]
    answer = fetch(source())
    assert answer.unreadable == {"duplicate": 2}
    assert answer.contracts["occ_symbol"].is_unique


def test_an_adjusted_contract_is_marked(internet: FakeInternet, book: WrittenAnswers) -> None:
    code = "AAPL1261127C00100000"
    book.add("AAPL", SPOT, [code], VALUES, shares=150)
    listed = next(row for row in book.listed["AAPL"] if row["ticker"] == "O:AAPL261127C00110000")
    listed["additional_underlyings"] = [{"amount": 6.53, "type": "currency", "underlying": "USD"}]
    contracts = fetch(source()).contracts
    marked = contracts[contracts["adjusted"]].sort_values("occ_symbol")
    assert marked[["occ_symbol", "multiplier"]].to_numpy().tolist() == [
        [code, 150],
        ["AAPL261127C00110000", 100],
        ["AAPL261127P00110000", 100],
    ]


@pytest.mark.parametrize(
    ("part", "value", "column", "notes", "reason"),
    [
        ("last_quote", {"bid": -999.0, "ask": -999.0}, "bid", {}, None),
        ("last_quote", {"bid": 1.0, "ask": "NaN"}, "ask", {}, None),
        ("last_quote", {"bid": 1.0, "ask": 1.1}, "quote_time", {}, None),
        ("last_quote", {"bid": 1.0, "ask": 1.1, "last_updated": 5}, "quote_time", {UNUSABLE_QUOTE_TIME: 1}, None),
        ("implied_volatility", -999.0, "vendor_iv", {}, None),
        ("implied_volatility", 0, "vendor_iv", {PLACEHOLDER_IV: 1}, None),
        ("open_interest", None, "open_interest", {}, None),
        ("day", {}, "volume", {}, None),
        ("day", {"volume": 3, "last_updated": 1_795_000_000_000_000_000}, "volume", {OTHER_VOLUME: 1}, None),
        ("last_quote", {"bid": {"amount": 1.0}}, None, {}, "bad_bid"),
        ("last_quote", "none", None, {}, "bad_last_quote"),
        ("day", {"volume": "many"}, None, {}, "bad_volume"),
        ("details", {"ticker": "O:KO"}, None, {}, "bad_ticker"),
    ],
)
def test_a_value_that_is_none_becomes_a_null_or_a_count(
    enter_internet: EnterInternet, part: str, value: Any, column: str | None, notes: dict[str, int], reason: str | None
) -> None:
    book = answers("AAPL")
    book.row("AAPL261127C00100000")[part] = value
    enter_internet(PolygonServer(book).servers)
    answer = fetch(source())
    contracts = schema.validate(answer.contracts, schema.CHAIN).set_index("occ_symbol")
    assert answer.fetched_count == 18
    assert answer.unreadable == ({reason: 1} if reason else {})
    assert answer.notes == notes
    if column is not None:
        assert contracts.index[contracts[column].isna()].tolist() == ["AAPL261127C00100000"]


@pytest.mark.parametrize(
    ("following", "says"),
    [
        ("https://elsewhere.example/v3/snapshot/options/AAPL?cursor=2", "another address"),
        ("http://api.polygon.io/v3/snapshot/options/AAPL?cursor=2", "another address"),
        ("https://api.polygon.io.elsewhere.example/v3/snapshot/options/AAPL?cursor=2", "another address"),
        ("https://api.polygon.io:8443/v3/snapshot/options/AAPL?cursor=2", "another address"),
        ("https://someone@api.polygon.io/v3/snapshot/options/AAPL?cursor=2", "another address"),
        ("https://api.polygon.io/v3/snapshot/options/KO?cursor=2", "another address"),
        ("/v3/snapshot/options/AAPL?cursor=2", "another address"),
        ("https://[", "no readable address"),
        (17, "another address"),
        (["https://api.polygon.io/v3/snapshot/options/AAPL?cursor=2"], "another address"),
        ("https://api.polygon.io/v3/snapshot/options/AAPL?cursor=0", "was there before"),
    ],
)
def test_a_page_that_leads_astray_is_not_followed(
    internet: FakeInternet, book: WrittenAnswers, following: object, says: str
) -> None:
    page = {"status": "OK", "results": book.quoted["AAPL"][:1], "next_url": following}
    internet.faults.add(json_answer(SNAPSHOTS, page))
    error = failure(source())
    assert type(error) is MalformedAnswerError
    assert says in error.detail
    assert internet.refused == []
    assert internet.count(SNAPSHOTS) <= 2 * len(EXPIRATIONS)


def test_pages_without_an_end_are_given_up(enter_internet: EnterInternet) -> None:
    class Endless(PolygonServer):
        def __call__(self, request):  # type: ignore[no-untyped-def]
            found = request.query.get("cursor", "0")
            following = f'"next_url": "https://api.polygon.io{request.path}?cursor={int(found) + 1}"'
            body = f'{{"status": "OK", "results": [], {following}}}'
            return Response(200, body.encode())

    internet = enter_internet(Endless(answers("AAPL")).servers)
    assert f"{MOST_PAGES} pages" in failure(source()).detail
    assert internet.count() == MOST_PAGES


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_address_of_a_next_page_is_the_end(enter_internet: EnterInternet, nothing: object) -> None:
    book = answers("AAPL")
    internet = enter_internet(PolygonServer(book).servers)
    internet.faults.add(json_answer(SNAPSHOTS, {"status": "OK", "results": book.quoted["AAPL"], "next_url": nothing}))
    assert len(fetch(source()).contracts) == 18


def test_an_unlisted_choice_is_the_callers_mistake(internet: FakeInternet) -> None:
    with pytest.raises(InputError, match="2027-01-01 are not listed"):
        source().chain("AAPL", lambda _: [date(2027, 1, 1)])


def test_the_cause_is_kept(internet: FakeInternet) -> None:
    internet.faults.add(slow(LISTED, HUNG))
    assert failure(source(timeout_seconds=TIME_LIMIT)).__cause__ is not None
