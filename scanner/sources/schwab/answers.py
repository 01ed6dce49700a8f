"""Schwab's HTTP answers read: a JSON object, or the error that its status means.

Nothing of an answer that refuses is repeated in an error: the token endpoint's may name tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scanner.errors import (
    MalformedAnswerError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.sources.retry_after import retry_after_seconds
from scanner.sources.schwab.tokens import LOGIN_COMMAND, NAME


def chain_body(response: Any, symbol: str, now: datetime) -> Mapping[str, Any]:
    """The JSON object of a chain answer. Raises the SourceError its status or body means."""
    match response.status_code:
        case 200:
            return _json_object(response, symbol)
        case 400:
            raise MalformedAnswerError(NAME, symbol, "refused the request as malformed (HTTP 400)")
        case 401:
            raise SourceAuthError(NAME, symbol, f"refused a new access token (HTTP 401): run `{LOGIN_COMMAND}`")
        case 403:
            raise SourceAuthError(NAME, symbol, "forbidden (HTTP 403): does the app include market data?")
        case 404 if _says_errors(response):
            raise SymbolNotFoundError(NAME, symbol, "not known to Schwab (HTTP 404)")
        case _:
            raise _passing(response, symbol, now)


def token_body(response: Any, symbol: str | None, now: datetime) -> Mapping[str, Any]:
    """The JSON object of an answer of the token endpoint. Raises the SourceError its status or body means."""
    match response.status_code:
        case 200:
            body = _json_object(response, symbol)
            if not isinstance(body.get("access_token"), str):
                raise MalformedAnswerError(NAME, symbol, "answered the log-in without an access token")
            return body
        case 400 | 401:
            detail = f"the log-in is refused or revoked (HTTP {response.status_code}): run `{LOGIN_COMMAND}`"
            raise SourceAuthError(NAME, symbol, detail)
        case 403:
            raise SourceAuthError(NAME, symbol, "the token endpoint is forbidden (HTTP 403): check key and secret")
        case _:
            raise _passing(response, symbol, now)


def transport_error(error: Exception, http: Any, symbol: str | None, timeout_seconds: float) -> SourceError:
    """What an error of the HTTP library `http` means."""
    if isinstance(error, http.TimeoutException):
        return SourceTimeoutError(NAME, symbol, f"no answer within {timeout_seconds:g} s")
    return SourceUnavailableError(NAME, symbol, f"no connection ({type(error).__name__})")


def _passing(response: Any, symbol: str | None, now: datetime) -> SourceError:
    """What passes by itself: the call limit and trouble at Schwab's."""
    if response.status_code == 429:
        seconds = retry_after_seconds(response.headers.get("Retry-After"), now)
        return RateLimitedError(NAME, symbol, "too many calls (HTTP 429)", seconds)
    return SourceUnavailableError(NAME, symbol, f"HTTP {response.status_code}")


def _json_object(response: Any, symbol: str | None) -> Mapping[str, Any]:
    content: bytes = response.content
    try:
        body = json.loads(content)
    except ValueError:
        what = "a page" if content.lstrip()[:1] == b"<" else f"{len(content)} bytes that are not JSON"
        raise MalformedAnswerError(NAME, symbol, f"answered with {what}") from None
    if not isinstance(body, dict):
        raise MalformedAnswerError(NAME, symbol, "answered with JSON that is no object")
    return body


def _says_errors(response: Any) -> bool:
    """Whether an error comes from the service itself, not from what stands before it."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return False
    return isinstance(body, dict) and isinstance(body.get("errors"), list)
