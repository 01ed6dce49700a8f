"""One time limit for everything a call does, where httpx has one for each of its waits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import httpx

_WAITS: Final = ("connect", "read", "write", "pool")


class TimeLimit(Mapping[str, float]):
    """Stands in a request's extension `timeout`: every wait that begins is given what is left of `seconds`.

    A wait that brings bytes may go on once for as long as was left at its beginning, so a server that answers in drops
    is given up after twice the limit. (Only the few lines of a head could still be dripped in byte by byte.)
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def __getitem__(self, wait: str) -> float:
        return self.remaining_seconds()

    def __iter__(self) -> Iterator[str]:
        return iter(_WAITS)

    def __len__(self) -> int:
        return len(_WAITS)

    def remaining_seconds(self) -> float:
        """Time left. Raises httpx.TimeoutException where there is none."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise httpx.TimeoutException("the time limit of the call is used up")
        return remaining

    def whole(self, pieces: Iterable[bytes]) -> bytes:
        """All pieces of a body. Raises httpx.TimeoutException where they take longer than the limit."""
        body = bytearray()
        for piece in pieces:
            body += piece
            self.remaining_seconds()
        return bytes(body)
