"""Everything that goes wrong at Yahoo, through the real client: the right error, soon, and no call too many."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime

import pytest

from scanner.errors import (
    MalformedAnswerError,
    NoOptionsError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.model import ChainSnapshot
from scanner.sources.resilience import OpenGate
from scanner.sources.yahoo import YahooSource
from tests.integration.sources.chains import EXPIRATIONS, NOW, answers
from tests.vendors.faults import (
    Fault,
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
from tests.vendors.yahoo import COOKIE, CRUMB, OPTIONS, SUMMARY, YahooServer
from tests.vendors.yahoo_payloads import EMPTY_CHAIN

TIME_LIMIT = 1.0
HUNG = 60.0
LATER = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
NOT_FOUND = {"optionChain": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}}
BROKEN = {"optionChain": {"result": None, "error": {"code": "Internal Server Error"}}}
UNAUTHORIZED = {"finance": {"result": None, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}}
GUCE = r"guce\.yahoo\.com"


@dataclass(frozen=True)
class Case:
    """Faults, the error they must become, and how many data calls that may take."""

    name: str
    faults: tuple[Fault, ...]
    error: type[SourceError]
    calls: int
    retry_after_seconds: float | None = None
    text: str = field(default="")


CASES = (
    Case("429", (rate_limited(OPTIONS),), RateLimitedError, 1),
    Case("429 for 30 s", (rate_limited(OPTIONS, "30"),), RateLimitedError, 1, 30.0),
    Case("429 until a date", (rate_limited(OPTIONS, LATER),), RateLimitedError, 1, 90.0),
    Case("429 until nonsense", (rate_limited(OPTIONS, "soon"),), RateLimitedError, 1),
    Case("limit as text", (plain_text(OPTIONS, "Too Many Requests\r\n"),), RateLimitedError, 1),
    Case("crumb 429", (rate_limited(CRUMB, "7"),), RateLimitedError, 0, 7.0),
    Case("crumb is the limit text", (plain_text(CRUMB, "Too Many Requests"),), RateLimitedError, 0),
    Case("cookie 429", (rate_limited(COOKIE, "5"),), RateLimitedError, 0, 5.0),
    Case("500", (server_error(OPTIONS),), SourceUnavailableError, 1, text="500"),
    Case("502", (server_error(OPTIONS, 502),), SourceUnavailableError, 1, text="502"),
    Case("503", (server_error(OPTIONS, 503),), SourceUnavailableError, 1, text="503"),
    Case("404 page", (server_error(OPTIONS, 404),), SourceUnavailableError, 1, text="404"),
    Case("404 not found", (json_answer(OPTIONS, NOT_FOUND, 404),), SymbolNotFoundError, 1),
    Case("200 not found", (json_answer(OPTIONS, NOT_FOUND),), SymbolNotFoundError, 1),
    Case("crumb 500", (server_error(CRUMB),), SourceUnavailableError, 0),
    Case("page", (html_page(OPTIONS),), MalformedAnswerError, 1, text="page"),
    Case("cut JSON", (cut_json(OPTIONS),), MalformedAnswerError, 1),
    Case("empty body", (plain_text(OPTIONS, ""),), MalformedAnswerError, 1),
    Case("JSON of another kind", (json_answer(OPTIONS, [1, 2]),), MalformedAnswerError, 1),
    Case("JSON error", (json_answer(OPTIONS, BROKEN),), MalformedAnswerError, 1, text="Internal Server Error"),
    Case("empty result", (json_answer(OPTIONS, EMPTY_CHAIN),), SymbolNotFoundError, 1),
    Case("cut transfer", (cut_transfer(OPTIONS),), SourceUnavailableError, 1),
    Case("dropped", (dropped(OPTIONS),), SourceUnavailableError, 1),
    Case("slow", (slow(OPTIONS, HUNG),), SourceTimeoutError, 1, text="1 s"),
    Case("offline", (unreachable(),), SourceUnavailableError, 0),
    Case("data host unreachable", (unreachable("query[12]"),), SourceUnavailableError, 0),
    Case("everything slow", (slow(r"yahoo\.com", HUNG),), SourceTimeoutError, 1),
    Case("session hosts slow", (slow(rf"{COOKIE}|{GUCE}|{CRUMB}", HUNG),), SourceTimeoutError, 2),
    Case("refused for good", (json_answer(OPTIONS, UNAUTHORIZED, 401),), SourceAuthError, 2),
    Case("forbidden for good", (json_answer(OPTIONS, UNAUTHORIZED, 403),), SourceAuthError, 2),
    Case("crumb is always a page", (html_page(CRUMB),), SourceAuthError, 2),
)


@pytest.fixture
def internet(enter_internet: EnterInternet) -> FakeInternet:
    return enter_internet(YahooServer(answers("AAPL")).servers)


def source() -> YahooSource:
    return YahooSource(clock=lambda: NOW, timeout_seconds=TIME_LIMIT, gate=OpenGate())


def fetch(yahoo: YahooSource) -> ChainSnapshot:
    return yahoo.chain("AAPL", lambda listed: listed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_becomes_its_error_soon_and_without_repeats(internet: FakeInternet, case: Case) -> None:
    for fault in case.faults:
        internet.faults.add(fault)
    yahoo = source()
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        fetch(yahoo)
    assert time.monotonic() - started < HUNG / 2
    assert type(caught.value) is case.error, repr(caught.value)
    assert (caught.value.source, caught.value.symbol) == ("yahoo", "AAPL")
    assert case.text in str(caught.value)
    assert internet.count(OPTIONS) <= case.calls
    if isinstance(caught.value, RateLimitedError):
        assert caught.value.retry_after_seconds == case.retry_after_seconds
    internet.faults.clear()
    assert len(fetch(yahoo).contracts) == 18, "the source does not recover"


RECOVERED = (
    ("cookie host unreachable", (unreachable("fc.yahoo.com"),)),
    ("cookie host drops", (dropped(COOKIE),)),
    ("cookie host slow", (slow(COOKIE, HUNG),)),
    ("cookie host answers with an error", (server_error(COOKIE, 503),)),
    ("one crumb is a page", (html_page(CRUMB, times=1),)),
    ("one crumb is refused", (json_answer(CRUMB, UNAUTHORIZED, 401, times=1),)),
    ("data refused once", (json_answer(OPTIONS, UNAUTHORIZED, 401, times=1),)),
)


@pytest.mark.parametrize(("name", "faults"), RECOVERED, ids=[name for name, _ in RECOVERED])
def test_trouble_with_the_session_is_mended_within_the_call(
    internet: FakeInternet, name: str, faults: tuple[Fault, ...]
) -> None:
    for fault in faults:
        internet.faults.add(fault)
    assert len(fetch(source()).contracts) == 18


@pytest.mark.parametrize(
    "fault",
    [
        server_error(OPTIONS, first=2, times=1),
        html_page(OPTIONS, first=2, times=1),
        cut_json(OPTIONS, first=2, times=1),
        cut_transfer(OPTIONS, first=2, times=1),
        slow(OPTIONS, HUNG, first=2, times=1),
        json_answer(OPTIONS, EMPTY_CHAIN, first=2, times=1),
    ],
    ids=["500", "page", "cut JSON", "cut transfer", "slow", "empty result"],
)
def test_an_expiration_that_fails_alone_is_named(internet: FakeInternet, fault: Fault) -> None:
    internet.faults.add(fault)
    answer = fetch(source())
    assert answer.missing_expirations == (EXPIRATIONS[1],)
    assert len(answer.contracts) == 12
    assert answer.listed_expirations == EXPIRATIONS
    assert internet.count(OPTIONS) == 3


def test_a_rate_limit_ends_the_chain(internet: FakeInternet) -> None:
    internet.faults.add(rate_limited(OPTIONS, "11", first=2))
    with pytest.raises(RateLimitedError) as caught:
        fetch(source())
    assert caught.value.retry_after_seconds == 11.0
    assert internet.count(OPTIONS) == 2


def test_a_refused_session_ends_the_chain(internet: FakeInternet) -> None:
    internet.faults.add(json_answer(OPTIONS, UNAUTHORIZED, 401, first=2))
    with pytest.raises(SourceAuthError):
        fetch(source())


def test_an_expiration_without_contracts_is_missing(enter_internet: EnterInternet) -> None:
    book = answers("AAPL")
    body = book.options("AAPL", None)
    assert body is not None
    body["optionChain"]["result"][0]["options"] = body["optionChain"]["result"][0]["options"][:1]
    internet = enter_internet(YahooServer(type(book)({"AAPL": body})).servers)
    answer = fetch(source())
    assert answer.missing_expirations == EXPIRATIONS[1:]
    assert internet.count(OPTIONS) == 3


def test_a_symbol_without_options_is_told_from_an_unknown_one(internet: FakeInternet) -> None:
    without = {"underlyingSymbol": "AAPL", "expirationDates": [], "quote": {"symbol": "AAPL"}, "options": []}
    internet.faults.add(json_answer(OPTIONS, {"optionChain": {"result": [without], "error": None}}, times=1))
    yahoo = source()
    with pytest.raises(NoOptionsError):
        fetch(yahoo)
    with pytest.raises(SymbolNotFoundError):
        yahoo.chain("ZZTOP", lambda listed: listed)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (rate_limited(SUMMARY, "3"), RateLimitedError),
        (server_error(SUMMARY), SourceUnavailableError),
        (html_page(SUMMARY), MalformedAnswerError),
        (json_answer(SUMMARY, {"quoteSummary": {"result": 1, "error": None}}), MalformedAnswerError),
        (slow(SUMMARY, HUNG), SourceTimeoutError),
        (dropped(SUMMARY), SourceUnavailableError),
    ],
)
def test_faults_of_reference_data(internet: FakeInternet, fault: Fault, error: type[SourceError]) -> None:
    internet.faults.add(fault)
    with pytest.raises(error):
        source().reference("AAPL")
    assert internet.count(SUMMARY) == 1


def test_an_unknown_symbol_has_no_reference_data(internet: FakeInternet) -> None:
    with pytest.raises(SymbolNotFoundError):
        source().reference("ZZTOP")
    assert internet.count(SUMMARY) == 1


def test_the_cause_is_kept(internet: FakeInternet) -> None:
    internet.faults.add(slow(OPTIONS, HUNG))
    with pytest.raises(SourceTimeoutError) as caught:
        fetch(source())
    assert caught.value.__cause__ is not None
