"""What carries every request: one time limit per call, whole bodies, and the failures that robin_stocks swallows."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter

_POOL_SIZE: Final = 32
_CHUNK_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class Call:
    """One call with all its requests, as seen from its thread: what came of the last request is kept here."""

    deadline: float
    request_count: int = 0
    failure: requests.RequestException | None = None
    answer: requests.Response | None = None

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self.deadline

    def remaining_seconds(self) -> float:
        """Time left. Raises requests.Timeout where there is none."""
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise requests.Timeout("the time limit of the call is used up")
        return remaining


class Transport(HTTPAdapter):
    """Mounted on a session, it bounds connecting, every wait for data and the reading of the whole body by what is left
    of the call's `timeout_seconds`. (Only the few lines of a head could still be dripped in byte by byte.) `turn` is
    waited for before every request of a call but its first, and that wait does not count.
    """

    def __init__(self, *, timeout_seconds: float, turn: Callable[[], float]) -> None:
        super().__init__(pool_maxsize=_POOL_SIZE)
        self._timeout_seconds = timeout_seconds
        self._turn = turn
        self._local = threading.local()

    @property
    def call(self) -> Call:
        """The call this thread is in."""
        call: Call = self._local.call
        return call

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Everything this thread sends inside is one call."""
        self._local.call = Call(time.monotonic() + self._timeout_seconds)
        try:
            yield
        finally:
            del self._local.call

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 bodies are always read here
        timeout: Any = None,  # noqa: ARG002 the call's own limit holds
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        call = self.call
        if call.request_count:
            call.deadline += self._turn()
        call.request_count += 1
        call.failure, call.answer = None, None
        try:
            seconds = call.remaining_seconds()
            response = super().send(request, True, seconds, verify, cert, dict(proxies or {}))
            call.answer = _whole(response, call)
        except requests.RequestException as error:
            call.failure = error
            raise
        return call.answer


def _whole(response: requests.Response, call: Call) -> requests.Response:
    """The response with its body read to the end within the call's time limit.

    Raises requests.Timeout, requests.ConnectionError.
    """
    body = io.BytesIO()
    with response:
        try:
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
                body.write(chunk)
                call.remaining_seconds()
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error, request=response.request) from error
    body.seek(0)
    whole = requests.Response()
    whole.status_code, whole.reason = response.status_code, response.reason
    whole.headers, whole.encoding = response.headers, response.encoding
    whole.url, whole.request, whole.raw = response.url, response.request, body
    return whole
