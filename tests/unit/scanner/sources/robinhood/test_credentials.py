from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from scanner.sources.robinhood.credentials import (
    ApprovalKind,
    PendingApproval,
    RobinhoodCredentials,
    StoredSession,
    read_stored,
)

PENDING = PendingApproval("inquiry-1", "challenge-1", ApprovalKind.SMS)


@pytest.mark.parametrize(
    "session",
    [
        StoredSession("device-1"),
        StoredSession("device-1", "Bearer abc"),
        StoredSession("device-1", None, PENDING),
    ],
)
def test_a_session_survives_its_text(session: StoredSession) -> None:
    assert read_stored(session.text()) == session


@pytest.mark.parametrize("text", [None, "", "no json", "[]", "7", "{}", '{"device_token": ""}', '{"device_token": 7}'])
def test_what_is_no_session(text: str | None) -> None:
    assert read_stored(text) is None


@pytest.mark.parametrize(
    "token", [None, "", 7, " Bearer abc", "Bearer abc\n", "Bearer a\nb", "Bearer \u20ac", ["Bearer"]]
)
def test_a_token_that_cannot_stand_in_a_header_is_none(token: object) -> None:
    assert read_stored(json.dumps({"device_token": "device-1", "authorization": token})) == StoredSession("device-1")


@pytest.mark.parametrize(
    "approval",
    [
        None,
        "sms",
        {},
        {"inquiry_id": "1", "challenge_id": "2"},
        {"inquiry_id": "1", "challenge_id": "2", "kind": "face"},
        {"inquiry_id": "1", "challenge_id": "2", "kind": ["sms"]},
        {"inquiry_id": 1, "challenge_id": "2", "kind": "sms"},
        {"inquiry_id": "1", "challenge_id": "", "kind": "sms"},
    ],
)
def test_an_approval_that_cannot_be_read_is_none(approval: object) -> None:
    assert read_stored(json.dumps({"device_token": "device-1", "approval": approval})) == StoredSession("device-1")


def test_the_code_of_rfc_6238() -> None:
    """RFC 6238, appendix B: SHA-1, the key 12345678901234567890 in ASCII; the last six of its eight digits."""
    credentials = RobinhoodCredentials(totp_secret="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", mfa_code="999999")
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert credentials.code(datetime.fromtimestamp(seconds, UTC)) == code


def test_without_a_key_the_given_code_counts() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert RobinhoodCredentials(mfa_code="123456").code(now) == "123456"
    assert RobinhoodCredentials(mfa_code="").code(now) is None
    assert RobinhoodCredentials().code(now) is None


@pytest.mark.parametrize("secret", ["not base 32!", "JBSWY3DP"])
def test_a_key_that_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match=r"base32|bits") as caught:
        RobinhoodCredentials(totp_secret=secret).code(datetime(2026, 11, 20, tzinfo=UTC))
    assert secret not in str(caught.value)
