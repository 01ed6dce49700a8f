"""JSON answers of Polygon's API, each call behind the gate. Errors name neither addresses nor what an answer says."""

from __future__ import annotations

import json
import re
import threading
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import httpx

from scanner.errors import (
    MalformedAnswerError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.sources.polygon.time_limit import TimeLimit
from scanner.sources.resilience import Gate
from scanner.sources.retry_after import retry_after_seconds

KEY_SETTING: Final = "SCANNER_POLYGON_API_KEY"
MOST_PAGES: Final = 60
"""Of one question: 15,000 snapshots or 60,000 listed contracts."""

_BASE: Final = "https://api.polygon.io"
_HOSTS: Final = ("api.polygon.io", "api.massive.com")
"""One service under two names: either may stand in the address of a next page. We go on asking the first."""

_GOOD: Final = ("OK", "DELAYED")
_NOT_FOUND: Final = "NOT_FOUND"
_KEY_PARAMETER: Final = "apikey"
_STATUS_WORD: Final = re.compile(r"[A-Z_]{1,30}")

_NO_KEY: Final = f"there is no API key: set {KEY_SETTING}"
_BAD_KEY: Final = f"the API key holds blanks or signs that no key has: set {KEY_SETTING} anew"
_REFUSED_KEY: Final = f"the API key is refused (HTTP 401): set {KEY_SETTING} anew"
_REFUSED_PLAN: Final = (
    "the plan of the API key does not include this: change it at Polygon, or leave polygon out of SCANNER_SOURCES"
)
_NO_CLIENT: Final = "no connection can be set up ({}): see HTTPS_PROXY and SSL_CERT_FILE"


class PolygonClient:
    """Safe to use from several threads. `timeout_seconds` bounds one call from connecting to the body's last byte."""

    def __init__(
        self, name: str, *, api_key: str, timeout_seconds: float, gate: Gate, clock: Callable[[], datetime]
    ) -> None:
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._gate = gate
        self._clock = clock
        self._key_fault = _key_fault(api_key)
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None

        def open_client() -> httpx.Client:
            return httpx.Client(headers={"Authorization": f"Bearer {api_key}", "Accept": "application/json"})

        self._open = open_client

    def get(self, path: str, *, symbol: str) -> Mapping[str, Any]:
        """The JSON object of one good answer.

        Raises RateLimitedError, SourceTimeoutError, SourceUnavailableError, SourceAuthError, MalformedAnswerError,
        and SymbolNotFoundError where Polygon says it has nothing there.
        """
        return self._call(f"{_BASE}{path}", symbol)

    def rows(self, path: str, params: Mapping[str, str], *, symbol: str) -> list[Any]:
        """The results of all pages of a question. Raises as `get` does."""
        found: list[Any] = []
        address = _address(path, params)
        seen = {address}
        for _ in range(MOST_PAGES):
            body = self._call(address, symbol)
            page = body.get("results")
            if not isinstance(page, list):
                raise MalformedAnswerError(self._name, symbol, "results is not a list")
            found.extend(page)
            following = self._following(body, path, symbol)
            if following is None:
                return found
            if following in seen:
                raise MalformedAnswerError(self._name, symbol, "the next page is one that was there before")
            seen.add(following)
            address = following
        raise MalformedAnswerError(self._name, symbol, f"an answer does not end after {MOST_PAGES} pages")

    def _following(self, body: Mapping[str, Any], path: str, symbol: str) -> str | None:
        """The address of the next page: the same path at our host. A key that was put into it is left out."""
        following = body.get("next_url")
        if following is None or following == "":
            return None
        try:
            parts = urlsplit(following if isinstance(following, str) else "")
        except ValueError as error:
            raise MalformedAnswerError(self._name, symbol, "the next page has no readable address") from error
        if parts.scheme != "https" or parts.netloc not in _HOSTS or unquote(parts.path) != path:
            raise MalformedAnswerError(self._name, symbol, "the next page is at another address than its first")
        query = parse_qsl(parts.query, keep_blank_values=True)
        return _address(path, [(name, value) for name, value in query if name.lower() != _KEY_PARAMETER])

    def _call(self, address: str, symbol: str) -> Mapping[str, Any]:
        if self._key_fault:
            raise SourceAuthError(self._name, symbol, self._key_fault)
        return self._gate.call(lambda: self._send(address, symbol), symbol=symbol)

    def _send(self, address: str, symbol: str) -> Mapping[str, Any]:
        limit = TimeLimit(self._timeout_seconds)
        try:
            with self._connected(symbol).stream("GET", address, extensions={"timeout": limit}) as response:
                content = limit.whole(response.iter_bytes())
        except httpx.TimeoutException as error:
            detail = f"no answer within {self._timeout_seconds:g} s"
            raise SourceTimeoutError(self._name, symbol, detail) from error
        except httpx.DecodingError as error:
            raise MalformedAnswerError(self._name, symbol, "answered with what cannot be unpacked") from error
        except httpx.HTTPError as error:
            raise SourceUnavailableError(self._name, symbol, f"no connection ({type(error).__name__})") from error
        if not response.is_success:
            raise self._status_error(response, content, symbol)
        return self._good(content, symbol)

    def _connected(self, symbol: str) -> httpx.Client:
        """The HTTP client, made at the first call: proxies and certificates are read from the environment then."""
        with self._lock:
            if self._http is None:
                try:
                    self._http = self._open()
                except (ImportError, OSError, ValueError) as error:
                    detail = _NO_CLIENT.format(type(error).__name__)
                    raise SourceUnavailableError(self._name, symbol, detail) from error
                weakref.finalize(self, self._http.close)
            return self._http

    def _status_error(self, response: httpx.Response, content: bytes, symbol: str) -> SourceError:
        match response.status_code:
            case 429:
                seconds = retry_after_seconds(response.headers.get("Retry-After"), self._clock())
                return RateLimitedError(self._name, symbol, "too many calls (HTTP 429)", seconds)
            case 401:
                return SourceAuthError(self._name, symbol, _REFUSED_KEY)
            case 403:
                return SourceAuthError(self._name, symbol, f"{_REFUSED_PLAN} (HTTP 403)")
            case 404 if _says_not_found(content):
                return SymbolNotFoundError(self._name, symbol, "not known to Polygon (HTTP 404)")
            case status:
                return SourceUnavailableError(self._name, symbol, f"HTTP {status}")

    def _good(self, content: bytes, symbol: str) -> Mapping[str, Any]:
        try:
            body = json.loads(content)
        except (RecursionError, ValueError) as error:
            is_page = content.lstrip()[:1] == b"<"
            what = "a page" if is_page else f"{len(content)} bytes that are not JSON"
            raise MalformedAnswerError(self._name, symbol, f"answered with {what}") from error
        if not isinstance(body, dict):
            raise MalformedAnswerError(self._name, symbol, "answered with JSON that is no object")
        match body.get("status"):
            case status if status in _GOOD:
                return body
            case "NOT_AUTHORIZED":
                raise SourceAuthError(self._name, symbol, f"{_REFUSED_PLAN} (NOT_AUTHORIZED)")
            case "NOT_FOUND":
                raise SymbolNotFoundError(self._name, symbol, "not known to Polygon (NOT_FOUND)")
            case status:
                word = status if isinstance(status, str) and _STATUS_WORD.fullmatch(status) else "not given"
                raise MalformedAnswerError(self._name, symbol, f"answered with the status {word}")


def _address(path: str, params: Mapping[str, str] | list[tuple[str, str]]) -> str:
    return f"{_BASE}{path}?{urlencode(params)}"


def _key_fault(api_key: str) -> str:
    """Why a key cannot be sent, empty where it can. One that cannot would be quoted in the HTTP library's error."""
    if not api_key:
        return _NO_KEY
    return "" if api_key.isascii() and api_key.isprintable() and " " not in api_key else _BAD_KEY


def _says_not_found(content: bytes) -> bool:
    """Whether the answer comes from the service itself, not from what stands before it."""
    try:
        body = json.loads(content)
    except (RecursionError, ValueError):
        return False
    return isinstance(body, dict) and body.get("status") == _NOT_FOUND
