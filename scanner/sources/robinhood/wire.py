"""Requests to Robinhood whose failures are our errors. Texts name neither addresses nor bodies: both hold secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import requests

from scanner.errors import (
    MalformedAnswerError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
)
from scanner.sources.retry_after import retry_after_seconds
from scanner.sources.robinhood.transport import Transport

BASE: Final = "https://api.robinhood.com"
REFUSED_STATUSES: Final = (401, 403)

_HEADERS: Final = {"Accept": "application/json", "User-Agent": "*"}
_TOO_LONG_STATUS: Final = 414


class Wire:
    """One session for data and approvals, safe to use from several threads. Requests belong to a call (`calling`)."""

    def __init__(
        self, name: str, *, timeout_seconds: float, turn: Callable[[], float], clock: Callable[[], datetime]
    ) -> None:
        self.name = name
        self.timeout_seconds = timeout_seconds
        self._clock = clock
        self._transport = Transport(timeout_seconds=timeout_seconds, turn=turn)
        self._session = self.session(_HEADERS)

    def session(self, headers: Mapping[str, str]) -> requests.Session:
        """A new session over the same transport. It takes no password from a netrc file and sends none elsewhere."""
        session = requests.Session()
        session.headers.clear()
        session.headers.update(headers)
        session.auth = _as_it_is
        session.max_redirects = 0
        session.mount("https://", self._transport)
        return session

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Everything this thread sends inside shares one time limit."""
        with self._transport.calling():
            yield

    def forgive(self, seconds: float) -> None:
        """Do not count these seconds of the call this thread is in."""
        self._transport.call.deadline += seconds

    def get(
        self, url: str, params: Mapping[str, str], *, authorization: str | None, symbol: str | None
    ) -> requests.Response:
        """Raises SourceTimeoutError, SourceUnavailableError. Every status is an answer."""
        headers = {} if authorization is None else {"Authorization": authorization}
        with self.translating(symbol):
            return self._session.get(url, params=dict(params), headers=headers, allow_redirects=False)

    def post(
        self, url: str, body: Mapping[str, Any], *, symbol: str | None, as_form: bool = False
    ) -> requests.Response:
        """Send `body` as JSON or as a form, without a token. Raises as `get` does."""
        form, structure = (dict(body), None) if as_form else (None, dict(body))
        with self.translating(symbol):
            return self._session.post(url, data=form, json=structure, allow_redirects=False)

    def last_answer(self, symbol: str | None) -> requests.Response:
        """What came of this call's last request, where its sender kept that to itself. Raises as `get` does."""
        call = self._transport.call
        with self.translating(symbol):
            if call.failure is not None:
                raise call.failure
        if call.answer is None:
            raise SourceUnavailableError(self.name, symbol, "no request was sent")
        return call.answer

    @contextmanager
    def translating(self, symbol: str | None) -> Iterator[None]:
        try:
            yield
        except requests.RequestException as error:
            if isinstance(error, requests.Timeout) or self._transport.call.is_late:
                detail = f"no answer within {self.timeout_seconds:g} s"
                raise SourceTimeoutError(self.name, symbol, detail) from error
            raise SourceUnavailableError(self.name, symbol, f"no connection ({type(error).__name__})") from error

    def decoded(self, response: requests.Response, symbol: str | None) -> Any:
        """The JSON of a 2xx answer. Raises the error of any other status, MalformedAnswerError for what is no JSON."""
        self.check(response, symbol)
        return self.json(response, symbol)

    def check(self, response: requests.Response, symbol: str | None) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        raise self._status_error(status, response, symbol)

    def json(self, response: requests.Response, symbol: str | None) -> Any:
        try:
            return json.loads(response.content)
        except ValueError as error:
            is_page = response.content.lstrip()[:1] == b"<"
            what = "a page" if is_page else f"{len(response.content)} bytes that are not JSON"
            raise MalformedAnswerError(self.name, symbol, f"answered with {what}") from error

    def _status_error(self, status: int, response: requests.Response, symbol: str | None) -> SourceError:
        if status == 429:
            seconds = retry_after_seconds(response.headers.get("Retry-After"), self._clock())
            return RateLimitedError(self.name, symbol, "too many calls (HTTP 429)", seconds)
        if status in REFUSED_STATUSES:
            return SourceAuthError(self.name, symbol, f"refused (HTTP {status})")
        hint = ": set a smaller batch size" if status == _TOO_LONG_STATUS else ""
        return SourceUnavailableError(self.name, symbol, f"HTTP {status}{hint}")


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
