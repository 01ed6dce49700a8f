"""Robinhood wants a new device approved: a person answers between two calls, and no call waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from scanner.errors import (
    MalformedAnswerError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
)
from tests.integration.sources.robinhood_chains import CREDENTIALS, Clock, Store, source
from tests.integration.sources.robinhood_logins import HUNG, enter, fetch, refusal
from tests.vendors.faults import Fault, dropped, html_page, json_answer, rate_limited, server_error, slow
from tests.vendors.fixtures import EnterInternet
from tests.vendors.robinhood import CHALLENGE, INQUIRY, LOGIN, MACHINE, PROMPT, SMS_CODE, Account

pytestmark = pytest.mark.usefixtures("home")


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


@pytest.mark.parametrize("pattern", [MACHINE, INQUIRY, PROMPT])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (rate_limited, RateLimitedError),
        (server_error, SourceUnavailableError),
        (html_page, MalformedAnswerError),
        (dropped, SourceUnavailableError),
        (lambda pattern: slow(pattern, HUNG), SourceTimeoutError),
    ],
    ids=["429", "500", "page", "dropped", "slow"],
)
def test_a_fault_of_the_approval_is_bounded_and_typed(
    enter_internet: EnterInternet, pattern: str, fault: Callable[[str], Fault], error: type[SourceError]
) -> None:
    started = time.monotonic()
    assert type(approval_failure(enter_internet, pattern, fault(pattern))) is error
    assert time.monotonic() - started < 30.0


@pytest.mark.parametrize(
    ("pattern", "error"), [(MACHINE, MalformedAnswerError), (INQUIRY, SourceAuthError), (PROMPT, SourceAuthError)]
)
def test_an_approval_of_another_shape_is_not_taken_for_one(
    enter_internet: EnterInternet, pattern: str, error: type[SourceError]
) -> None:
    assert type(approval_failure(enter_internet, pattern, json_answer(pattern, []))) is error


def approval_failure(enter_internet: EnterInternet, pattern: str, fault: Fault) -> SourceError:
    """What a fault of one of the approval's requests becomes."""
    server, internet = enter(enter_internet, Account(approval="prompt"))
    clock = Clock()
    robinhood = source(clock=clock, timeout_seconds=1.0)
    if pattern == PROMPT:
        refusal(robinhood)
        clock.advance(seconds=15)
        server.approve()
    internet.faults.add(fault)
    with pytest.raises(SourceError) as caught:
        fetch(robinhood)
    return caught.value
