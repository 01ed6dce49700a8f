"""A fake Robinhood: log-in with a second factor and device approval, tokens that end, and market data for a token."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from tests.vendors.messages import Request, Response, Server, json_response
from tests.vendors.robinhood_payloads import RobinhoodAnswers, page_of

HOST = "api.robinhood.com"
LOGIN = rf"POST {HOST}/oauth2/token/"
INSTRUMENTS = rf"GET {HOST}/instruments/"
CHAIN = rf"GET {HOST}/options/chains/"
CONTRACTS = rf"GET {HOST}/options/instruments/"
MARKET_DATA = rf"GET {HOST}/marketdata/options/"
QUOTE = rf"GET {HOST}/marketdata/quotes/"
DATA = rf"GET {HOST}/(instruments|options|marketdata)/"
MACHINE = rf"POST {HOST}/pathfinder/user_machine/"
INQUIRY = rf"{HOST}/pathfinder/inquiries/"
PROMPT = rf"GET {HOST}/push/"
CHALLENGE = rf"POST {HOST}/challenge/"

USERNAME = "trader@example.com"
PASSWORD = "correct-horse-battery"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"
SMS_CODE = "482913"

WORKFLOW_ID = "a0000000-0000-0000-0000-000000000001"
INQUIRY_ID = "a0000000-0000-0000-0000-000000000002"
CHALLENGE_ID = "a0000000-0000-0000-0000-000000000003"

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Account:
    """How the one account logs in. `codes` are the codes of the second factor that are right just now, None: there
    is no second factor. `approval` None: every device is welcome, else the kind of challenge for a new device.
    """

    codes: Callable[[], tuple[str, ...]] | None = None
    approval: str | None = None
    view_key: str = "context"
    """Where an inquiry's challenge stands: in `context`, or below `type_context`."""


class RobinhoodServer:
    """Answers for `HOST`. Data need the token of a log-in that has not ended (`end_sessions`)."""

    def __init__(self, answers: RobinhoodAnswers, account: Account | None = None) -> None:
        self._answers = answers
        self._account = account or Account()
        self._lock = threading.Lock()
        self._generation = 0
        self._oldest_good = 1
        self._asked_by: str | None = None
        self._challenge_status = "issued"
        self.device_tokens: list[str] = []
        self.approved_devices: set[str] = set()
        self._routes: tuple[tuple[str, str, Callable[[Request], Response]], ...] = (
            ("POST", "/oauth2/token/", self._login),
            ("POST", "/pathfinder/user_machine/", self._machine),
            ("GET", "/pathfinder/inquiries/", self._view),
            ("POST", "/pathfinder/inquiries/", self._continue),
            ("GET", "/push/", lambda _: json_response({"challenge_status": self._challenge_status})),
            ("POST", "/challenge/", self._respond),
            ("GET", "/instruments/", self._instruments),
            ("GET", "/options/chains/", self._chain),
            ("GET", "/options/instruments/", self._contracts),
            ("GET", "/marketdata/options/", self._market_data),
            ("GET", "/marketdata/quotes/", self._quote),
        )

    @property
    def servers(self) -> dict[str, Server]:
        return {HOST: self}

    def end_sessions(self) -> None:
        """From now on the tokens handed out so far are refused."""
        with self._lock:
            self._oldest_good = self._generation + 1

    def approve(self) -> None:
        """The person confirms the prompt in the app."""
        self._challenge_status = "validated"

    def deny(self) -> None:
        self._challenge_status = "failed"

    def token(self) -> str:
        """A new good token, as a log-in would get."""
        with self._lock:
            self._generation += 1
            return f"fake-access-token-{self._generation}"

    def __call__(self, request: Request) -> Response:
        for method, path, respond in self._routes:
            if request.method == method and request.path.startswith(path):
                return respond(request)
        return json_response({"detail": "Not found."}, 404)

    def _login(self, request: Request) -> Response:
        assert request.headers.get("content-type", "").startswith(_FORM)
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        self.device_tokens.append(form["device_token"])
        if (form.get("username"), form.get("password")) != (USERNAME, PASSWORD):
            return json_response({"detail": "Unable to log in with provided credentials."}, 400)
        if self._account.codes is not None and form.get("mfa_code") not in self._account.codes():
            return json_response({"mfa_required": True, "mfa_type": "app"})
        if self._account.approval is not None and form["device_token"] not in self.approved_devices:
            self._challenge_status = "issued"
            workflow = {"id": WORKFLOW_ID, "workflow_status": "workflow_status_internal_pending"}
            return json_response({"verification_workflow": workflow}, 403)
        token = {"access_token": self.token(), "token_type": "Bearer", "refresh_token": "fake-refresh-token"}
        return json_response({**token, "expires_in": 86400, "scope": "internal", "mfa_code": None})

    def _machine(self, request: Request) -> Response:
        body = json.loads(request.body)
        if body["flow"] != "suv" or body["input"] != {"workflow_id": WORKFLOW_ID}:
            return json_response({"detail": "Not found."}, 404)
        self._asked_by = body["device_id"]
        return json_response({"id": INQUIRY_ID})

    def _view(self, request: Request) -> Response:
        if INQUIRY_ID not in request.path:
            return json_response({"detail": "Not found."}, 404)
        challenge = {"id": CHALLENGE_ID, "type": self._account.approval, "status": self._challenge_status}
        context = {"context": {"sheriff_challenge": challenge}}
        return json_response(context if self._account.view_key == "context" else {"type_context": context})

    def _respond(self, request: Request) -> Response:
        assert request.headers.get("content-type", "").startswith(_FORM)
        code = parse_qs(request.body.decode()).get("response", [""])[-1]
        if code != SMS_CODE:
            return json_response({"detail": "Challenge response is invalid."}, 400)
        self._challenge_status = "validated"
        return json_response({"id": CHALLENGE_ID, "type": self._account.approval, "status": "validated"})

    def _continue(self, request: Request) -> Response:
        assert json.loads(request.body) == {"sequence": 0, "user_input": {"status": "continue"}}
        if self._challenge_status != "validated" or self._asked_by is None:
            return json_response({"type_context": {"result": "workflow_status_denied"}})
        self.approved_devices.add(self._asked_by)
        return json_response({"type_context": {"result": "workflow_status_approved"}})

    def _authorized(self, request: Request) -> Response | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        number = token.removeprefix("fake-access-token-")
        if kind == "Bearer" and number.isdigit() and self._oldest_good <= int(number) <= self._generation:
            return None
        return json_response({"detail": "Incorrect authentication credentials."}, 401)

    def _instruments(self, request: Request) -> Response:
        found = self._answers.stock(request.query.get("symbol", ""))
        return self._authorized(request) or json_response(page_of([] if found is None else [found]))

    def _chain(self, request: Request) -> Response:
        found = self._answers.chain(request.path.rstrip("/").rpartition("/")[2])
        return self._authorized(request) or _or_not_found(found)

    def _contracts(self, request: Request) -> Response:
        refusal = self._authorized(request)
        if refusal is not None:
            return refusal
        query = request.query
        found = self._answers.contracts(query.get("chain_id"), query.get("expiration_dates"))
        start = int(query.get("cursor", "0"))
        return json_response(page_of(found, start=start, query=query))

    def _market_data(self, request: Request) -> Response:
        ids = request.query.get("ids", "").split(",")
        return self._authorized(request) or json_response({"results": [self._answers.market_data(one) for one in ids]})

    def _quote(self, request: Request) -> Response:
        found = self._answers.quote(request.path.rstrip("/").rpartition("/")[2])
        return self._authorized(request) or _or_not_found(found)


def _or_not_found(found: Mapping[str, Any] | None) -> Response:
    return json_response({"detail": "Not found."}, 404) if found is None else json_response(found)
