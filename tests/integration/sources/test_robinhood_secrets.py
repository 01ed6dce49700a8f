"""What nobody may read: passwords, codes, tokens and the name of the device."""

from __future__ import annotations

import logging
import os
import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.errors import SourceError, SourceUnavailableError
from scanner.sources.robinhood import RobinhoodCredentials, RobinhoodSource
from tests.integration.sources.robinhood_chains import CREDENTIALS, Clock, source
from tests.integration.sources.robinhood_logins import LOGIN_FAULTS, enter, fetch, refusal, totp_codes
from tests.vendors.faults import Fault, Kind, json_answer
from tests.vendors.fixtures import EnterInternet
from tests.vendors.messages import Response
from tests.vendors.robinhood import CHALLENGE, DATA, LOGIN, PASSWORD, PROMPT, SMS_CODE, TOTP_SECRET, USERNAME, Account

pytestmark = pytest.mark.usefixtures("home")

SECRETS = (PASSWORD, TOTP_SECRET, SMS_CODE, USERNAME, "fake-access-token", "fake-refresh-token")


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


@pytest.mark.parametrize("kind", ["prompt", "sms"])
def test_no_secret_is_in_what_an_approval_says(
    enter_internet: EnterInternet, kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server, internet = enter(enter_internet, Account(approval=kind))
    clock = Clock()
    robinhood = source(clock=clock, credentials=replace(CREDENTIALS, mfa_code=SMS_CODE))
    texts = [refusal(robinhood)]
    internet.faults.add(json_answer(rf"{PROMPT}|{CHALLENGE}", {"detail": "no"}, 400))
    clock.advance(seconds=15)
    texts.append(refusal(robinhood))
    everything = "\n".join([*texts, caplog.text, *capfd.readouterr()])
    assert not [secret for secret in (*SECRETS, *server.device_tokens) if secret in everything]


def test_the_password_travels_to_robinhood_alone_and_never_in_an_address(enter_internet: EnterInternet) -> None:
    _, internet = enter(enter_internet)
    elsewhere = Response(307, b"", (("Location", "https://elsewhere.example/oauth2/token/"),))
    internet.faults.add(Fault(LOGIN, Kind.ANSWER, answer=elsewhere))
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
