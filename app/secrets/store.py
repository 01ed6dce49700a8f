"""The encrypted store: ciphertext in the database that all machines share, the keys outside of it."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from app import log
from app.secrets.keys import Key, KeyRing
from db import secrets
from db.engine import Database
from db.secrets import SealedSecret
from scanner.errors import DatabaseTimeoutError, InputError, SecretKeyError

HOLD_SECONDS: Final = 60.0
_LONGEST_NAME: Final = 100
_TOKEN_CHARACTERS: Final = 16
"""Texts of this length inside a stored JSON value are taken for tokens and hidden by themselves."""

_SHOWN: Final = frozenset({"SCANNER_SCHWAB_CALLBACK_URL"})
"""An address that users are told of."""


class SecretStore:
    """Values by name, encrypted, shared by all machines that have the key. Safe to use from several threads.

    Every value that passes through here is hidden from then on in whatever this process logs or prints. Errors, beside
    those of `Database.connection`: SecretKeyError, SecretUnreadableError.
    """

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._held_here: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, name: str) -> str | None:
        """The value; None where none is stored, whatever keys there are."""
        with secrets.reading(self._database) as connection:
            sealed = secrets.find(connection, name)
            keys = self._keys.load() if sealed else ()
        return None if sealed is None else self._open(sealed, keys)

    def put(self, name: str, value: str) -> None:
        """Store or replace. The first value of a database makes the key file where no key is set.

        Raises InputError for a name or value that cannot be stored, SecretKeyError where entries need another key.
        """
        _check(name, value)
        _hide(name, value)
        with secrets.changing(self._database) as connection:
            key = self._key_for(secrets.key_ids(connection))
            secrets.store(connection, key.seal(name, value))

    def delete(self, name: str) -> bool:
        """True where there was such an entry. Needs no key."""
        with secrets.changing(self._database) as connection:
            return secrets.delete(connection, name)

    def names(self) -> tuple[str, ...]:
        with secrets.reading(self._database) as connection:
            return secrets.names(connection)

    @contextmanager
    def locked(self, name: str, *, wait_seconds: float = HOLD_SECONDS) -> Iterator[None]:
        """Single flight: one thread of one process of all machines is in here with this name. Not to be nested.

        `get` and `put` work inside. At most five minutes; the end of a process frees it. Raises DatabaseTimeoutError
        where it is not free within `wait_seconds`.
        """
        here = self._held_here[name]
        if not here.acquire(timeout=wait_seconds):
            raise DatabaseTimeoutError(f"another thread held the secret {name} for {wait_seconds:.0f} s. Try again")
        try:
            with secrets.holding(self._database, name, wait_seconds=wait_seconds):
                yield
        finally:
            here.release()

    def rotate(self, new_key: Key) -> int:
        """Encrypt everything with `new_key`, in one transaction; return how many entries.

        In the key file the new key joins the old ones before, and those leave it after: killed at any moment, the file
        opens every entry. Nothing is changed where an entry cannot be opened.
        """
        with secrets.changing(self._database) as connection:
            keys = self._keys.load()
            values = {sealed.name: self._open(sealed, keys) for sealed in secrets.everything(connection)}
            self._keys.adopt(new_key)
            for name, value in values.items():
                secrets.store(connection, new_key.seal(name, value))
        with secrets.changing(self._database) as connection:
            self._keys.forget_others(secrets.key_ids(connection))
        return len(values)

    def _key_for(self, needed_ids: Collection[str]) -> Key:
        """The key that encrypts. A second key beside one that this machine lacks would split the entries in two."""
        keys = self._keys.load()
        if not set(needed_ids) <= {key.id for key in keys}:
            raise self._missing(sorted(needed_ids), keys)
        return keys[0] if keys else self._keys.make()

    def _open(self, sealed: SealedSecret, keys: Sequence[Key]) -> str:
        for key in keys:
            if key.id == sealed.key_id:
                value = key.open(sealed)
                _hide(sealed.name, value)
                return value
        raise self._missing([sealed.key_id], keys)

    def _missing(self, needed_ids: Sequence[str], keys: Sequence[Key]) -> SecretKeyError:
        has = f"has {', '.join(key.id for key in keys)}" if keys else "has none"
        return SecretKeyError(
            f"the stored secrets are encrypted with the key {', '.join(needed_ids)}, and this machine {has}. "
            f"Set SCANNER_SECRET_KEY, or copy the file {self._keys.file.name} from the machine that made it to "
            f"{self._keys.file}. Where that key is lost, `python -m app.cli secrets delete` all and set them again"
        )


def _check(name: str, value: str) -> None:
    if not name or len(name) > _LONGEST_NAME or not name.isascii() or not name.isprintable():
        raise InputError(f"the name of a secret has 1 to {_LONGEST_NAME} ASCII characters")
    if not value:
        raise InputError(f"the value of {name} is empty. To remove it: python -m app.cli secrets delete {name}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"the value of {name} is no text in UTF-8") from None  # the cause quotes the value


def _hide(name: str, value: str) -> None:
    """Hide the value, and of JSON the tokens in it."""
    if name in _SHOWN:
        return
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    log.hide(value, *_tokens(parsed))


def _tokens(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _tokens(item)
    elif isinstance(value, str):
        yield from (word for word in value.split() if len(word) >= _TOKEN_CHARACTERS)
