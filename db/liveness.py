"""Whether a pooled connection still works, found out without asking the server where that is not needed."""

from __future__ import annotations

import selectors
import time
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import ConnectionPool

TRUSTED_SECONDS: Final = 5.0
"""A connection that has rested longer is asked: what lies between may have forgotten it without a word."""

_Selector: Final[type[selectors.BaseSelector]] = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""Needs no object of the system's, where there is one such; Windows has not."""


class Liveness:
    """Callbacks of a pool. Asking the server before each use would cost as much again as a small query.

    A server that ends closes its connections: there is something to read on them then, and on no other idle one.
    """

    def __init__(self) -> None:
        self._used_at: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()

    def note_use(self, connection: psycopg.Connection[Any]) -> None:
        """To be called when a connection comes back to the pool."""
        self._used_at[connection] = time.monotonic()

    def check(self, connection: psycopg.Connection[Any]) -> None:
        """Raises psycopg.OperationalError where the connection is lost."""
        rested = time.monotonic() - self._used_at.get(connection, -TRUSTED_SECONDS)
        if rested >= TRUSTED_SECONDS or _has_something_to_read(connection):
            ConnectionPool.check_connection(connection)


def _has_something_to_read(connection: psycopg.Connection[Any]) -> bool:
    with _Selector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))
