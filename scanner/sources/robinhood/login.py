"""A log-in through robin_stocks, without a person, a file or a word.

`robin_stocks.robinhood.login` keeps one session per process, prints, asks on the terminal, waits for a device approval
in a loop, writes its tokens as a pickle into the home folder and swallows every failure. So it runs here with a
session of ours in the place of its own, with what it says and asks replaced, and what came of it is read from the
session and from the answer that our transport kept.
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from scanner.errors import SourceAuthError
from scanner.sources.robinhood.credentials import readable_token
from scanner.sources.robinhood.wire import Wire

LIBRARY_LOCK: Final = threading.Lock()
"""Held while the library's module state is ours: one log-in at a time in a process."""

_JSON_STATUSES: Final = (200, 201, 400, 401, 403)
"""What the token's address answers with a body that says why."""


class _LeftToUsError(Exception):
    """Stops the library where it would wait for a person."""


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """What a log-in came to: a token, or the workflow in which a person has to approve the device."""

    authorization: str | None = None
    workflow_id: str | None = None


def new_device_token() -> str:
    """A name for this device that Robinhood does not know yet."""
    from robin_stocks.robinhood import authentication

    return str(authentication.generate_device_token())


def log_in(
    wire: Wire, *, username: str, password: str, code: str | None, device_token: str, symbol: str | None
) -> LoginAnswer:
    """One log-in: one request inside the call this thread is in. `LIBRARY_LOCK` must be held.

    Raises SourceAuthError for refused credentials and for what only a person can answer, RateLimitedError,
    SourceTimeoutError, SourceUnavailableError, MalformedAnswerError.
    """
    authorization = _library_login(wire, username, password, code, device_token)
    if authorization is not None:
        return LoginAnswer(authorization=authorization)
    response = wire.last_answer(symbol)
    if response.status_code not in _JSON_STATUSES:
        wire.check(response, symbol)
    body = _refusal_body(wire, response, symbol)
    workflow = body.get("verification_workflow")
    if isinstance(workflow, Mapping) and isinstance(workflow.get("id"), str):
        return LoginAnswer(workflow_id=workflow["id"])
    raise SourceAuthError(wire.name, symbol, _refusal(body, response.status_code, code_given=code is not None))


def _library_login(wire: Wire, username: str, password: str, code: str | None, device_token: str) -> str | None:
    """The token in the session's header, None where the library did not get one."""
    from robin_stocks.robinhood import authentication, globals, helper

    session = wire.session({**globals.SESSION.headers})
    ours = {"SESSION": session, "OUTPUT": io.StringIO(), "LOGGED_IN": False}
    mute = {
        "print": _say_nothing,
        "input": _stop,
        "_validate_sherrif_id": _stop,
        "generate_device_token": lambda: device_token,
    }
    with tempfile.TemporaryDirectory() as empty, _replaced(helper, ours), _replaced(authentication, mute):
        authentication.login(username, password, store_session=False, mfa_code=code, pickle_path=empty)
    return readable_token(session.headers.get("Authorization"))


@contextmanager
def _replaced(module: ModuleType, values: Mapping[str, Any]) -> Iterator[None]:
    """These names of a module with other values, a name of a built-in function included."""
    namespace = vars(module)
    before = {name: namespace[name] for name in values if name in namespace}
    namespace.update(values)
    try:
        yield
    finally:
        for name in values:
            del namespace[name]
        namespace.update(before)


def _say_nothing(*words: object, **options: object) -> None:  # noqa: ARG001 what print takes
    return None


def _stop(*arguments: object, **options: object) -> None:  # noqa: ARG001 what the replaced functions take
    raise _LeftToUsError


def _refusal_body(wire: Wire, response: Any, symbol: str | None) -> Mapping[str, Any]:
    if response.status_code in (401, 403) and response.content.lstrip()[:1] != b"{":
        wire.check(response, symbol)
    body = wire.json(response, symbol)
    return body if isinstance(body, Mapping) else {}


def _refusal(body: Mapping[str, Any], status: int, *, code_given: bool) -> str:
    """Why there is no token and what to do. Robinhood's own words are not repeated: they may hold what was sent."""
    if body.get("mfa_required"):
        if code_given:
            return "the MFA code was refused: set a new code, or the TOTP secret of the authenticator"
        return "a log-in needs a second factor: set the TOTP secret of the authenticator, or an MFA code"
    if "challenge" in body:
        return "Robinhood asks a question only a person can answer: log in once with its app or site, then try again"
    return f"the log-in was refused (HTTP {status}): check user name, password and MFA code"
