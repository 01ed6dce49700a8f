"""The token every data call carries: kept, stored, renewed once for all threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from scanner.errors import SourceAuthError, SourceTimeoutError
from scanner.sources.robinhood.approval import ApprovalState, ask_approval, instruction, look_at_approval
from scanner.sources.robinhood.credentials import RobinhoodCredentials, StoredSession, read_stored
from scanner.sources.robinhood.login import LIBRARY_LOCK, log_in, new_device_token
from scanner.sources.robinhood.wire import Wire

_PAUSE: Final = timedelta(minutes=5)
"""Between two log-ins: Robinhood locks an account after a few wrong passwords in a row."""

_APPROVAL_PAUSE: Final = timedelta(seconds=15)
"""Between two looks at an approval that a person has yet to give."""

_NO_CREDENTIALS: Final = "no stored session that works, and no user name and password to log in with: set them"
_REFUSED_AT_ONCE: Final = "the session was refused right after the log-in: see what the account may do in Robinhood"
_NOT_APPROVED: Final = (
    "the approval of this device was denied, answered wrongly or too late: it is asked for anew later"
)


class Access:
    """Hands out the token. Safe to use from several threads; other processes share it through the stored session."""

    def __init__(
        self,
        wire: Wire,
        *,
        credentials: RobinhoodCredentials,
        read_session: Callable[[], str | None],
        write_session: Callable[[str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._wire = wire
        self._credentials = credentials
        self._read_session = read_session
        self._write_session = write_session
        self._clock = clock
        self._known: StoredSession | None = None
        self._refused_code: str | None = None
        self._paused_until: datetime | None = None
        self._pause_reason = ""

    def authorization(self, *, refused: str | None, symbol: str | None) -> str:
        """A token other than `refused`: this process's, the stored one, or that of a new log-in.

        Must be asked for inside a call. Raises SourceAuthError and what a log-in raises.
        """
        token = _token(self._known, refused)
        if token is not None:
            return token
        with self._alone(symbol):
            token = _token(self._known, refused)
            if token is None:
                self._known = read_stored(self._read_session()) or self._known
                token = _token(self._known, refused)
            return token or self._renewed(symbol)

    def _renewed(self, symbol: str | None) -> str:
        now = self._clock()
        if self._paused_until is not None and now < self._paused_until:
            raise SourceAuthError(self._wire.name, symbol, self._pause_reason)
        try:
            token = self._logged_in(symbol)
        except SourceAuthError as error:
            waits = self._known is not None and self._known.approval is not None
            self._pause(now + (_APPROVAL_PAUSE if waits else _PAUSE), error.detail)
            raise
        self._pause(now + _PAUSE, _REFUSED_AT_ONCE)
        return token

    def _pause(self, until: datetime, reason: str) -> None:
        self._paused_until, self._pause_reason = until, reason

    def _logged_in(self, symbol: str | None) -> str:
        username, password = self._credentials.username, self._credentials.password
        if not username or not password:
            raise SourceAuthError(self._wire.name, symbol, _NO_CREDENTIALS)
        known = self._known or self._keep(StoredSession(new_device_token()))
        session = self._settled(known, symbol)
        answer = log_in(
            self._wire,
            username=username,
            password=password,
            code=self._code(symbol),
            device_token=session.device_token,
            symbol=symbol,
        )
        if answer.authorization is not None:
            self._keep(replace(session, authorization=answer.authorization, approval=None))
            return answer.authorization
        pending = ask_approval(
            self._wire, device_token=session.device_token, workflow_id=answer.workflow_id or "", symbol=symbol
        )
        self._keep(replace(session, authorization=None, approval=pending))
        raise SourceAuthError(self._wire.name, symbol, instruction(pending))

    def _settled(self, session: StoredSession, symbol: str | None) -> StoredSession:
        """The session without the approval that was under way. Raises SourceAuthError unless that was given.

        A code that was refused is not sent again: every new challenge makes Robinhood send a message.
        """
        pending = session.approval
        if pending is None:
            return session
        code = self._credentials.mfa_code or None
        state = look_at_approval(self._wire, pending, code=None if code == self._refused_code else code, symbol=symbol)
        if state is ApprovalState.OPEN:
            raise SourceAuthError(self._wire.name, symbol, instruction(pending))
        settled = self._keep(replace(session, approval=None))
        if state is ApprovalState.OVER:
            self._refused_code = code
            raise SourceAuthError(self._wire.name, symbol, _NOT_APPROVED)
        return settled

    def _keep(self, session: StoredSession) -> StoredSession:
        self._known = session
        self._write_session(session.text())
        return session

    def _code(self, symbol: str | None) -> str | None:
        try:
            return self._credentials.code(self._clock())
        except ValueError as error:
            detail = "the TOTP secret cannot be read: it must be the key Robinhood shows for an authenticator (base32)"
            raise SourceAuthError(self._wire.name, symbol, detail) from error

    @contextmanager
    def _alone(self, symbol: str | None) -> Iterator[None]:
        """One thread at a time. The wait is bounded, and does not count for the call that waits."""
        started = time.monotonic()
        if not LIBRARY_LOCK.acquire(timeout=self._wire.timeout_seconds):
            raise SourceTimeoutError(self._wire.name, symbol, "another call's log-in did not come to an end")
        try:
            self._wire.forgive(time.monotonic() - started)
            yield
        finally:
            LIBRARY_LOCK.release()


def _token(session: StoredSession | None, refused: str | None) -> str | None:
    """The session's token, unless it is the one just refused."""
    token = None if session is None else session.authorization
    return None if token == refused else token
