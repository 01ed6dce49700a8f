"""Answers kept as bytes while the stored data do not change: an ASGI layer in front of everything else.

An answer is used again for at most `TTL_SECONDS`, so that ages in it are hardly further off than that, and only while
the data version is the one it was made from. Whoever asks while it is being made waits for it: a question is worked on
once at a time. Answers carry an ETag, and come compressed where the client takes that.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TTL_SECONDS: Final = 1.0
MOST_ANSWERS: Final = 512
MOST_BYTES: Final = 64 * 1024 * 1024
PREFIX: Final = "/api/"
LIVE_PREFIX: Final = "/api/sync"
"""What moves on without new data being stored is never kept."""

_LEAST_COMPRESSED: Final = 1_000
_LONG: Final = 200_000
"""Bytes from which on compressing takes so long that nobody else should wait for it."""

_KEY_HEADERS: Final = (b"accept", b"authorization", b"x-api-key")
"""What an answer depends on beside its address: the form asked for, and who asks."""

_PRIVATE: Final = (b"cache-control", b"private, no-cache")
"""Others may not keep an answer, for it may need a key; who asked may, and asks whether it has changed."""

Headers = list[tuple[bytes, bytes]]
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with all it is sent with. `etag` is the app's own, else that of these bytes before compression."""

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
        self.app = app
        self._version = version
        self._monotonic = monotonic
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._making: dict[Key, asyncio.Task[Answer]] = {}
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _can_be_kept(scope["path"]):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        compressed = b"gzip" in headers.get(b"accept-encoding", b"")
        key = (scope["path"], scope["query_string"], compressed, *(headers.get(name) for name in _KEY_HEADERS))
        answer = self._kept(key) or await self._fresh(key, scope, receive, compressed=compressed)
        await _send(answer, headers.get(b"if-none-match"), send)

    def _kept(self, key: Key) -> Answer | None:
        answer = self._answers.get(key)
        if answer is None or answer.version != self._version():
            return None
        return answer if self._monotonic() - answer.made_at < TTL_SECONDS else None

    async def _fresh(self, key: Key, scope: Scope, receive: Receive, *, compressed: bool) -> Answer:
        """The answer made now, once for all who ask for it meanwhile, even where the first of them goes away."""
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._made(scope, receive, compressed=compressed))
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    def _done(self, key: Key, task: asyncio.Task[Answer]) -> None:
        del self._making[key]
        if not task.cancelled() and task.exception() is None and task.result().status == 200:
            self._keep(key, task.result())

    def _keep(self, key: Key, answer: Answer) -> None:
        if replaced := self._answers.pop(key, None):
            self._bytes -= len(replaced.body)
        self._answers[key] = answer
        self._bytes += len(answer.body)
        while len(self._answers) > MOST_ANSWERS or self._bytes > MOST_BYTES:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= len(oldest.body)

    async def _made(self, scope: Scope, receive: Receive, *, compressed: bool) -> Answer:
        version, made_at = self._version(), self._monotonic()
        parts: list[bytes] = []
        start: Message = {}

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        try:
            await self.app(scope, receive, collect)
        except Exception:
            if not start:
                raise
            # A fault has been logged and answered; it goes on for servers that do neither.
        body = b"".join(parts)
        made = partial(_answer, version, made_at, int(start["status"]), list(start["headers"]), body, compressed)
        return await asyncio.to_thread(made) if compressed and len(body) >= _LONG else made()


def _can_be_kept(path: str) -> bool:
    return path.startswith(PREFIX) and not path.startswith(LIVE_PREFIX)


def _answer(version: int, made_at: float, status: int, headers: Headers, body: bytes, compressed: bool) -> Answer:
    etag = dict(headers).get(b"etag") or b'"' + hashlib.sha256(body).hexdigest()[:24].encode() + b'"'
    kept = [(name, value) for name, value in headers if name.lower() not in (b"content-length", b"etag")]
    if compressed and len(body) >= _LEAST_COMPRESSED:
        body = gzip.compress(body, 5, mtime=0)
        kept.append((b"content-encoding", b"gzip"))
    kept.append((b"content-length", str(len(body)).encode()))
    if status == 200:
        kept += [(b"etag", etag), _PRIVATE, (b"vary", b"Accept, Accept-Encoding")]
    return Answer(version, made_at, status, kept, body, etag)


async def _send(answer: Answer, known: bytes | None, send: Send) -> None:
    unchanged = answer.status == 200 and known is not None and answer.etag in known
    headers = [(b"etag", answer.etag), _PRIVATE] if unchanged else answer.headers
    await send({"type": "http.response.start", "status": 304 if unchanged else answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if unchanged else answer.body})
