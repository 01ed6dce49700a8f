"""The log-in in two steps, and several processes that need a new access token at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from scanner.errors import InputError, MalformedAnswerError, SourceAuthError, SourceError, SourceTimeoutError
from scanner.sources.schwab import (
    LoginAddress,
    SchwabCredentials,
    login_address,
    refresh_token_expires_at,
    refresh_token_remaining_seconds,
    token_from_redirect,
)
from tests.integration.sources.schwab_chains import CREDENTIALS, LOGGED_IN, NOW, Memory, answers, source
from tests.vendors.faults import Fault, html_page, json_answer, slow
from tests.vendors.fixtures import EnterInternet
from tests.vendors.internet import FakeInternet
from tests.vendors.schwab import (
    APP_KEY,
    APP_SECRET,
    CALLBACK,
    CHAINS,
    CODE,
    REFRESH_TOKEN,
    TOKEN,
    SchwabServer,
    TokenFile,
    stored_login,
)

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = 4

WORKER = """
import sys
from pathlib import Path
from scanner.sources.resilience import OpenGate
from scanner.sources.schwab import SchwabSource
from tests.integration.sources.schwab_chains import CREDENTIALS, NOW
from tests.vendors.schwab import TokenFile
store = TokenFile(Path(sys.argv[1]))
schwab = SchwabSource(clock=lambda: NOW, gate=OpenGate(), timeout_seconds=20.0, credentials=CREDENTIALS,
                      read_token=store.read, write_token=store.write, lock=store.lock)
print("ready", flush=True)
sys.stdin.readline()
print(len(schwab.chain("AAPL", lambda listed: listed).contracts))
"""


@pytest.fixture
def internet(enter_internet: EnterInternet) -> FakeInternet:
    return enter_internet(SchwabServer(answers("AAPL")).servers)


@pytest.fixture
def address() -> LoginAddress:
    return login_address(APP_KEY, CALLBACK)


def redirect(address: LoginAddress, code: str = CODE) -> str:
    """What the browser is sent to after the log-in."""
    return f"{CALLBACK}/?code={quote(code, safe='')}&session=1-2-3&state={address.state}"


def log_in(address: LoginAddress, pasted: str, **changes: float) -> str:
    return token_from_redirect(
        pasted, credentials=CREDENTIALS, callback=CALLBACK, state=address.state, now=NOW, **changes
    )


def test_the_address_names_app_callback_and_state(internet: FakeInternet, address: LoginAddress) -> None:
    parts = urlsplit(address.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert (parts.scheme, parts.hostname, parts.path) == ("https", "api.schwabapi.com", "/v1/oauth/authorize")
    assert query == {
        "response_type": "code",
        "client_id": APP_KEY,
        "redirect_uri": CALLBACK,
        "state": address.state,
    }
    assert login_address(APP_KEY, CALLBACK).state != address.state
    assert internet.requests == []


def test_the_address_pasted_back_becomes_a_login_that_works(internet: FakeInternet, address: LoginAddress) -> None:
    text = log_in(address, f"  {redirect(address)}#anything\n")
    assert refresh_token_expires_at(text) == NOW + timedelta(days=7)
    assert refresh_token_remaining_seconds(text, NOW + timedelta(days=6)) == 86_400
    assert internet.count(TOKEN) == 1
    memory = Memory(text)
    assert len(source(memory).chain("AAPL", lambda listed: listed).contracts) == 18
    assert memory.written == []


@pytest.mark.parametrize(
    "pasted",
    ["", "no address", CALLBACK, f"{CALLBACK}/?error=access_denied&state=x", f"{CALLBACK}/?code=&state=x"],
)
def test_an_address_without_a_code_is_refused_unsent(
    internet: FakeInternet, address: LoginAddress, pasted: str
) -> None:
    with pytest.raises(InputError, match="paste the whole address"):
        log_in(address, pasted)
    assert internet.requests == []


@pytest.mark.parametrize("state", ["", "&state=another"])
def test_an_address_of_another_login_is_refused_unsent(
    internet: FakeInternet, address: LoginAddress, state: str
) -> None:
    with pytest.raises(InputError, match="another log-in"):
        log_in(address, f"{CALLBACK}/?code={CODE}{state}")
    assert internet.requests == []


def test_the_callback_must_be_encrypted() -> None:
    with pytest.raises(InputError, match="https"):
        login_address(APP_KEY, "http://127.0.0.1")


def test_a_code_is_good_once(internet: FakeInternet, address: LoginAddress) -> None:
    log_in(address, redirect(address))
    with pytest.raises(SourceAuthError) as caught:
        log_in(address, redirect(address))
    written = "".join(traceback.format_exception(caught.value))
    assert not any(secret in written for secret in (CODE, quote(CODE, safe=""), APP_SECRET, REFRESH_TOKEN))


def test_a_wrong_secret_is_refused(internet: FakeInternet, address: LoginAddress) -> None:
    wrong = SchwabCredentials(APP_KEY, "wrong-secret")
    with pytest.raises(SourceAuthError) as caught:
        token_from_redirect(redirect(address), credentials=wrong, callback=CALLBACK, state=address.state, now=NOW)
    assert "wrong-secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (html_page(TOKEN), MalformedAnswerError),
        (json_answer(TOKEN, {"access_token": "new", "expires_in": 1800}), MalformedAnswerError),
        (slow(TOKEN, 60.0), SourceTimeoutError),
    ],
    ids=["page", "no refresh token", "slow"],
)
def test_faults_of_the_login(
    internet: FakeInternet, address: LoginAddress, fault: Fault, error: type[SourceError]
) -> None:
    internet.faults.add(fault)
    with pytest.raises(error):
        log_in(address, redirect(address), timeout_seconds=1.0)


def test_of_several_processes_exactly_one_renews_the_token(internet: FakeInternet, tmp_path: Path) -> None:
    store = TokenFile(tmp_path / "login.json")
    store.write(stored_login("fake-access-token-1", created=LOGGED_IN, access_expires=NOW))
    internet.faults.add(slow(TOKEN, 0.5))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(store.path)],
            cwd=ROOT,
            env={**os.environ, **internet.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    found = [worker.communicate(timeout=60)[0] for worker in started_together(workers)]
    assert found == ["18\n"] * PROCESSES
    assert (internet.count(TOKEN), internet.count(CHAINS)) == (1, PROCESSES)
    renewed = json.loads(store.read() or "")
    assert renewed["token"]["access_token"] == "fake-access-token-2"
    assert renewed["creation_timestamp"] == int(LOGGED_IN.timestamp())


def started_together(workers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Let all of them go before waiting for any."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return workers
