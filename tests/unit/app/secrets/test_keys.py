from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from hypothesis import given
from hypothesis import strategies as st

from app.secrets.keys import Key, KeyRing
from app.settings import load_settings
from db.secrets import SealedSecret
from scanner.errors import InputError, SecretKeyError, SecretUnreadableError

KEY = Key(bytes(range(32)))
OTHER = Key(bytes(range(1, 33)))
VALUES = st.text(st.characters(exclude_categories=["Cs"]))


@given(name=VALUES, value=VALUES, secret=st.binary(min_size=32, max_size=32))
def test_what_is_sealed_is_opened_whole(name: str, value: str, secret: bytes) -> None:
    sealed = Key(secret).seal(name, value)
    assert Key(secret).open(sealed) == value


def test_a_sealed_value_is_aes_256_gcm_with_the_name_as_associated_data() -> None:
    sealed = KEY.seal("NAME", "a value")
    cipher = Cipher(AES(KEY.secret), GCM(sealed.nonce, tag=sealed.ciphertext[-16:])).decryptor()
    cipher.authenticate_additional_data(b"options scanner, secret 1: NAME")
    assert cipher.update(sealed.ciphertext[:-16]) + cipher.finalize() == b"a value"
    assert len(sealed.nonce) == 12


def test_the_same_value_is_never_sealed_alike() -> None:
    nonces = {KEY.seal("NAME", "a value").nonce for _ in range(1_000)}
    assert len(nonces) == 1_000


def flipped(content: bytes, position: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda sealed: replace(sealed, name="OTHER"),
        lambda sealed: replace(sealed, name=""),
        *(lambda sealed, at=at: replace(sealed, nonce=flipped(sealed.nonce, at)) for at in (0, -1)),
        lambda sealed: replace(sealed, nonce=b""),
        lambda sealed: replace(sealed, nonce=sealed.nonce[:8]),
        lambda sealed: replace(sealed, nonce=sealed.nonce + b"\0"),
        *(
            lambda sealed, at=at: replace(sealed, ciphertext=flipped(sealed.ciphertext, at))
            for at in range(len("a value") + 16)
        ),
        *(
            lambda sealed, to=to: replace(sealed, ciphertext=sealed.ciphertext[:to])
            for to in range(len("a value") + 16)
        ),
        lambda sealed: replace(sealed, ciphertext=sealed.ciphertext + b"\0"),
    ],
)
def test_a_changed_entry_is_refused_whole(tamper: Callable[[SealedSecret], SealedSecret]) -> None:
    with pytest.raises(SecretUnreadableError, match="was changed or cut") as caught:
        KEY.open(tamper(KEY.seal("NAME", "a value")))
    assert "a value" not in str(caught.value)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SecretUnreadableError):
        OTHER.open(KEY.seal("NAME", "a value"))


def test_a_key_shows_its_fingerprint_alone() -> None:
    assert KEY.id == hashlib.sha256(b"options scanner, key id: " + bytes(range(32))).hexdigest()[:16]
    assert repr(KEY) == "Key()"
    assert base64.b64decode(KEY.text) == KEY.secret


def ring(folder: Path, key: Key | None = None, new_key: Key | None = None) -> KeyRing:
    return KeyRing(folder / "secrets.key", key=key, new_key=new_key)


def test_without_any_key_the_ring_is_empty_until_one_is_made(tmp_path: Path) -> None:
    keys = ring(tmp_path)
    assert keys.load() == ()
    made = keys.make()
    assert ring(tmp_path).load() == (made,)
    with pytest.raises(SecretKeyError, match="cannot be written"):
        keys.make()
    assert keys.load() == (made,)


def test_a_key_that_joins_the_file_is_the_first_and_those_not_needed_leave(tmp_path: Path) -> None:
    keys = ring(tmp_path)
    first = keys.make()
    keys.adopt(KEY)
    keys.adopt(OTHER)
    assert keys.load() == (OTHER, KEY, first)
    keys.forget_others({first.id})
    assert keys.load() == (OTHER, first)
    keys.forget_others(())
    assert keys.load() == (OTHER,)


def test_keys_of_the_settings_come_first_and_the_file_is_then_left_alone(tmp_path: Path) -> None:
    in_file = ring(tmp_path).make()
    assert ring(tmp_path, KEY).load() == (KEY,)
    assert ring(tmp_path, KEY, OTHER).load() == (OTHER, KEY)
    assert ring(tmp_path, new_key=OTHER).load() == (OTHER, in_file)
    ring(tmp_path, KEY, OTHER).adopt(OTHER)
    with pytest.raises(InputError, match="SCANNER_SECRET_KEY_NEW"):
        ring(tmp_path, KEY).adopt(OTHER)
    ring(tmp_path, KEY).forget_others(())
    assert ring(tmp_path).load() == (in_file,)


def test_each_mode_has_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCANNER_DATA_DIR", str(tmp_path))
    assert KeyRing.of(load_settings()).file == tmp_path / "secrets-live.key"
    monkeypatch.setenv("SCANNER_MODE", "simulated")
    monkeypatch.setenv("SCANNER_SECRET_KEY", KEY.text)
    monkeypatch.setenv("SCANNER_SECRET_KEY_NEW", OTHER.text)
    keys = KeyRing.of(load_settings())
    assert (keys.file, keys.load(), keys.in_file) == (tmp_path / "secrets-simulated.key", (OTHER, KEY), False)


@pytest.mark.parametrize("content", ["zzzz\n", "AAAA\n", f"{KEY.text}\n{KEY.text[:-4]}\n"])
def test_a_file_with_something_else_in_it_is_refused_without_quoting_it(tmp_path: Path, content: str) -> None:
    keys = ring(tmp_path)
    keys.file.write_text(content)
    keys.file.chmod(0o600)
    with pytest.raises(SecretKeyError, match="holds a line that is no key") as caught:
        keys.load()
    assert content.splitlines()[-1] not in str(caught.value)
