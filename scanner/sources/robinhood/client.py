"""JSON answers of Robinhood's API, each behind the gate, with the token and one renewal of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import requests

from scanner.errors import SourceAuthError
from scanner.sources.resilience import Gate
from scanner.sources.robinhood.access import Access
from scanner.sources.robinhood.credentials import RobinhoodCredentials
from scanner.sources.robinhood.wire import REFUSED_STATUSES, Wire


class RobinhoodClient:
    """Safe to use from several threads. `timeout_seconds` bounds one call, a log-in inside it included."""

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], datetime],
        gate: Gate,
        timeout_seconds: float,
        credentials: RobinhoodCredentials,
        read_session: Callable[[], str | None],
        write_session: Callable[[str], None],
    ) -> None:
        self._gate = gate
        self._wire = Wire(name, timeout_seconds=timeout_seconds, turn=gate.turn, clock=clock)
        self._access = Access(
            self._wire, credentials=credentials, read_session=read_session, write_session=write_session, clock=clock
        )

    def get(self, url: str, params: Mapping[str, str], *, symbol: str) -> Any:
        """The decoded JSON body of a 2xx answer.

        Raises RateLimitedError, SourceTimeoutError, SourceUnavailableError, SourceAuthError or MalformedAnswerError.
        """
        return self._gate.call(lambda: self._send(url, params, symbol), symbol=symbol)

    def _send(self, url: str, params: Mapping[str, str], symbol: str) -> Any:
        with self._wire.calling():
            token = self._access.authorization(refused=None, symbol=symbol)
            response = self._wire.get(url, params, authorization=token, symbol=symbol)
            if response.status_code in REFUSED_STATUSES:
                response = self._again(url, params, token, symbol)
            return self._wire.decoded(response, symbol)

    def _again(self, url: str, params: Mapping[str, str], refused: str, symbol: str) -> requests.Response:
        token = self._access.authorization(refused=refused, symbol=symbol)
        response = self._wire.get(url, params, authorization=token, symbol=symbol)
        if response.status_code in REFUSED_STATUSES:
            detail = f"refused with a new session too (HTTP {response.status_code}): see what the account may do"
            raise SourceAuthError(self._wire.name, symbol, detail)
        return response
