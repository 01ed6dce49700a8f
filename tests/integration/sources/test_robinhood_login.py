"""Logging in at Robinhood through the unmodified robin_stocks, without a person, a file, a word or a wait."""

from __future__ import annotations

import base64
import builtins
import hmac
import logging
import os
import struct
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.errors import (
    MalformedAnswerError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
)
from scanner.sources.base import nearest_only
from scanner.sources.robinhood import RobinhoodCredentials, RobinhoodSource
from tests.integration.sources.robinhood_chains import CREDENTIALS, NOW, Clock, CountingGate, Store, answers, source
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
from tests.vendors.robinhood import (
    CHALLENGE,
    DATA,
    INQUIRY,
    LOGIN,
    MACHINE,
    PASSWORD,
    PROMPT,
    SMS_CODE,
    TOTP_SECRET,
    USERNAME,
    Account,
    RobinhoodServer,
)

HUNG = 60.0
SECRETS = (PASSWORD, TOTP_SECRET, SMS_CODE, USERNAME, "fake-access-token", "fake-refresh-token")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of this test's own, and a terminal that must not be asked."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def asked(*_: object) -> str:
        raise AssertionError("a server process asked a person")

    monkeypatch.setattr(builtins, "input", asked)
    return tmp_path


def enter(enter_internet: EnterInternet, account: Account | None = None) -> tuple[RobinhoodServer, FakeInternet]:
    server = RobinhoodServer(answers("AAPL"), account)
    return server, enter_internet(server.servers)


def fetch(robinhood: RobinhoodSource) -> int:
    return len(robinhood.chain("AAPL", nearest_only).contracts)


def refusal(robinhood: RobinhoodSource) -> str:
    with pytest.raises(SourceAuthError) as caught:
        fetch(robinhood)
    assert (caught.value.source, caught.value.symbol) == ("robinhood", "AAPL")
    return caught.value.detail


def totp_codes() -> tuple[str, ...]:
    """RFC 6238, by hand: the code of `TOTP_SECRET` at `NOW`."""
    counter = struct.pack(">Q", int(NOW.timestamp()) // 30)
    digest = hmac.digest(base64.b32decode(TOTP_SECRET), counter, "sha1")
    offset = digest[-1] & 0xF
    return (f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06d}",)


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


# The approval of a device


@pytest.mark.parametrize("view_key", ["context", "type_context"])
def test_an_approval_in_the_app_is_asked_for_and_used_by_the_next_call(
    enter_internet: EnterInternet, view_key: str
) -> None:
    server, internet = enter(enter_internet, Account(approval="prompt", view_key=view_key))
    store, clock = Store(), Clock()
    robinhood = source(store=store, clock=clock)
    first = refusal(robinhood)
    assert "confirm it in the Robinhood app, then try again" in first
    assert (internet.count(LOGIN), internet.count(MACHINE)) == (1, 1)
    for _ in range(3):
        assert refusal(robinhood) == first
    assert internet.count(PROMPT) == 0, "the look is due only after a pause"
    clock.advance(seconds=15)
    assert refusal(robinhood) == first
    assert (internet.count(LOGIN), internet.count(PROMPT)) == (1, 1)
    server.approve()
    clock.advance(seconds=15)
    assert fetch(robinhood) == 6
    assert (internet.count(LOGIN), internet.count(MACHINE)) == (2, 1)
    assert len(set(server.device_tokens)) == 1
    assert store.last["approval"] is None
    clock.advance(hours=24)
    server.end_sessions()
    assert fetch(robinhood) == 6, "an approved device stays approved"
    assert internet.count(MACHINE) == 1


def test_an_approval_outlives_the_process(enter_internet: EnterInternet) -> None:
    server, internet = enter(enter_internet, Account(approval="prompt"))
    store = Store()
    refusal(source(store=store))
    server.approve()
    assert fetch(source(store=store)) == 6
    assert internet.count(MACHINE) == 1


@pytest.mark.parametrize("kind", ["sms", "email"])
def test_a_code_that_was_sent_is_answered_from_the_credentials(enter_internet: EnterInternet, kind: str) -> None:
    _, internet = enter(enter_internet, Account(approval=kind))
    store = Store()
    assert f"sent a code by {kind}: set it as the MFA code" in refusal(source(store=store))
    assert fetch(source(store=store, credentials=replace(CREDENTIALS, mfa_code=SMS_CODE))) == 6
    assert (internet.count(CHALLENGE), internet.count(MACHINE), internet.count(LOGIN)) == (1, 1, 2)


def test_a_wrong_code_is_sent_once(enter_internet: EnterInternet) -> None:
    """Each new challenge makes Robinhood send a message to a person."""
    _, internet = enter(enter_internet, Account(approval="sms"))
    clock = Clock()
    robinhood = source(clock=clock, credentials=replace(CREDENTIALS, mfa_code="111111"))
    refusal(robinhood)
    for _ in range(20):
        clock.advance(minutes=6)
        refusal(robinhood)
    assert internet.count(CHALLENGE) == 1
    assert internet.count(MACHINE) == 2


def test_a_denied_approval_is_asked_for_anew_but_not_at_once(enter_internet: EnterInternet) -> None:
    server, internet = enter(enter_internet, Account(approval="prompt"))
    clock = Clock()
    robinhood = source(clock=clock)
    refusal(robinhood)
    server.deny()
    clock.advance(seconds=15)
    assert "denied" in refusal(robinhood)
    clock.advance(seconds=15)
    assert "denied" in refusal(robinhood)
    assert internet.count(LOGIN) == 1
    clock.advance(minutes=5)
    assert "confirm it in the Robinhood app" in refusal(robinhood)
    assert (internet.count(LOGIN), internet.count(MACHINE)) == (2, 2)


@pytest.mark.parametrize("kind", ["face", "sms link", ""])
def test_an_approval_of_an_unknown_kind_is_left_to_the_person(enter_internet: EnterInternet, kind: str) -> None:
    enter(enter_internet, Account(approval=kind))
    assert "log in once with Robinhood's app" in refusal(source())


def test_the_older_challenge_is_left_to_the_person(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet)
    challenge = {"detail": "Request blocked, challenge issued.", "challenge": {"id": "1", "type": "sms"}}
    internet.faults.add(json_answer(LOGIN, challenge, 400))
    assert "only a person can answer" in refusal(source())


# What goes wrong

LOGIN_FAULTS: tuple[tuple[str, Fault, type[SourceError]], ...] = (
    ("429", rate_limited(LOGIN), RateLimitedError),
    ("429 for 30 s", rate_limited(LOGIN, "30"), RateLimitedError),
    ("500", server_error(LOGIN), SourceUnavailableError),
    ("404", server_error(LOGIN, 404), SourceUnavailableError),
    (
        "redirect",
        Fault(LOGIN, json_answer("", {}).kind, answer=json_answer("", {}, 302).answer),
        SourceUnavailableError,
    ),
    ("401 page", Fault(LOGIN, json_answer("", {}).kind, answer=server_error("", 401).answer), SourceAuthError),
    ("403 page", Fault(LOGIN, json_answer("", {}).kind, answer=server_error("", 403).answer), SourceAuthError),
    ("page", html_page(LOGIN), MalformedAnswerError),
    ("400 page", Fault(LOGIN, json_answer("", {}).kind, answer=server_error("", 400).answer), MalformedAnswerError),
    ("cut JSON", cut_json(LOGIN), MalformedAnswerError),
    ("empty", plain_text(LOGIN, ""), MalformedAnswerError),
    ("another kind", json_answer(LOGIN, [1, 2]), SourceAuthError),
    ("token without type", json_answer(LOGIN, {"access_token": "fake-access-token-1"}), SourceAuthError),
    ("cut transfer", cut_transfer(LOGIN), SourceUnavailableError),
    ("dropped", dropped(LOGIN), SourceUnavailableError),
    ("slow", slow(LOGIN, HUNG), SourceTimeoutError),
    ("offline", unreachable(), SourceUnavailableError),
)


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
    assert time.monotonic() - started < 5.0
    assert type(caught.value) is error, repr(caught.value)
    if isinstance(caught.value, RateLimitedError):
        assert caught.value.retry_after_seconds == (30.0 if "30" in name else None)
    assert internet.count(LOGIN) <= 1
    internet.faults.clear()
    clock.advance(minutes=5)
    assert fetch(robinhood) == 6


@pytest.mark.parametrize("pattern", [MACHINE, INQUIRY, PROMPT])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (rate_limited, RateLimitedError),
        (server_error, SourceUnavailableError),
        (html_page, MalformedAnswerError),
        (lambda pattern: json_answer(pattern, []), MalformedAnswerError),
        (dropped, SourceUnavailableError),
        (lambda pattern: slow(pattern, HUNG), SourceTimeoutError),
    ],
    ids=["429", "500", "page", "another kind", "dropped", "slow"],
)
def test_a_fault_of_the_approval_is_bounded_and_typed(
    enter_internet: EnterInternet, pattern: str, fault: Callable[[str], Fault], error: type[SourceError]
) -> None:
    server, internet = enter(enter_internet, Account(approval="prompt"))
    clock = Clock()
    robinhood = source(clock=clock, timeout_seconds=1.0)
    if pattern == PROMPT:
        refusal(robinhood)
        clock.advance(seconds=15)
        server.approve()
    internet.faults.add(fault(pattern))
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        fetch(robinhood)
    assert time.monotonic() - started < 5.0
    expected = SourceAuthError if error is MalformedAnswerError and isinstance(caught.value, SourceAuthError) else error
    assert type(caught.value) is expected


def test_a_thread_does_not_wait_for_ever_for_anothers_login(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet)
    internet.faults.add(slow(LOGIN, HUNG))
    gate_opened = threading.Event()
    patient = source(timeout_seconds=20.0)
    impatient = source(timeout_seconds=0.2)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(fetch, patient)
        while internet.count(LOGIN) == 0:
            gate_opened.wait(0.01)
        with pytest.raises(SourceTimeoutError, match="another call's log-in"):
            fetch(impatient)
        internet.__exit__(None, None, None)
        with pytest.raises(SourceUnavailableError):
            waiting.result()
        internet.__enter__()


# Secrets


def test_no_secret_is_in_a_repr() -> None:
    credentials = RobinhoodCredentials(USERNAME, PASSWORD, TOTP_SECRET, SMS_CODE)
    robinhood = source(credentials=credentials)
    for text in (repr(credentials), str(credentials), repr(robinhood), f"{robinhood.__dict__!r}"):
        assert not [secret for secret in SECRETS if secret in text]


def test_no_secret_is_in_an_error_a_log_or_an_output(
    enter_internet: EnterInternet, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server, internet = enter(enter_internet, Account(codes=lambda: (*totp_codes(), SMS_CODE)))
    full = replace(CREDENTIALS, totp_secret=TOTP_SECRET, mfa_code=SMS_CODE)
    texts: list[str] = []

    def note(robinhood: RobinhoodSource) -> None:
        try:
            fetch(robinhood)
        except SourceError as error:
            texts.append("".join(traceback.format_exception(error)))
            texts.append(repr(error))

    for _, fault, _ in LOGIN_FAULTS:
        internet.faults.clear()
        internet.faults.add(fault)
        note(source(credentials=full, timeout_seconds=0.3))
    internet.faults.clear()
    internet.faults.add(json_answer(DATA, {"detail": "no"}, 403))
    note(source(credentials=full))
    internet.faults.clear()
    for wrong in (replace(full, password=PASSWORD + "!"), replace(full, totp_secret=TOTP_SECRET + "!")):
        note(source(credentials=wrong))
    note(source(credentials=replace(full, totp_secret=None, mfa_code=SMS_CODE + "0")))
    assert len(texts) >= 2 * len(LOGIN_FAULTS)
    everything = "\n".join([*texts, caplog.text, *capfd.readouterr()])
    assert not [secret for secret in SECRETS if secret in everything]
    assert server.device_tokens
    assert not [token for token in server.device_tokens if token in everything]


def test_the_password_travels_to_robinhood_alone_and_never_in_an_address(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet)
    elsewhere = Fault(
        LOGIN,
        json_answer("", {}).kind,
        answer=replace(json_answer("", {}, 307).answer, headers=(("Location", "https://elsewhere.example/oauth2/"),)),
    )
    internet.faults.add(elsewhere)
    with pytest.raises(SourceUnavailableError, match="307"):
        fetch(source())
    assert internet.refused == []
    assert not [request for request in internet.requests if PASSWORD in str(request)]


def test_a_netrc_file_does_not_take_the_tokens_place(enter_internet: EnterInternet, home: Path) -> None:
    (home / ".netrc").write_text("default login someone password else\n", encoding="utf-8")
    (home / ".netrc").chmod(0o600)
    assert os.path.expanduser("~") == str(home)
    _, internet = enter(enter_internet)
    assert fetch(source()) == 6
    assert not [one for one in internet.requests if one.headers.get("authorization", "").startswith("Basic")]
