"""The approval of a new device, in steps that never wait: a person answers between two of our calls.

The steps are those of robin_stocks' own loop: open an inquiry, read the challenge, look whether it was met, close.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from scanner.errors import MalformedAnswerError, SourceAuthError
from scanner.sources.robinhood.credentials import ApprovalKind, PendingApproval
from scanner.sources.robinhood.wire import BASE, Wire

_MET: Final = "validated"
_OPEN: Final = "issued"
_APPROVED: Final = "workflow_status_approved"


class ApprovalState(StrEnum):
    GIVEN = "given"
    OPEN = "open"
    """Nobody answered yet."""
    OVER = "over"
    """Expired, denied or answered wrongly."""


def instruction(pending: PendingApproval) -> str:
    """What a person has to do."""
    if pending.kind is ApprovalKind.PROMPT:
        return "Robinhood wants this device approved: confirm it in the Robinhood app, then try again"
    return f"Robinhood sent a code by {pending.kind}: set it as the MFA code, then try again"


def ask_approval(wire: Wire, *, device_token: str, workflow_id: str, symbol: str | None) -> PendingApproval:
    """Make Robinhood ask for the approval. Two requests.

    Raises SourceAuthError for one of an unknown kind, MalformedAnswerError and what `Wire` raises.
    """
    opening = {"device_id": device_token, "flow": "suv", "input": {"workflow_id": workflow_id}}
    opened = wire.decoded(wire.post(f"{BASE}/pathfinder/user_machine/", opening, symbol=symbol), symbol)
    inquiry_id = _text(wire, opened, "id", symbol)
    view = wire.decoded(wire.get(_inquiry_url(inquiry_id), {}, authorization=None, symbol=symbol), symbol)
    challenge = _challenge(view)
    try:
        kind = ApprovalKind(str(challenge.get("type")))
    except ValueError as error:
        detail = "the device approval is of a kind not known here: log in once with Robinhood's app, then try again"
        raise SourceAuthError(wire.name, symbol, detail) from error
    return PendingApproval(inquiry_id, _text(wire, challenge, "id", symbol), kind)


def look_at_approval(wire: Wire, pending: PendingApproval, *, code: str | None, symbol: str | None) -> ApprovalState:
    """Whether the approval was given; if so it is closed. At most two requests. Raises what `Wire` raises."""
    if pending.kind is ApprovalKind.PROMPT:
        url = f"{BASE}/push/{pending.challenge_id}/get_prompts_status/"
        response = wire.get(url, {}, authorization=None, symbol=symbol)
        key = "challenge_status"
    elif code is None:
        return ApprovalState.OPEN
    else:
        url = f"{BASE}/challenge/{pending.challenge_id}/respond/"
        response = wire.post(url, {"response": code}, symbol=symbol, as_form=True)
        key = "status"
    if response.status_code in (400, 404):
        return ApprovalState.OVER
    body = wire.decoded(response, symbol)
    status = body.get(key) if isinstance(body, Mapping) else None
    if status == _OPEN:
        return ApprovalState.OPEN
    return _closed(wire, pending, symbol) if status == _MET else ApprovalState.OVER


def _closed(wire: Wire, pending: PendingApproval, symbol: str | None) -> ApprovalState:
    going_on = {"sequence": 0, "user_input": {"status": "continue"}}
    response = wire.post(_inquiry_url(pending.inquiry_id), going_on, symbol=symbol)
    body = wire.decoded(response, symbol)
    outcome = body.get("type_context") if isinstance(body, Mapping) else None
    approved = isinstance(outcome, Mapping) and outcome.get("result") == _APPROVED
    return ApprovalState.GIVEN if approved else ApprovalState.OVER


def _inquiry_url(inquiry_id: str) -> str:
    return f"{BASE}/pathfinder/inquiries/{inquiry_id}/user_view/"


def _challenge(view: Any) -> Mapping[str, Any]:
    """The challenge of an inquiry, which stands in the view or in its `type_context`."""
    for place in (view, view.get("type_context") if isinstance(view, Mapping) else None):
        context = place.get("context") if isinstance(place, Mapping) else None
        challenge = context.get("sheriff_challenge") if isinstance(context, Mapping) else None
        if isinstance(challenge, Mapping):
            return challenge
    return {}


def _text(wire: Wire, body: Any, key: str, symbol: str | None) -> str:
    value = body.get(key) if isinstance(body, Mapping) else None
    if not isinstance(value, str) or not value.isascii() or not value.replace("-", "").isalnum():
        raise MalformedAnswerError(wire.name, symbol, f"the device approval has no readable {key}")
    return value
