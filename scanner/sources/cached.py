"""A source whose chains are shared for a short time by all who ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

from scanner.errors import DatabaseError
from scanner.model import ChainSnapshot
from scanner.sources.base import ChainSource, ChooseExpirations

POLL_SECONDS: Final = 0.1


class ChainCache(Protocol):
    """Where chains are shared. A symbol is fetched by one at a time: by whoever took it."""

    def find(self, symbol: str, *, since: datetime) -> ChainSnapshot | None: ...

    def take(self, symbol: str) -> bool: ...

    def store(self, snapshot: ChainSnapshot) -> None: ...

    def give_back(self, symbol: str) -> None: ...


class CachedSource:
    """Gives the chain in `cache` where it is younger than `ttl_seconds` and holds what is asked for.

    Otherwise it asks `source`, one caller a symbol at a time; the others wait for that answer. An answer's age is its
    own: nothing of it is changed. A database that fails after the fetch costs neither the chain nor the source's error.
    """

    def __init__(
        self,
        source: ChainSource,
        cache: ChainCache,
        *,
        clock: Callable[[], datetime],
        ttl_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = source.name
        self.mode = source.mode
        self.capabilities = source.capabilities
        self._source = source
        self._cache = cache
        self._clock = clock
        self._ttl = timedelta(seconds=ttl_seconds)
        self._sleep = sleep

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """See `ChainSource`."""
        while True:
            found = self._cache.find(symbol, since=self._clock() - self._ttl)
            if found is not None and _holds(found, choose):
                return found
            if self._cache.take(symbol):
                return self._fetch(symbol, choose)
            self._sleep(POLL_SECONDS)

    def _fetch(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        try:
            answer = self._source.chain(symbol, choose)
            with suppress(DatabaseError):
                self._cache.store(answer)
        except BaseException:
            with suppress(DatabaseError):
                self._cache.give_back(symbol)
            raise
        return answer


def _holds(chain: ChainSnapshot, choose: ChooseExpirations) -> bool:
    """Whether the chain has every expiration that would be chosen. One that was not delivered is asked for again."""
    held = {day.date() for day in chain.contracts["expiration"].unique()}
    return set(choose(chain.listed_expirations)) <= held
