"""Making, checking and revoking keys of the REST API."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from db import api_keys
from db.api_keys import ApiKey
from db.engine import Database

KNOWN_SECONDS: Final = 30.0
"""How long a key that was looked up is taken for known: a revoked one may still work for so long."""

_KEY_BYTES: Final = 32


class ApiScope(IntEnum):
    """What a key may do; each includes the ones before it."""

    VIEWER = 1
    TRADER = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class ApiKeyService:
    """Safe to share among threads."""

    def __init__(self, *, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[float, ApiScope | None]] = {}

    def create(self, name: str, scope: ApiScope) -> str:
        """A new key: shown once, kept nowhere. Raises InputError for a name that is taken."""
        key = secrets.token_urlsafe(_KEY_BYTES)
        with self._database.connection() as connection:
            api_keys.add(connection, name, scope.word, key)
        return key

    def revoke(self, name: str) -> bool:
        with self._database.connection() as connection:
            return api_keys.revoke(connection, name)

    def every(self) -> list[ApiKey]:
        with self._database.connection() as connection:
            return api_keys.every(connection)

    def scope_of(self, key: str) -> ApiScope | None:
        """What the key may do; None for an unknown one."""
        digest, now = api_keys.digest(key), self._monotonic()
        looked_up_at, scope = self._known.get(digest, (float("-inf"), None))
        if now - looked_up_at < KNOWN_SECONDS:
            return scope
        with self._database.connection() as connection:
            found = api_keys.find(connection, key)
        scope = None if found is None else ApiScope[found.scope.upper()]
        if len(self._known) > 1_000:
            self._known.clear()
        self._known[digest] = (now, scope)
        return scope
