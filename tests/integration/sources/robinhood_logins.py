"""What tests of the log-in at Robinhood share: a home folder, an account, and what goes wrong at the log-in."""

from __future__ import annotations

import base64
import builtins
import hmac
import struct
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
from scanner.sources.robinhood import RobinhoodSource
from tests.integration.sources.robinhood_chains import NOW, answers
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
from tests.vendors.robinhood import LOGIN, TOTP_SECRET, Account, RobinhoodServer

HUNG = 60.0


@pytest.fixture
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


LOGIN_FAULTS: tuple[tuple[str, Fault, type[SourceError]], ...] = (
    ("429", rate_limited(LOGIN), RateLimitedError),
    ("429 for 30 s", rate_limited(LOGIN, "30"), RateLimitedError),
    ("500", server_error(LOGIN), SourceUnavailableError),
    ("404", server_error(LOGIN, 404), SourceUnavailableError),
    (
        "redirect",
        json_answer(LOGIN, {}, 302),
        SourceUnavailableError,
    ),
    ("401 page", server_error(LOGIN, 401), SourceAuthError),
    ("403 page", server_error(LOGIN, 403), SourceAuthError),
    ("page", html_page(LOGIN), MalformedAnswerError),
    ("400 page", server_error(LOGIN, 400), MalformedAnswerError),
    ("cut JSON", cut_json(LOGIN), MalformedAnswerError),
    ("empty", plain_text(LOGIN, ""), MalformedAnswerError),
    ("another kind", json_answer(LOGIN, [1, 2]), SourceAuthError),
    ("token without type", json_answer(LOGIN, {"access_token": "fake-access-token-1"}), SourceAuthError),
    ("cut transfer", cut_transfer(LOGIN), SourceUnavailableError),
    ("dropped", dropped(LOGIN), SourceUnavailableError),
    ("slow", slow(LOGIN, HUNG), SourceTimeoutError),
    ("offline", unreachable(), SourceUnavailableError),
)
