"""Answers kept as bytes while the stored data do not change: an ASGI layer in front of everything else.

An answer is used again for at most `TTL_SECONDS`, so that ages in it are never further off than that, and only while
the data version is the one it was made from. Answers carry an ETag, and come compressed where the client takes that.
"""

from __future__ import annotations

import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TTL_SECONDS: Final = 1.0
MOST_ANSWERS: Final = 512
PREFIX: Final = "/api/"
LIVE_PREFIX: Final = "/api/sync"
"""What moves on without new data being stored is never kept."""

_LEAST_COMPRESSED: Final = 1_000
_KEY_HEADERS: Final = (b"accept", b"authorization", b"x-api-key")
"""What an answer depends on beside its address: the form asked for, and who asks."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with all it is sent with. `etag` names these bytes before compression."""

    version: int
    made_at: float
    status: int
    headers: Headers
    body: bytes
    etag: bytes


class AnswerCache:
    """Wraps an app. `version` gives the version of the stored data without waiting."""

    def __init__(
        self, app: ASGIApp, *, version: Callable[[], int], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._version = version
        self._monotonic = monotonic
        self._answers: OrderedDict[tuple[object, ...], Answer] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _can_be_kept(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        compressed = b"gzip" in headers.get(b"accept-encoding", b"")
        key = (scope["path"], scope["query_string"], compressed, *(headers.get(name) for name in _KEY_HEADERS))
        answer = self._kept(key)
        if answer is None:
            answer = await self._made(scope, receive, compressed=compressed)
            if answer.status == 200:
                self._keep(key, answer)
        await _send(answer, headers.get(b"if-none-match"), send)

    def _kept(self, key: tuple[object, ...]) -> Answer | None:
        answer = self._answers.get(key)
        if answer is None or answer.version != self._version():
            return None
        return answer if self._monotonic() - answer.made_at < TTL_SECONDS else None

    def _keep(self, key: tuple[object, ...], answer: Answer) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)

    async def _made(self, scope: Scope, receive: Receive, *, compressed: bool) -> Answer:
        version, made_at = self._version(), self._monotonic()
        parts: list[bytes] = []
        start: Message = {}

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, collect)
        return _answer(version, made_at, int(start["status"]), list(start["headers"]), b"".join(parts), compressed)


def _can_be_kept(path: str) -> bool:
    return path.startswith(PREFIX) and not path.startswith(LIVE_PREFIX)


def _answer(version: int, made_at: float, status: int, headers: Headers, body: bytes, compressed: bool) -> Answer:
    etag = b'"' + hashlib.sha256(body).hexdigest()[:24].encode() + b'"'
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    if compressed and len(body) >= _LEAST_COMPRESSED:
        body = gzip.compress(body, 5, mtime=0)
        kept.append((b"content-encoding", b"gzip"))
    kept.append((b"content-length", str(len(body)).encode()))
    if status == 200:
        kept += [(b"etag", etag), (b"cache-control", b"no-cache"), (b"vary", b"Accept, Accept-Encoding")]
    return Answer(version, made_at, status, kept, body, etag)


async def _send(answer: Answer, known: bytes | None, send: Send) -> None:
    unchanged = answer.status == 200 and known is not None and answer.etag in known
    headers = [(b"etag", answer.etag), (b"cache-control", b"no-cache")] if unchanged else answer.headers
    await send({"type": "http.response.start", "status": 304 if unchanged else answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if unchanged else answer.body})
