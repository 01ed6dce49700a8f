"""The log-in at Schwab as text: how long it lasts, and one access token shared by threads and processes.

The text is what schwab-py writes: JSON with the token and the time of the log-in. An access token lives half an hour
and is renewed with the refresh token, which lives seven days from the log-in and is not renewed.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from scanner.errors import InputError, SourceAuthError

NAME: Final = "schwab"
REFRESH_TOKEN_LIFE: Final = timedelta(days=7)
LOGIN_COMMAND: Final = "python -m app.cli login schwab"
_LEEWAY: Final = timedelta(minutes=5)
"""An access token is renewed this long before its end."""

_PRINTABLE: Final = re.compile(r"[!-~]+")

Lock = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class SchwabCredentials:
    """Key and secret of an app registered at developer.schwab.com. Neither is in the repr."""

    app_key: str = field(repr=False)
    app_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not all(_PRINTABLE.fullmatch(text) for text in (self.app_key, self.app_secret)):
            raise InputError("Schwab needs the key and the secret of an app: set both, without blanks")


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token text that was read. Instants None are unknown."""

    text: str = field(repr=False)
    access_token: str = field(repr=False)
    access_expires_at: datetime | None
    login_expires_at: datetime | None


class TokenTextError(ValueError):
    """A text is not a token. The message does not repeat it."""


def refresh_token_expires_at(token_text: str | None) -> datetime | None:
    """When the log-in ends and a person must log in again. None where there is no log-in or its time is unknown."""
    try:
        return read_token_text(token_text).login_expires_at if token_text is not None else None
    except TokenTextError:
        return None


def refresh_token_remaining_seconds(token_text: str | None, now: datetime) -> float | None:
    """Seconds until the log-in ends; negative when it has ended, None when unknown."""
    ends = refresh_token_expires_at(token_text)
    return None if ends is None else (ends - now).total_seconds()


def read_token_text(text: str) -> StoredToken:
    """Raises TokenTextError where access or refresh token are missing."""
    try:
        stored = json.loads(text)
    except ValueError:
        raise TokenTextError("the stored log-in is not JSON") from None
    token = stored.get("token") if isinstance(stored, Mapping) else None
    if not isinstance(token, Mapping) or not all(
        _is_token(token.get(key)) for key in ("access_token", "refresh_token")
    ):
        raise TokenTextError("the stored log-in has no tokens")
    created = _instant(stored.get("creation_timestamp"))
    return StoredToken(
        text=text,
        access_token=token["access_token"],
        access_expires_at=_instant(token.get("expires_at")),
        login_expires_at=None if created is None else created + REFRESH_TOKEN_LIFE,
    )


def token_text(token: Mapping[str, Any], *, created_at: object, now: datetime) -> str:
    """The text to store for a token that Schwab just gave. `created_at`: epoch seconds of the log-in, None unknown.

    Raises TokenTextError where it is none.
    """
    seconds = token.get("expires_in")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        raise TokenTextError("the token has no lifetime")
    expires_at = int(now.timestamp() + seconds)
    return read_token_text(
        json.dumps({"creation_timestamp": created_at, "token": {**token, "expires_at": expires_at}})
    ).text


def _is_token(value: object) -> bool:
    """Anything else could not be sent in a header, and the refusal would quote it."""
    return isinstance(value, str) and _PRINTABLE.fullmatch(value) is not None


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


class AccessTokens:
    """Hands out an access token that is still valid. Of all threads and processes exactly one renews it.

    `renew` gets the stored text and returns the new one, stored already. `lock` keeps other processes out meanwhile;
    inside it the text is read again, for another process may have renewed it.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        read_token: Callable[[], str | None],
        renew: Callable[[str, str | None], str],
        lock: Lock,
    ) -> None:
        self._clock = clock
        self._read_token = read_token
        self._renew = renew
        self._lock = lock
        self._mutex = threading.Lock()
        self._held: StoredToken | None = None

    def current(self, symbol: str | None, *, refused: str | None = None) -> str:
        """An access token other than `refused`, which Schwab no longer accepts. Raises SourceAuthError and what
        `renew` raises."""
        with self._mutex:
            if self._held is None or not self._usable(self._held, refused):
                self._held = self._stored(symbol)
            if not self._usable(self._held, refused):
                with self._lock():
                    self._held = self._stored(symbol)
                    if not self._usable(self._held, refused):
                        self._require_login(self._held, symbol)
                        self._held = read_token_text(self._renew(self._held.text, symbol))
            return self._held.access_token

    def _usable(self, token: StoredToken, refused: str | None) -> bool:
        expires = token.access_expires_at
        return token.access_token != refused and expires is not None and self._clock() < expires - _LEEWAY

    def _stored(self, symbol: str | None) -> StoredToken:
        text = self._read_token()
        if text is None:
            raise SourceAuthError(NAME, symbol, f"nobody has logged in yet: run `{LOGIN_COMMAND}`")
        try:
            return read_token_text(text)
        except TokenTextError as error:
            raise SourceAuthError(NAME, symbol, f"{error}: run `{LOGIN_COMMAND}`") from error

    def _require_login(self, token: StoredToken, symbol: str | None) -> None:
        ends = token.login_expires_at
        if ends is not None and self._clock() >= ends:
            detail = f"the log-in ended on {ends:%Y-%m-%d %H:%M} UTC, seven days after it: run `{LOGIN_COMMAND}`"
            raise SourceAuthError(NAME, symbol, detail)
