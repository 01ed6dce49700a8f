"""Logging in at Schwab in two steps without input or output: an address to open, then the address one was sent to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urldefrag, urlsplit

from scanner.errors import InputError, MalformedAnswerError
from scanner.sources.schwab.answers import token_body, transport_error
from scanner.sources.schwab.library import http_library, limit_time, load_library
from scanner.sources.schwab.tokens import NAME, SchwabCredentials, TokenTextError, token_text


@dataclass(frozen=True, slots=True)
class LoginAddress:
    """`url`: what to open in a browser, on any machine. `state` belongs to this one log-in."""

    url: str
    state: str


def login_address(app_key: str, callback: str) -> LoginAddress:
    """Where to log in. `callback` is the app's callback address exactly as registered. Raises InputError."""
    if urlsplit(callback).scheme != "https":
        raise InputError("Schwab sends log-ins to https addresses only: register and set one such as https://127.0.0.1")
    context = load_library().get_auth_context(app_key, callback)
    return LoginAddress(context.authorization_url, context.state)


def token_from_redirect(
    redirect: str,
    *,
    credentials: SchwabCredentials,
    callback: str,
    state: str,
    now: datetime,
    timeout_seconds: float = 30.0,
) -> str:
    """The token text to store, for the whole address that the browser was sent to after the log-in.

    `callback` and `state` as for and from `login_address`. The code in the address is good for half a minute, once.
    Raises InputError for another address, SourceAuthError where Schwab refuses the code, other SourceErrors.
    """
    address = urldefrag(redirect.strip()).url
    _require_code(address, state)
    library = load_library()
    session = library.OAuth2Client(credentials.app_key, redirect_uri=callback)
    limit_time(session, timeout_seconds)
    http = http_library(session)

    def check(response: Any) -> Any:
        token_body(response, None, now)
        return response

    session.register_compliance_hook("access_token_response", check)
    with session:
        try:
            token = session.fetch_token(
                library.TOKEN_ENDPOINT,
                authorization_response=address,
                client_id=credentials.app_key,
                auth=(credentials.app_key, credentials.app_secret),
                state=state,
            )
        except http.RequestError as error:
            raise transport_error(error, http, None, timeout_seconds) from error
    try:
        return token_text(token, created_at=now.timestamp(), now=now)
    except TokenTextError as error:
        raise MalformedAnswerError(NAME, None, f"answered the log-in with something else ({error})") from error


def _require_code(address: str, state: str) -> None:
    query = parse_qs(urlsplit(address).query)
    if not query.get("code"):
        raise InputError("the address has no code in it: paste the whole address the browser was sent to")
    if query.get("state") != [state]:
        raise InputError("the address belongs to another log-in: start the log-in again")
