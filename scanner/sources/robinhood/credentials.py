"""Who logs in, and what is kept of a log-in. Neither shows its secrets when printed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class RobinhoodCredentials:
    """What a log-in without a person needs. All may be missing where a stored session is given.

    `totp_secret` is the key behind the authenticator's codes (base32). `mfa_code` is one code, valid once: of an
    authenticator, or the one Robinhood sent by SMS or e-mail for the log-in under way.
    """

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    totp_secret: str | None = field(default=None, repr=False)
    mfa_code: str | None = field(default=None, repr=False)

    def code(self, now: datetime) -> str | None:
        """The code to log in with at `now`. Raises ValueError for a TOTP secret that is none."""
        if not self.totp_secret:
            return self.mfa_code or None
        return _totp(self.totp_secret.replace(" ", ""), now)


def _totp(secret: str, now: datetime) -> str:
    import pyotp

    class Totp(pyotp.TOTP):
        """Keys of 16 characters are what authenticators are given; pyotp 2.12 by itself takes none below 112 bits."""

        min_secret_length_bits = 80

    return Totp(secret).at(now)


class ApprovalKind(StrEnum):
    """How Robinhood wants a new device approved: in its app, or by a code it sends."""

    PROMPT = "prompt"
    SMS = "sms"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A device approval that a person has yet to give."""

    inquiry_id: str
    challenge_id: str
    kind: ApprovalKind


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What outlives the process: the device's name at Robinhood, its token, an approval under way.

    Robinhood approves devices, so the name must stay the same from log-in to log-in.
    """

    device_token: str = field(repr=False)
    authorization: str | None = field(default=None, repr=False)
    approval: PendingApproval | None = None

    def text(self) -> str:
        return json.dumps(asdict(self))


def read_stored(text: str | None) -> StoredSession | None:
    """A session from its text; None where there is none or the text is no session."""
    try:
        value = json.loads(text) if text else None
    except ValueError:
        return None
    if not isinstance(value, dict) or not _filled(value.get("device_token")):
        return None
    return StoredSession(
        value["device_token"], readable_token(value.get("authorization")), _read_approval(value.get("approval"))
    )


def readable_token(value: object) -> str | None:
    """The value if it can stand in a header. One that cannot would be quoted in the error of the HTTP library."""
    readable = isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip() != ""
    return value if isinstance(value, str) and readable else None


def _read_approval(value: Any) -> PendingApproval | None:
    if not isinstance(value, dict) or not (_filled(value.get("inquiry_id")) and _filled(value.get("challenge_id"))):
        return None
    try:
        return PendingApproval(value["inquiry_id"], value["challenge_id"], ApprovalKind(str(value.get("kind"))))
    except ValueError:
        return None


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value)
