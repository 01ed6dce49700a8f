"""Everything that goes wrong at Schwab, through the real client: the right error and no call too many."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
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
from scanner.sources.schwab import LOGIN_COMMAND, SchwabSource
from tests.integration.sources.schwab_chains import (
    EXPIRATIONS,
    NOW,
    answers,
    chain,
    logged_in,
    row,
    source,
    underlying,
)
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
from tests.vendors.schwab import APP_SECRET, CHAINS, REFRESH_TOKEN, TOKEN, SchwabServer, token_answer
from tests.vendors.schwab_payloads import chain_envelope, failed_body

TIME_LIMIT = 1.0
HUNG = 60.0
LATER = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
FRESH = "fresh"
OVER = "over"


def refused(title: str, status: int) -> dict[str, Any]:
    return {"errors": [{"id": "0be22ae7", "status": str(status), "title": title}]}


@dataclass(frozen=True)
class Case:
    """A fault, the error it must become, and how many requests of each kind that may take."""

    name: str
    fault: Fault
    error: type[SourceError]
    chains: int = 1
    tokens: int = 0
    retry_after_seconds: float | None = None
    text: str = ""
    access: str = FRESH
    """Whether the stored access token is valid still."""


@dataclass(frozen=True)
class TokenCase(Case):
    """A fault of the token endpoint, met because the access token is over."""

    chains: int = 0
    tokens: int = 1
    access: str = field(default=OVER)


CASES = (
    Case("429", rate_limited(CHAINS), RateLimitedError),
    Case("429 for 30 s", rate_limited(CHAINS, "30"), RateLimitedError, retry_after_seconds=30.0),
    Case("429 until a date", rate_limited(CHAINS, LATER), RateLimitedError, retry_after_seconds=90.0),
    Case("429 until nonsense", rate_limited(CHAINS, "soon"), RateLimitedError),
    Case("401 for good", json_answer(CHAINS, refused("Unauthorized", 401), 401), SourceAuthError, 2, 1, text="401"),
    Case("403", json_answer(CHAINS, refused("Forbidden", 403), 403), SourceAuthError, text="403"),
    Case("404", json_answer(CHAINS, refused("Not Found", 404), 404), SymbolNotFoundError),
    Case("404 page", server_error(CHAINS, 404), SourceUnavailableError, text="404"),
    Case("400", json_answer(CHAINS, refused("Bad Request", 400), 400), MalformedAnswerError, text="400"),
    Case("500", server_error(CHAINS), SourceUnavailableError, text="500"),
    Case("502 at every width", server_error(CHAINS, 502), SourceUnavailableError, 3, text="502"),
    Case("503", server_error(CHAINS, 503), SourceUnavailableError, text="503"),
    Case("redirect", server_error(CHAINS, 302), SourceUnavailableError, text="302"),
    Case("page", html_page(CHAINS), MalformedAnswerError, text="page"),
    Case("cut JSON", cut_json(CHAINS), MalformedAnswerError),
    Case("empty body", plain_text(CHAINS, ""), MalformedAnswerError),
    Case("JSON of another kind", json_answer(CHAINS, [1, 2]), MalformedAnswerError),
    Case("null", json_answer(CHAINS, None), MalformedAnswerError),
    Case("an empty object", json_answer(CHAINS, {}), MalformedAnswerError),
    Case("another symbol", json_answer(CHAINS, chain("MSFT")), MalformedAnswerError, text="MSFT"),
    Case("failed", json_answer(CHAINS, failed_body("AAPL")), SymbolNotFoundError),
    Case(
        "no contracts",
        json_answer(CHAINS, chain_envelope("AAPL", underlying=underlying("AAPL"), rows=())),
        NoOptionsError,
    ),
    Case(
        "truncated at every width",
        json_answer(CHAINS, {**chain("AAPL"), "isChainTruncated": True}),
        MalformedAnswerError,
        3,
    ),
    Case("cut transfer", cut_transfer(CHAINS), SourceUnavailableError),
    Case("dropped", dropped(CHAINS), SourceUnavailableError),
    Case("slow", slow(CHAINS, HUNG), SourceTimeoutError, text="1 s"),
    Case("offline", unreachable(), SourceUnavailableError, 0),
    TokenCase("token 429", rate_limited(TOKEN, "7"), RateLimitedError, retry_after_seconds=7.0),
    TokenCase(
        "token 400", json_answer(TOKEN, {"error": "unsupported_token_type"}, 400), SourceAuthError, text=LOGIN_COMMAND
    ),
    TokenCase("token 401", json_answer(TOKEN, {"error": "invalid_client"}, 401), SourceAuthError, text=LOGIN_COMMAND),
    TokenCase("token 403 page", server_error(TOKEN, 403), SourceAuthError, text="403"),
    TokenCase("token 500", server_error(TOKEN), SourceUnavailableError, text="500"),
    TokenCase("token page", html_page(TOKEN), MalformedAnswerError, text="page"),
    TokenCase("token cut JSON", cut_json(TOKEN), MalformedAnswerError),
    TokenCase("token of another kind", json_answer(TOKEN, [1]), MalformedAnswerError),
    TokenCase("token missing", json_answer(TOKEN, {"token_type": "Bearer"}), MalformedAnswerError),
    TokenCase("token without lifetime", json_answer(TOKEN, {"access_token": "new"}), MalformedAnswerError),
    TokenCase("token unfit for a header", json_answer(TOKEN, {**token_answer("a b")}), MalformedAnswerError),
    TokenCase("token slow", slow(TOKEN, HUNG), SourceTimeoutError, text="1 s"),
    TokenCase("token dropped", dropped(TOKEN), SourceUnavailableError),
)


@pytest.fixture
def internet(enter_internet: EnterInternet) -> FakeInternet:
    return enter_internet(SchwabServer(answers("AAPL")).servers)


def fetch(schwab: SchwabSource) -> ChainSnapshot:
    return schwab.chain("AAPL", lambda listed: listed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_becomes_its_error_without_repeats(internet: FakeInternet, case: Case) -> None:
    """What hangs for a minute and then answers rightly is given up after the time limit."""
    internet.faults.add(case.fault)
    memory = logged_in(expires=NOW if case.access == OVER else NOW + timedelta(minutes=20))
    before = memory.text
    schwab = source(memory, timeout_seconds=TIME_LIMIT)
    with pytest.raises(SourceError) as caught:
        fetch(schwab)
    assert type(caught.value) is case.error, repr(caught.value)
    assert (caught.value.source, caught.value.symbol) == ("schwab", "AAPL")
    assert case.text in str(caught.value)
    assert (internet.count(CHAINS), internet.count(TOKEN)) == (case.chains, case.tokens)
    if isinstance(caught.value, RateLimitedError):
        assert caught.value.retry_after_seconds == case.retry_after_seconds
    if case.access == OVER:
        assert memory.text == before, "a failed renewal changed the stored log-in"
    internet.faults.clear()
    assert len(fetch(schwab).contracts) == 18, "the source does not recover"


def test_a_token_refused_once_is_mended_within_the_call(enter_internet: EnterInternet) -> None:
    server = SchwabServer(answers("AAPL"))
    internet = enter_internet(server.servers)
    server.expire()
    assert len(fetch(source()).contracts) == 18
    assert (internet.count(CHAINS), internet.count(TOKEN)) == (2, 1)


def test_a_revoked_login_names_the_command_and_a_new_one_is_taken(enter_internet: EnterInternet) -> None:
    server = SchwabServer(answers("AAPL"))
    enter_internet(server.servers)
    server.revoke()
    memory = logged_in(expires=NOW)
    schwab = source(memory)
    with pytest.raises(SourceAuthError, match=LOGIN_COMMAND):
        fetch(schwab)
    memory.text = logged_in(server.access_token).text
    assert len(fetch(schwab).contracts) == 18


SECRETS = (REFRESH_TOKEN, APP_SECRET, "fake-access-token", "fake-id-token", "%40")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_secret_is_in_an_error_or_its_causes(internet: FakeInternet, case: Case) -> None:
    internet.faults.add(case.fault)
    schwab = source(
        logged_in(expires=NOW if case.access == OVER else NOW + timedelta(minutes=20)), timeout_seconds=TIME_LIMIT
    )
    with pytest.raises(SourceError) as caught:
        fetch(schwab)
    written = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(vars(caught.value))
    assert not any(secret in written for secret in SECRETS)


def test_no_secret_is_in_the_logs(enter_internet: EnterInternet, caplog: pytest.LogCaptureFixture) -> None:
    """All levels of all libraries, a renewal, a refusal that repeats the refresh token, and the traceback of it."""
    server = SchwabServer(answers("AAPL"))
    enter_internet(server.servers)
    with caplog.at_level(logging.DEBUG):
        schwab = source(logged_in(expires=NOW))
        fetch(schwab)
        server.expire()
        server.revoke()
        try:
            fetch(schwab)
        except SourceAuthError:
            logging.getLogger("test").exception("refused")
    assert "refused" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)


Change = Callable[[dict[str, Any]], None]
FIRST = f"{EXPIRATIONS[0]}:7"


def first_call(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["callExpDateMap"][FIRST]["95.0"][0]
    return found


def with_first(**changes: Any) -> Change:
    def change(body: dict[str, Any]) -> None:
        for key, value in changes.items():
            if value is ...:
                del first_call(body)[key]
            else:
                first_call(body)[key] = value

    return change


def doubled(body: dict[str, Any]) -> None:
    body["callExpDateMap"][FIRST]["95.0"].append(dict(first_call(body)))


def adjusted_root(body: dict[str, Any]) -> None:
    body["callExpDateMap"][FIRST]["95.0"].append(row("AAPL1", EXPIRATIONS[0], "C", 95, nonStandard=True))


def moved(body: dict[str, Any]) -> None:
    """The first expiration's calls stand under another date than their symbols say."""
    body["callExpDateMap"]["2026-11-25:5"] = body["callExpDateMap"].pop(FIRST)


@dataclass(frozen=True)
class RowCase:
    """A change of one answer, what is counted for it, how many contracts stay, and what becomes unknown."""

    name: str
    change: Change
    unreadable: dict[str, int]
    contracts: int
    unknown: str | None = None


ROW_CASES = (
    RowCase("-999 bid", with_first(bid=-999.0), {}, 18, "bid"),
    RowCase("NaN text", with_first(volatility="NaN"), {}, 18, "vendor_iv"),
    RowCase("-999 volatility", with_first(volatility=-999.0), {}, 18, "vendor_iv"),
    RowCase("missing key", with_first(openInterest=...), {}, 18, "open_interest"),
    RowCase("no time", with_first(quoteTimeInLong=0), {}, 18, "quote_time"),
    RowCase("wrong type", with_first(bid="1.00"), {"bad_bid": 1}, 17),
    RowCase("missing symbol", with_first(symbol=...), {"contract_symbol": 1}, 17),
    RowCase("duplicate", doubled, {"duplicate": 1}, 18),
    RowCase("adjusted root", adjusted_root, {}, 19),
    RowCase("expiration list disagrees", moved, {"expiration_mismatch": 3}, 15),
)


@pytest.mark.parametrize("case", ROW_CASES, ids=lambda case: case.name)
def test_a_spoiled_contract_is_counted_or_unknown(internet: FakeInternet, case: RowCase) -> None:
    body = json.loads(json.dumps(chain("AAPL")))
    case.change(body)
    internet.faults.add(json_answer(CHAINS, body))
    answer = fetch(source())
    contracts = schema.validate(answer.contracts, schema.CHAIN)
    assert (answer.unreadable, len(contracts)) == (case.unreadable, case.contracts)
    unknown = contracts.isna().sum()
    assert {name: count for name, count in unknown.items() if count} == ({case.unknown: 1} if case.unknown else {})
    assert contracts["adjusted"].sum() == (1 if case.change is adjusted_root else 0)


def test_the_cause_of_a_timeout_is_kept(internet: FakeInternet) -> None:
    internet.faults.add(Fault(CHAINS, Kind.SLOW, seconds=HUNG))
    with pytest.raises(SourceTimeoutError) as caught:
        fetch(source(timeout_seconds=TIME_LIMIT))
    assert caught.value.__cause__ is not None
