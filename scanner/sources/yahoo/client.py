"""The yfinance client with a time limit, a call limit and failures that keep their facts.

yfinance owns cookies, crumb and consent form. Its session is watched here, because above it a status, a Retry-After
or a time-out can no longer be told from an empty answer.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from scanner.errors import (
    MalformedAnswerError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.sources.resilience import Gate
from scanner.sources.retry_after import retry_after_seconds

_DATA_HOSTS: Final = ("query1.finance.yahoo.com", "query2.finance.yahoo.com")
_CRUMB_PATH: Final = "/v1/test/getcrumb"
_LIMIT_TEXT: Final = "Too Many Requests"
_SESSION_SHARE: Final = 1 / 3
"""Part of the time limit that one request for a cookie or crumb may use: yfinance goes on without them."""

_AUTH_STATUSES: Final = (401, 403)


class _RefusedError(Exception):
    """A final refusal, raised inside yfinance so that it neither repeats the call nor hides the status."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.text = text


class _OutOfTimeError(Exception):
    """The time limit of the whole call was used up by its parts. Not an OSError: yfinance would go on."""


@dataclass(slots=True)
class _Attempt:
    """One call to Yahoo with everything yfinance does for it, as seen from this thread."""

    deadline: float
    failure: BaseException | None = None
    data_requests: int = 0


class YahooClient:
    """JSON answers of Yahoo's data hosts through yfinance. Safe to use from several threads.

    `timeout_seconds` bounds one call including its cookie and crumb requests, without the waits for a turn.
    """

    def __init__(self, name: str, *, timeout_seconds: float, gate: Gate, clock: Callable[[], datetime]) -> None:
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._gate = gate
        self._clock = clock
        self._lock = threading.Lock()
        self._local = threading.local()
        self._data: Any = None
        self._transport_errors: Any = None

    def get(self, url: str, params: Mapping[str, str], *, symbol: str) -> Any:
        """The decoded JSON body of a 200 answer.

        Raises SymbolNotFoundError, RateLimitedError, SourceTimeoutError, SourceUnavailableError, SourceAuthError or
        MalformedAnswerError, and what the gate raises.
        """
        return self._gate.call(lambda: self._send(url, params, symbol), symbol=symbol)

    def _send(self, url: str, params: Mapping[str, str], symbol: str) -> Any:
        data = self._connected()
        attempt = _Attempt(time.monotonic() + self._timeout_seconds)
        self._local.attempt = attempt
        try:
            response = data.get(url, params=dict(params), timeout=self._timeout_seconds)
        except _RefusedError as error:
            raise self._refusal(error, symbol) from error
        except _OutOfTimeError as error:
            raise SourceTimeoutError(self._name, symbol, self._late()) from (attempt.failure or error)
        except self._transport_errors.RequestException as error:
            raise self._transport(error, symbol) from error
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            detail = f"the session with Yahoo could not be opened ({type(error).__name__})"
            raise SourceAuthError(self._name, symbol, detail) from error
        finally:
            self._local.attempt = None
        if response.status_code in _AUTH_STATUSES:
            if attempt.failure is not None:
                raise self._transport(attempt.failure, symbol) from attempt.failure
            raise SourceAuthError(self._name, symbol, f"cookie or crumb refused (HTTP {response.status_code})")
        return self._decoded(response, symbol)

    def _decoded(self, response: Any, symbol: str) -> Any:
        try:
            return json.loads(response.content)
        except ValueError as error:
            text = response.text
            if _LIMIT_TEXT in text[:200]:
                raise RateLimitedError(self._name, symbol, f"answered {_LIMIT_TEXT!r}") from error
            what = "a page" if text.lstrip()[:1] == "<" else f"{len(response.content)} bytes that are not JSON"
            raise MalformedAnswerError(self._name, symbol, f"answered with {what}") from error

    def _connected(self) -> Any:
        """The yfinance data layer, imported (1.6 s) and opened at the first call."""
        with self._lock:
            if self._data is None:
                self._data = self._open()
            return self._data

    def _open(self) -> Any:
        from yfinance import _http
        from yfinance.data import YfData

        class Data(YfData):  # type: ignore[misc]
            """A data layer of this source's own (yfinance keeps one instance per class), with its cookie in memory.

            From its cookie file yfinance 1.7 takes a stored cookie again even after Yahoo refused it, and stays
            locked out until it expires; without a writable file it fetches a cookie before every call.
            """

            def _load_cookie_curlCffi(self) -> bool:  # noqa: N802
                return False

            def _save_cookie_curlCffi(self) -> bool:  # noqa: N802
                held = len(_http.cookie_jar(self._session)) > 0
                self._cookie = True if held else None
                return held

        self._transport_errors = _http.requests.exceptions
        session = _http.new_session()
        session.request = self._watched(session.request)
        return Data(session=session)

    def _watched(self, send: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the session's `request`: turn, time limit, and refusals that end the call."""

        def request(method: str, url: str, **options: Any) -> Any:
            attempt: _Attempt = self._local.attempt
            attempt.deadline += self._turn(attempt, url)
            options["timeout"] = self._allowance(attempt, url)
            try:
                response = send(method=method, url=url, **options)
            except self._transport_errors.RequestException as error:
                attempt.failure = attempt.failure or error
                raise
            _raise_refusal(response, url)
            return response

        return request

    def _turn(self, attempt: _Attempt, url: str) -> float:
        """The gate has given the call's own first request its turn; cookies, crumbs and repetitions need more."""
        attempt.data_requests += _is_data(url)
        return 0.0 if _is_data(url) and attempt.data_requests == 1 else self._gate.turn()

    def _allowance(self, attempt: _Attempt, url: str) -> float:
        remaining = attempt.deadline - time.monotonic()
        if remaining <= 0:
            raise _OutOfTimeError
        share = 1.0 if _is_data(url) else _SESSION_SHARE
        return min(remaining, share * self._timeout_seconds)

    def _refusal(self, error: _RefusedError, symbol: str) -> SourceError:
        if error.status == 429 or _LIMIT_TEXT in error.text[:200]:
            seconds = retry_after_seconds(error.headers.get("Retry-After"), self._clock())
            return RateLimitedError(self._name, symbol, "too many calls (HTTP 429)", seconds)
        if error.status == 404 and '"Not Found"' in error.text:
            return SymbolNotFoundError(self._name, symbol, "not known to Yahoo (HTTP 404)")
        return SourceUnavailableError(self._name, symbol, f"HTTP {error.status}")

    def _transport(self, error: BaseException, symbol: str) -> SourceError:
        if isinstance(error, self._transport_errors.Timeout):
            return SourceTimeoutError(self._name, symbol, self._late())
        return SourceUnavailableError(self._name, symbol, f"no connection ({type(error).__name__}: {error})")

    def _late(self) -> str:
        return f"no answer within {self._timeout_seconds:g} s"


def _is_data(url: str) -> bool:
    parts = urlsplit(url)
    return parts.hostname in _DATA_HOSTS and parts.path != _CRUMB_PATH


def _raise_refusal(response: Any, url: str) -> None:
    """End the call on what a second try cannot mend.

    The cookie hosts answer 404 in the normal course and a crumb may be refused for want of consent, so of those only
    "too many" and server errors of the crumb count. 401 and 403 of the data hosts make yfinance renew cookie and crumb.
    """
    status = response.status_code
    limited = status == 429
    if urlsplit(url).path == _CRUMB_PATH:
        limited = limited or _LIMIT_TEXT in response.text
        failed = status >= 500
    else:
        failed = _is_data(url) and status >= 400 and status not in _AUTH_STATUSES
    if limited or failed:
        raise _RefusedError(429 if limited else status, response.headers, response.text)
