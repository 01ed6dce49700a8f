"""Logging in at Robinhood through the unmodified robin_stocks, without a person, a file, a word or a wait."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.errors import RateLimitedError, SourceAuthError, SourceError, SourceTimeoutError
from scanner.sources.robinhood import RobinhoodCredentials
from tests.integration.sources.robinhood_chains import CREDENTIALS, Clock, CountingGate, Store, source
from tests.integration.sources.robinhood_logins import HUNG, LOGIN_FAULTS, enter, fetch, refusal, totp_codes
from tests.vendors.faults import Fault, json_answer, slow
from tests.vendors.fixtures import EnterInternet
from tests.vendors.robinhood import DATA, LOGIN, TOTP_SECRET, Account

pytestmark = pytest.mark.usefixtures("home")


def test_one_login_serves_all_calls(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet)
    gate = CountingGate()
    robinhood = source(gate=gate)
    for _ in range(3):
        assert fetch(robinhood) == 6
    assert internet.count(LOGIN) == 1
    assert gate.turns == 1, "the log-in is the only request inside a call"
    assert len(gate.calls) == internet.count(DATA) == 15
    assert set(gate.calls) == {"AAPL"}


def test_nothing_is_written_asked_or_said(
    enter_internet: EnterInternet, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    enter(enter_internet)
    before = set(home.rglob("*"))
    fetch(source())
    with pytest.raises(SourceAuthError):
        fetch(source(credentials=replace(CREDENTIALS, password="wrong")))
    assert {path for path in home.rglob("*") if "fake-internet" not in str(path)} == {
        path for path in before if "fake-internet" not in str(path)
    }
    assert capfd.readouterr() == ("", "")


def test_the_librarys_own_state_is_as_before(enter_internet: EnterInternet) -> None:
    enter(enter_internet)
    from robin_stocks.robinhood import authentication, globals, helper

    before = (dict(vars(authentication)), dict(vars(helper)), dict(globals.SESSION.headers))
    fetch(source())
    refusal(source(credentials=replace(CREDENTIALS, password="wrong")))
    assert (dict(vars(authentication)), dict(vars(helper)), dict(globals.SESSION.headers)) == before
    assert "Authorization" not in globals.SESSION.headers


def test_a_totp_secret_gives_the_code_of_the_moment(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet, Account(codes=totp_codes))
    spaced = f"{TOTP_SECRET[:4]} {TOTP_SECRET[4:].lower()}"
    for secret in (TOTP_SECRET, spaced):
        assert fetch(source(credentials=replace(CREDENTIALS, totp_secret=secret))) == 6
    assert internet.count(LOGIN) == 2


def test_an_mfa_code_may_be_given_instead(enter_internet: EnterInternet) -> None:
    enter(enter_internet, Account(codes=lambda: ("123456",)))
    assert fetch(source(credentials=replace(CREDENTIALS, mfa_code="123456"))) == 6


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password": "wrong"}, "check user name, password"),
        ({"username": "someone"}, "check user name, password"),
        ({}, "needs a second factor: set the TOTP secret"),
        ({"mfa_code": "000000"}, "MFA code was refused"),
        ({"totp_secret": "GEZDGNBVGY3TQOJQ"}, "MFA code was refused"),
        ({"totp_secret": "not base 32 !"}, "TOTP secret cannot be read"),
        ({"password": None}, "set them"),
        ({"username": ""}, "set them"),
    ],
)
def test_refused_or_missing_credentials_say_what_to_do(
    enter_internet: EnterInternet, changes: dict[str, str | None], says: str
) -> None:
    _, internet = enter(enter_internet, Account(codes=totp_codes))
    store, clock = Store(), Clock()
    robinhood = source(credentials=replace(CREDENTIALS, **changes), store=store, clock=clock)
    first = refusal(robinhood)
    assert says in first
    tried = internet.count(LOGIN)
    assert tried <= 1
    assert internet.count(DATA) == 0
    for _ in range(5):
        assert refusal(robinhood) == first
    assert internet.count(LOGIN) == tried, "a refused password is not sent again and again"
    clock.advance(minutes=5)
    refusal(robinhood)
    assert internet.count(LOGIN) == 2 * tried
    assert all("token-" not in text for text in store.written)


def test_a_stored_session_needs_no_password(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet)
    store = Store()
    fetch(source(store=store))
    assert fetch(source(store=store, credentials=RobinhoodCredentials())) == 6
    assert internet.count(LOGIN) == 1


def test_an_ended_session_without_a_password_says_so(enter_internet: EnterInternet) -> None:
    server, internet = enter(enter_internet)
    store = Store()
    fetch(source(store=store))
    server.end_sessions()
    assert "no stored session that works" in refusal(source(store=store, credentials=RobinhoodCredentials()))
    assert internet.count(LOGIN) == 1


@pytest.mark.parametrize(
    "text", ["", "not json", "[]", "{}", '{"device_token": 7}', '{"device_token": ""}', '{"authorization": "Bearer x"}']
)
def test_a_text_that_is_no_session_is_none(enter_internet: EnterInternet, text: str) -> None:
    enter(enter_internet)
    assert "no stored session" in refusal(source(store=Store([text]), credentials=RobinhoodCredentials()))
    store = Store([text])
    assert fetch(source(store=store)) == 6
    assert store.last["authorization"].startswith("Bearer ")


def test_an_ended_session_is_renewed_within_the_call_as_the_same_device(enter_internet: EnterInternet) -> None:
    server, internet = enter(enter_internet)
    store, clock, gate = Store(), Clock(), CountingGate()
    robinhood = source(store=store, clock=clock, gate=gate)
    fetch(robinhood)
    clock.advance(hours=24)
    server.end_sessions()
    assert fetch(robinhood) == 6
    assert internet.count(LOGIN) == 2
    assert len(set(server.device_tokens)) == 1
    assert store.last["device_token"] == server.device_tokens[0]
    assert gate.turns == 3, "the first log-in, then the second and the call again"


def test_a_session_another_process_renewed_is_taken_over(enter_internet: EnterInternet) -> None:
    server, internet = enter(enter_internet)
    store, clock = Store(), Clock()
    first, second = source(store=store, clock=clock), source(store=store, clock=clock)
    fetch(first)
    fetch(second)
    clock.advance(hours=24)
    server.end_sessions()
    fetch(first)
    fetch(second)
    assert internet.count(LOGIN) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_session_refused_right_after_the_login_is_not_renewed_for_ever(
    enter_internet: EnterInternet, status: int
) -> None:
    _, internet = enter(enter_internet)
    robinhood = source()
    internet.faults.add(json_answer(DATA, {"detail": "no"}, status))
    assert "refused right after the log-in" in refusal(robinhood)
    for _ in range(5):
        refusal(robinhood)
    assert internet.count(LOGIN) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_that_a_new_session_does_not_mend(enter_internet: EnterInternet, status: int) -> None:
    _, internet = enter(enter_internet)
    store = Store()
    fetch(source(store=store))
    internet.faults.add(json_answer(DATA, {"detail": "no"}, status))
    assert f"with a new session too (HTTP {status})" in refusal(source(store=store))
    assert internet.count(LOGIN) == 2


def test_sixteen_threads_log_in_once(enter_internet: EnterInternet) -> None:
    server, internet = enter(enter_internet)
    clock = Clock()
    robinhood = source(clock=clock)
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: fetch(robinhood), range(32))) == {6}
        assert internet.count(LOGIN) == 1
        clock.advance(hours=24)
        server.end_sessions()
        assert set(pool.map(lambda _: fetch(robinhood), range(32))) == {6}
    assert internet.count(LOGIN) == 2


def test_two_accounts_in_one_process_keep_apart(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet)
    one, other = Store(), Store()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(fetch, (source(store=one), source(store=other)))) == [6, 6]
    assert internet.count(LOGIN) == 2
    assert one.last["authorization"] != other.last["authorization"]


@pytest.mark.parametrize(("name", "fault", "error"), LOGIN_FAULTS, ids=[name for name, _, _ in LOGIN_FAULTS])
def test_a_fault_of_the_login_becomes_its_error_and_passes(
    enter_internet: EnterInternet, name: str, fault: Fault, error: type[SourceError]
) -> None:
    _, internet = enter(enter_internet)
    clock = Clock()
    robinhood = source(clock=clock, timeout_seconds=1.0)
    internet.faults.add(fault)
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        fetch(robinhood)
    assert time.monotonic() - started < HUNG / 2
    assert type(caught.value) is error, repr(caught.value)
    if isinstance(caught.value, RateLimitedError):
        assert caught.value.retry_after_seconds == (30.0 if "30" in name else None)
    assert internet.count(LOGIN) <= 1
    internet.faults.clear()
    clock.advance(minutes=5)
    assert fetch(robinhood) == 6


def test_a_thread_does_not_wait_for_ever_for_anothers_login(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet)
    internet.faults.add(slow(LOGIN, 2.0))
    patient, impatient = source(timeout_seconds=20.0), source(timeout_seconds=0.2)
    with ThreadPoolExecutor(1) as pool:
        logging_in = pool.submit(fetch, patient)
        while internet.count(LOGIN) == 0:
            time.sleep(0.01)
        with pytest.raises(SourceTimeoutError, match="another call's log-in"):
            fetch(impatient)
        assert logging_in.result() == 6
