"""Everything that goes wrong with Robinhood's data, through the real client: the right error, soon, no call in vain."""

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
from scanner.sources.robinhood import RobinhoodSource
from tests.integration.sources.robinhood_chains import EXPIRATIONS, NOW, Clock, answers, source
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
from tests.vendors.robinhood import CHAIN, CONTRACTS, DATA, INSTRUMENTS, LOGIN, MARKET_DATA, QUOTE, RobinhoodServer
from tests.vendors.robinhood_payloads import (
    API,
    WrittenAnswers,
    chain_body,
    contract_body,
    identifier,
    page_of,
    stock_body,
)

TIME_LIMIT = 1.0
HUNG = 60.0
LATER = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
SINGLE = {"instrument": INSTRUMENTS, "chain": CHAIN, "quote": QUOTE}
"""Requests a chain makes once: what goes wrong there ends it."""

REPEATED = {"contracts": CONTRACTS, "market data": MARKET_DATA}
"""Requests every expiration makes: what goes wrong there may concern one expiration alone."""


@dataclass(frozen=True)
class Case:
    """A fault of the requests that match a pattern, and the error it must become."""

    name: str
    fault: Callable[[str], Fault]
    error: type[SourceError]
    text: str = ""
    retry_after_seconds: float | None = None


CASES = (
    Case("429", rate_limited, RateLimitedError),
    Case("429 for 30 s", lambda at: rate_limited(at, "30"), RateLimitedError, retry_after_seconds=30.0),
    Case("429 until a date", lambda at: rate_limited(at, LATER), RateLimitedError, retry_after_seconds=90.0),
    Case("429 until nonsense", lambda at: rate_limited(at, "soon"), RateLimitedError),
    Case("401", lambda at: json_answer(at, {"detail": "no"}, 401), SourceAuthError),
    Case("403", lambda at: json_answer(at, {"detail": "no"}, 403), SourceAuthError),
    Case("404", lambda at: json_answer(at, {"detail": "Not found."}, 404), SourceUnavailableError, "404"),
    Case("414", lambda at: server_error(at, 414), SourceUnavailableError, "smaller batch size"),
    Case("302", lambda at: json_answer(at, {}, 302), SourceUnavailableError, "302"),
    Case("500", server_error, SourceUnavailableError, "500"),
    Case("502", lambda at: server_error(at, 502), SourceUnavailableError, "502"),
    Case("503", lambda at: server_error(at, 503), SourceUnavailableError, "503"),
    Case("page", html_page, MalformedAnswerError, "page"),
    Case("cut JSON", cut_json, MalformedAnswerError, "not JSON"),
    Case("empty body", lambda at: plain_text(at, ""), MalformedAnswerError),
    Case("list", lambda at: json_answer(at, [1, 2]), MalformedAnswerError),
    Case("null", lambda at: json_answer(at, None), MalformedAnswerError),
    Case("missing keys", lambda at: json_answer(at, {}), MalformedAnswerError),
    Case("cut transfer", cut_transfer, SourceUnavailableError),
    Case("dropped", dropped, SourceUnavailableError),
    Case("slow", lambda at: slow(at, HUNG), SourceTimeoutError, "1 s"),
)


@pytest.fixture
def book() -> WrittenAnswers:
    return answers("AAPL", "KO")


@pytest.fixture
def internet(enter_internet: EnterInternet, book: WrittenAnswers) -> FakeInternet:
    return enter_internet(RobinhoodServer(book).servers)


def fetch(robinhood: RobinhoodSource) -> ChainSnapshot:
    return robinhood.chain("AAPL", lambda listed: listed)


def failure(robinhood: RobinhoodSource) -> SourceError:
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        fetch(robinhood)
    assert time.monotonic() - started < HUNG / 2
    assert (caught.value.source, caught.value.symbol) == ("robinhood", "AAPL")
    return caught.value


@pytest.mark.parametrize("where", [*SINGLE, *REPEATED])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_becomes_its_error_soon_and_without_repeats(internet: FakeInternet, case: Case, where: str) -> None:
    pattern = {**SINGLE, **REPEATED}[where]
    clock = Clock()
    robinhood = source(clock=clock, timeout_seconds=TIME_LIMIT)
    internet.faults.add(case.fault(pattern))
    error = failure(robinhood)
    assert type(error) is case.error, repr(error)
    assert case.text in str(error)
    ends_at_once = where in SINGLE or case.error in (RateLimitedError, SourceAuthError)
    assert internet.count(pattern) == (1 if ends_at_once else len(EXPIRATIONS))
    if isinstance(error, RateLimitedError):
        assert error.retry_after_seconds == case.retry_after_seconds
    internet.faults.clear()
    clock.advance(minutes=5)
    assert len(fetch(robinhood).contracts) == 18, "the source does not recover"


@pytest.mark.parametrize("fault", [unreachable(), unreachable("api")], ids=["offline", "host unreachable"])
def test_without_a_network(internet: FakeInternet, fault: Fault) -> None:
    internet.faults.add(fault)
    assert type(failure(source(timeout_seconds=TIME_LIMIT))) is SourceUnavailableError
    assert internet.count() == 0


def test_a_session_refused_once_is_renewed_and_the_call_made_again(
    enter_internet: EnterInternet, book: WrittenAnswers
) -> None:
    server = RobinhoodServer(book)
    internet = enter_internet(server.servers)
    clock = Clock()
    robinhood = source(clock=clock)
    fetch(robinhood)
    clock.advance(hours=24)
    for status in (401, 403):
        internet.faults.add(json_answer(MARKET_DATA, {"detail": "no"}, status, first=2, times=1))
        assert len(fetch(robinhood).contracts) == 18
        internet.faults.clear()
        clock.advance(minutes=5)
    assert internet.count(LOGIN) == 3


@pytest.mark.parametrize("pattern", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.error not in (RateLimitedError, SourceAuthError)],
    ids=lambda case: case.name,
)
def test_an_expiration_that_fails_alone_is_named(internet: FakeInternet, case: Case, pattern: str) -> None:
    fault = case.fault(pattern)
    internet.faults.add(Fault(fault.pattern, fault.kind, first=2, times=1, answer=fault.answer, seconds=fault.seconds))
    answer = fetch(source(timeout_seconds=TIME_LIMIT))
    assert answer.missing_expirations == (EXPIRATIONS[1],)
    assert len(answer.contracts) == answer.fetched_count == 12
    assert answer.listed_expirations == EXPIRATIONS
    assert internet.count(pattern) == 3


@pytest.mark.parametrize("pattern", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (lambda at: rate_limited(at, "11", first=2), RateLimitedError),
        (lambda at: json_answer(at, {"detail": "no"}, 401, first=2), SourceAuthError),
    ],
    ids=["429", "401"],
)
def test_a_rate_limit_or_a_refused_session_ends_the_chain(
    internet: FakeInternet, pattern: str, fault: Callable[[str], Fault], error: type[SourceError]
) -> None:
    internet.faults.add(fault(pattern))
    assert type(failure(source())) is error
    assert internet.count(pattern) == 2


def test_an_unknown_symbol(internet: FakeInternet) -> None:
    with pytest.raises(SymbolNotFoundError):
        source().chain("ZZTOP", lambda listed: listed)
    assert internet.count(DATA) == 1


@pytest.mark.parametrize("symbol", ["SPX", "^VIX", "not a symbol", "", "../AAPL"])
def test_what_robinhood_cannot_list_costs_no_call(internet: FakeInternet, symbol: str) -> None:
    with pytest.raises(SymbolNotFoundError) as caught:
        source().chain(symbol, lambda listed: listed)
    assert caught.value.symbol == symbol
    assert internet.count() == 0


def test_a_symbol_without_options_never_asks_for_contracts(internet: FakeInternet, book: WrittenAnswers) -> None:
    """Asked without a chain, Robinhood answers with everybody's contracts."""
    book.stocks["AAPL"] = stock_body("AAPL", has_options=False)
    assert type(failure(source())) is NoOptionsError
    assert internet.count(DATA) == 1
    assert len(book.contracts(None, None)) == 36


def test_a_chain_without_expirations_has_no_options(internet: FakeInternet, book: WrittenAnswers) -> None:
    book.chains[identifier("chain", "AAPL")]["expiration_dates"] = []
    assert type(failure(source())) is NoOptionsError


def test_everybodys_contracts_are_refused(internet: FakeInternet, book: WrittenAnswers) -> None:
    internet.faults.add(json_answer(CONTRACTS, page_of(book.contracts(None, None))))
    error = failure(source())
    assert type(error) is MalformedAnswerError
    assert "contracts of KO" in error.detail
    assert internet.count(MARKET_DATA) == 0


def test_everybodys_instruments_are_refused(internet: FakeInternet) -> None:
    internet.faults.add(json_answer(INSTRUMENTS, page_of([stock_body("KO"), stock_body("MSFT")])))
    assert type(failure(source())) is MalformedAnswerError


def test_another_symbols_chain_and_quote_are_refused(internet: FakeInternet, book: WrittenAnswers) -> None:
    internet.faults.add(json_answer(CHAIN, {**chain_body("KO", EXPIRATIONS), "id": identifier("chain", "AAPL")}))
    assert "chain of KO" in failure(source()).detail
    internet.faults.clear()
    internet.faults.add(json_answer(QUOTE, book.quote(identifier("stock", "KO"))))
    assert "another quote" in failure(source()).detail


def test_a_listed_expiration_without_contracts_is_missing(internet: FakeInternet, book: WrittenAnswers) -> None:
    book.listed[identifier("chain", "AAPL"), EXPIRATIONS[1].isoformat()] = []
    answer = fetch(source())
    assert answer.missing_expirations == (EXPIRATIONS[1],)
    assert len(answer.contracts) == 12


def test_contracts_of_another_expiration_are_counted(internet: FakeInternet, book: WrittenAnswers) -> None:
    """The list of expirations disagrees with its chain."""
    chain = identifier("chain", "AAPL")
    book.listed[chain, EXPIRATIONS[0].isoformat()] += [contract_body("AAPL", "AAPL270115C00100000")]
    book.listed[chain, EXPIRATIONS[1].isoformat()] = book.listed[chain, EXPIRATIONS[2].isoformat()]
    answer = fetch(source())
    assert answer.missing_expirations == (EXPIRATIONS[1],)
    assert answer.unreadable == {"expiration_mismatch": 1}
    assert answer.fetched_count == 13


def test_nothing_usable_at_all_is_an_error_with_its_counts(internet: FakeInternet, book: WrittenAnswers) -> None:
    internet.faults.add(json_answer(MARKET_DATA, {"results": []}))
    assert "no_market_data 6" in failure(source()).detail
    internet.faults.clear()
    internet.faults.add(json_answer(CONTRACTS, page_of(["contract", None])))
    assert "not_an_object 2" in failure(source()).detail
    assert internet.count(MARKET_DATA) == 3


def test_omitted_market_data_are_counted(internet: FakeInternet, book: WrittenAnswers) -> None:
    for code in ("AAPL261127C00095000", "AAPL261204P00105000"):
        del book.quoted[identifier("contract", code)]
    answer = fetch(source())
    assert answer.unreadable == {"no_market_data": 2}
    assert (len(answer.contracts), answer.fetched_count) == (16, 18)
    assert answer.missing_expirations == ()


def test_duplicate_contracts_are_counted(internet: FakeInternet, book: WrittenAnswers) -> None:
    rows = book.listed[identifier("chain", "AAPL"), EXPIRATIONS[0].isoformat()]
    again = {**rows[0], "id": "another-id"}
    book.quoted["another-id"] = {**book.quoted[rows[0]["id"]], "instrument_id": "another-id"}
    rows += [rows[1], again]
    answer = fetch(source())
    assert answer.unreadable == {"duplicate": 2}
    assert answer.contracts["occ_symbol"].is_unique
    assert answer.fetched_count == 20


def test_an_adjusted_contract_is_marked(internet: FakeInternet, book: WrittenAnswers) -> None:
    chain = identifier("chain", "AAPL")
    code = "AAPL1261127C00100000"
    adjusted = {**contract_body("AAPL", code, multiplier=150), "chain_id": chain}
    book.listed[chain, EXPIRATIONS[0].isoformat()] += [adjusted]
    sample = book.quoted[identifier("contract", "AAPL261127C00100000")]
    book.quoted[adjusted["id"]] = {**sample, "instrument_id": adjusted["id"], "occ_symbol": "AAPL1 261127C00100000"}
    contracts = fetch(source()).contracts
    marked = contracts[contracts["adjusted"]]
    assert marked[["occ_symbol", "root", "multiplier"]].to_numpy().tolist() == [[code, "AAPL1", 150]]


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"bid_price": "-999.0", "ask_price": "-999.0"}, "bid", None),
        ({"ask_price": "NaN"}, "ask", None),
        ({"implied_volatility": "-999.0"}, "vendor_iv", None),
        ({"implied_volatility": None}, "vendor_iv", None),
        ({"volume": None}, "volume", None),
        ({"open_interest": ...}, "open_interest", None),
        ({"updated_at": ...}, "quote_time", None),
        ({"updated_at": "2026-11-20T17:31:00Z"}, "quote_time", None),
        ({"bid_price": {"amount": "1.0"}}, None, "bad_bid_price"),
        ({"volume": "many"}, None, "bad_volume"),
        ({"occ_symbol": "KO    261127C00100000"}, None, "occ_symbol_mismatch"),
    ],
)
def test_a_value_that_is_none_becomes_a_null_or_a_count(
    internet: FakeInternet, book: WrittenAnswers, changes: dict[str, Any], column: str | None, reason: str | None
) -> None:
    key = identifier("contract", "AAPL261127C00100000")
    changed = {**book.quoted[key], **changes}
    book.quoted[key] = {name: value for name, value in changed.items() if value is not ...}
    answer = fetch(source())
    contracts = schema.validate(answer.contracts, schema.CHAIN).set_index("occ_symbol")
    assert answer.fetched_count == 18
    assert answer.unreadable == ({reason: 1} if reason else {})
    if column is not None:
        assert contracts.index[contracts[column].isna()].tolist() == ["AAPL261127C00100000"]


@pytest.mark.parametrize(
    ("following", "says"),
    [
        ("https://elsewhere.example/options/instruments/?cursor=2", "another address"),
        ("http://api.robinhood.com/options/instruments/", "another address"),
        ("https://api.robinhood.com.elsewhere.example/", "another address"),
        (f"{API}/options/instruments/?cursor=0", "does not end"),
    ],
)
def test_a_page_that_leads_astray_is_not_followed(
    internet: FakeInternet, book: WrittenAnswers, following: str, says: str
) -> None:
    rows = book.listed[identifier("chain", "AAPL"), EXPIRATIONS[0].isoformat()]
    internet.faults.add(json_answer(CONTRACTS, {"results": rows, "next": following}))
    assert says in failure(source()).detail
    assert internet.refused == []


def test_an_unlisted_choice_is_the_callers_mistake(internet: FakeInternet) -> None:
    with pytest.raises(ValueError, match="2027-01-01 are not listed"):
        source().chain("AAPL", lambda _: [date(2027, 1, 1)])


def test_the_cause_is_kept(internet: FakeInternet) -> None:
    internet.faults.add(slow(QUOTE, HUNG))
    error = failure(source(timeout_seconds=TIME_LIMIT))
    assert error.__cause__ is not None
