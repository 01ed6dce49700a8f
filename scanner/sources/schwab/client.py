"""schwab-py's client behind our gate: typed errors, a time limit, and one renewal of the access token for everybody."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from scanner.errors import MalformedAnswerError
from scanner.sources.resilience import Gate
from scanner.sources.schwab.answers import chain_body, token_body, transport_error
from scanner.sources.schwab.library import http_library, limit_time, load_library, require_library
from scanner.sources.schwab.tokens import (
    NAME,
    AccessTokens,
    Lock,
    SchwabCredentials,
    TokenTextError,
    token_text,
)

_TOO_WIDE: Final = 502
_UNAUTHORIZED: Final = 401
_BEARER: Final = "Bearer "


class SchwabClient:
    """Chains as Schwab's JSON. Safe to use from several threads; connections close when it is collected.

    `timeout_seconds` bounds each request: a chain's and, when due, the token's.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        gate: Gate,
        timeout_seconds: float,
        credentials: SchwabCredentials,
        read_token: Callable[[], str | None],
        write_token: Callable[[str], None],
        lock: Lock,
    ) -> None:
        require_library()
        self._clock = clock
        self._gate = gate
        self._timeout_seconds = timeout_seconds
        self._credentials = credentials
        self._write_token = write_token
        self._tokens = AccessTokens(clock=clock, read_token=read_token, renew=self._renew, lock=lock)
        self._opening = threading.Lock()
        self._opened: Any = None

    def chain(
        self, vendor_symbol: str, strike_count: int | None, *, symbol: str, may_be_too_wide: bool
    ) -> Mapping[str, Any] | None:
        """The chain of all expirations with the underlying's quote; None where `may_be_too_wide` and it is (HTTP 502).

        An access token that Schwab refuses is renewed once. Raises SourceError subclasses.
        """
        response = self._get(vendor_symbol, strike_count, symbol, self._tokens.current(symbol))
        if response.status_code == _UNAUTHORIZED:
            refused = response.request.headers["Authorization"].removeprefix(_BEARER)
            access_token = self._tokens.current(symbol, refused=refused)
            self._gate.turn()
            response = self._get(vendor_symbol, strike_count, symbol, access_token)
        if response.status_code == _TOO_WIDE and may_be_too_wide:
            return None
        return chain_body(response, symbol, self._clock())

    def _get(self, vendor_symbol: str, strike_count: int | None, symbol: str, access_token: str) -> Any:
        client = self._connected(access_token)
        client.session.token = _for_library(access_token)
        http = http_library(client.session)
        try:
            return client.get_option_chain(
                vendor_symbol,
                contract_type=client.Options.ContractType.ALL,
                strategy=client.Options.Strategy.SINGLE,
                strike_count=strike_count,
                include_underlying_quote=True,
            )
        except http.RequestError as error:
            raise transport_error(error, http, symbol, self._timeout_seconds) from error

    def _connected(self, access_token: str) -> Any:
        """The library's client for data, imported (0.4 s) and opened at the first call. It renews no token itself."""
        with self._opening:
            if self._opened is None:
                stored = {"creation_timestamp": None, "token": _for_library(access_token)}
                self._opened = self._open(stored, _never_written)
                weakref.finalize(self, self._opened.session.close)
            return self._opened

    def _open(self, stored: Mapping[str, Any], write: Callable[..., None]) -> Any:
        key, secret = self._credentials.app_key, self._credentials.app_secret
        client = load_library().client_from_access_functions(key, secret, lambda: stored, write)
        limit_time(client.session, self._timeout_seconds)
        return client

    def _renew(self, text: str, symbol: str | None) -> str:
        """Renew the access token of a stored text at Schwab. The new text, stored already."""
        self._gate.turn()
        stored = json.loads(text)
        token = {key: value for key, value in stored["token"].items() if key not in ("expires_at", "expires_in")}
        renewed: list[str] = []

        def write(wrapped: Mapping[str, Any], **_: Any) -> None:
            new = _checked_text(wrapped, self._clock(), symbol)
            self._write_token(new)
            renewed.append(new)

        created = stored.get("creation_timestamp")
        session = self._open({"creation_timestamp": created, "token": token}, write).session
        session.register_compliance_hook("refresh_token_response", self._checked_response(symbol))
        http = http_library(session)
        with session:
            try:
                session.refresh_token(load_library().TOKEN_ENDPOINT, refresh_token=token["refresh_token"])
            except http.RequestError as error:
                raise transport_error(error, http, symbol, self._timeout_seconds) from error
        return renewed[0]

    def _checked_response(self, symbol: str | None) -> Callable[[Any], Any]:
        def check(response: Any) -> Any:
            token_body(response, symbol, self._clock())
            return response

        return check


def _for_library(access_token: str) -> dict[str, str]:
    """Without a time: the library takes it for valid and leaves the renewing to us."""
    return {"access_token": access_token, "token_type": "Bearer"}


def _never_written(token: object, **_: object) -> None:
    """For a client that renews no token."""


def _checked_text(wrapped: Mapping[str, Any], now: datetime, symbol: str | None) -> str:
    try:
        return token_text(wrapped["token"], created_at=wrapped["creation_timestamp"], now=now)
    except TokenTextError as error:
        raise MalformedAnswerError(NAME, symbol, f"answered the log-in with something else ({error})") from error
