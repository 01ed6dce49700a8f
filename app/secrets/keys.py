"""Keys of the secrets: one AES-256-GCM key, and those a machine has, from its environment or from its key file."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.secrets.key_file import read_lines, write_lines
from app.settings import KEY_BYTES, Settings, key_bytes
from db.secrets import SealedSecret
from scanner.errors import InputError, SecretKeyError, SecretUnreadableError

_NONCE_BYTES: Final = 12
_CONTEXT: Final = b"options scanner, secret 1: "
_HEADING: Final = "# Opens the options scanner's stored secrets (docs/secrets.md). Keep a copy in a safe place."


@dataclass(frozen=True, slots=True)
class Key:
    """32 secret bytes. `id` is a fingerprint that may be shown."""

    secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        return cls(os.urandom(KEY_BYTES))

    @property
    def id(self) -> str:
        return hashlib.sha256(b"options scanner, key id: " + self.secret).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The key in base64, as settings and the key file hold it."""
        return base64.b64encode(self.secret).decode()

    def seal(self, name: str, value: str) -> SealedSecret:
        """Encrypt a value. The name is bound to it: under another name it cannot be opened."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = AESGCM(self.secret).encrypt(nonce, value.encode(), _CONTEXT + name.encode())
        return SealedSecret(name, self.id, nonce, ciphertext)

    def open(self, sealed: SealedSecret) -> str:
        """The value, wholly as it was sealed. Raises SecretUnreadableError for anything that was changed since."""
        try:
            if len(sealed.nonce) != _NONCE_BYTES:
                raise InvalidTag
            return (
                AESGCM(self.secret).decrypt(sealed.nonce, sealed.ciphertext, _CONTEXT + sealed.name.encode()).decode()
            )
        except InvalidTag as error:
            raise SecretUnreadableError(sealed.name) from error


class KeyRing:
    """The keys of this machine, read anew at every `load`. The first encrypts, all decrypt.

    They are SCANNER_SECRET_KEY_NEW where that is set, then SCANNER_SECRET_KEY or else the keys of `file`.
    To be changed only under `db.secrets.lock_for_change`.
    """

    def __init__(self, file: Path, *, key: Key | None = None, new_key: Key | None = None) -> None:
        self.file = file
        self._key = key
        self.new_key = new_key

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """A file for each mode: each mode has a database of its own, and rotating one must not close another."""
        key, new_key = (
            None if value is None else Key(key_bytes(value.get_secret_value()))
            for value in (settings.secret_key, settings.secret_key_new)
        )
        return cls(settings.data_dir / f"secrets-{settings.mode.value}.key", key=key, new_key=new_key)

    @property
    def in_file(self) -> bool:
        """Whether the key file holds the key that encrypts."""
        return self._key is None and self.new_key is None

    def load(self) -> tuple[Key, ...]:
        """Raises SecretKeyError for a key file that cannot be read or that others can read."""
        older = self._load_file() if self._key is None else (self._key,)
        return (*([] if self.new_key is None else [self.new_key]), *older)

    def make(self) -> Key:
        """The first key of this machine, in a new file."""
        key = Key.generate()
        self._write_file([key], new=True)
        return key

    def adopt(self, key: Key) -> None:
        """Let `key` be the one that encrypts; those before it still decrypt."""
        known = self.load()
        if self.in_file:
            self._write_file([key, *(other for other in known if other != key)])
        elif known[0] != key:
            raise InputError("the new key must be set as SCANNER_SECRET_KEY_NEW first")

    def forget_others(self, needed_ids: Collection[str]) -> None:
        """Take keys out of the file that neither encrypt nor are needed by an entry."""
        if self.in_file:
            first, *others = self._load_file()
            self._write_file([first, *(key for key in others if key.id in needed_ids)])

    def _load_file(self) -> tuple[Key, ...]:
        try:
            return tuple(Key(key_bytes(line)) for line in read_lines(self.file))
        except ValueError:
            raise SecretKeyError(
                f"the key file {self.file} holds a line that is no key. Put back the copy you kept of it"
            ) from None

    def _write_file(self, keys: Sequence[Key], *, new: bool = False) -> None:
        write_lines(self.file, [_HEADING, *(key.text for key in keys)], new=new)
