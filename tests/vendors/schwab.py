"""A fake Schwab: the chains of its market data and the token endpoint of its log-in."""

from __future__ import annotations

import base64
import fcntl
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.vendors.messages import Request, Response, Server, json_response
from tests.vendors.schwab_payloads import SchwabAnswers, contract_count, failed_body

HOST = "api.schwabapi.com"
CHAINS = r"/marketdata/v1/chains"
TOKEN = r"/v1/oauth/token"

APP_KEY = "fake-app-key"
APP_SECRET = "fake-app-secret"
CALLBACK = "https://127.0.0.1:8182"
CODE = "C0.fake/code@"
REFRESH_TOKEN = "fake-refresh-token@"
LIFE_SECONDS = 1800
TOO_BIG = {"fault": {"faultstring": "Body buffer overflow", "detail": {"errorcode": "protocol.http.TooBigBody"}}}


class SchwabServer:
    """Answers chains to whom bears the newest access token, and hands tokens out.

    `widest`: a chain of more contracts is refused as Schwab refuses it, with 502.
    """

    def __init__(self, answers: SchwabAnswers, *, widest: int | None = None) -> None:
        self._answers = answers
        self._widest = widest
        self._lock = threading.Lock()
        self._access_number = 1
        self._codes = {CODE}
        self._revoked = False

    @property
    def servers(self) -> dict[str, Server]:
        return {HOST: self}

    @property
    def access_token(self) -> str:
        return f"fake-access-token-{self._access_number}"

    def expire(self) -> None:
        """The access token handed out last is refused from now on."""
        with self._lock:
            self._access_number += 1

    def revoke(self) -> None:
        """The log-in is refused from now on."""
        with self._lock:
            self._revoked = True

    def __call__(self, request: Request) -> Response:
        if request.path == TOKEN and request.method == "POST":
            return self._token(request)
        if request.path == CHAINS and request.method == "GET":
            return self._chain(request)
        return errors_response(404, "Not Found")

    def _chain(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.access_token}":
            return errors_response(401, "Unauthorized")
        query = request.query
        if query.get("includeUnderlyingQuote") != "true" or query.get("contractType") != "ALL":
            return errors_response(400, "Bad Request")
        strikes = query.get("strikeCount")
        body = self._answers.chain(query["symbol"], int(strikes) if strikes else None)
        if body is None:
            return json_response(failed_body(query["symbol"]))
        if self._widest is not None and contract_count(body) > self._widest:
            return json_response(TOO_BIG, 502)
        return json_response(body)

    def _token(self, request: Request) -> Response:
        expected = base64.b64encode(f"{APP_KEY}:{APP_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return json_response({"error": "invalid_client", "error_description": "Unauthorized"}, 401)
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        with self._lock:
            if not self._grants(form):
                return refusal(json.dumps(form))
            self._access_number += 1
            return json_response(token_answer(self.access_token))

    def _grants(self, form: dict[str, str]) -> bool:
        if form.get("grant_type") == "authorization_code" and form.get("redirect_uri") == CALLBACK:
            good = form.get("code") in self._codes
            self._codes.discard(form.get("code", ""))
            return good
        refreshes = form.get("grant_type") == "refresh_token" and form.get("refresh_token") == REFRESH_TOKEN
        return refreshes and not self._revoked


def token_answer(access_token: str) -> dict[str, Any]:
    return {
        "expires_in": LIFE_SECONDS,
        "token_type": "Bearer",
        "scope": "api",
        "refresh_token": REFRESH_TOKEN,
        "access_token": access_token,
        "id_token": "fake-id-token",
    }


def refusal(detail: str) -> Response:
    """What Schwab says to a refresh token that is over. This one repeats what it was sent: worse than the real one."""
    description = f"400 Bad Request: Exception while authenticating refresh token [{detail}]"
    return json_response({"error": "unsupported_token_type", "error_description": description}, 400)


def errors_response(status: int, title: str) -> Response:
    return json_response({"errors": [{"id": "0be22ae7", "status": str(status), "title": title}]}, status)


def stored_login(access_token: str, *, created: datetime, access_expires: datetime) -> str:
    """The text that schwab-py stores."""
    token = {**token_answer(access_token), "expires_at": int(access_expires.timestamp())}
    return json.dumps({"creation_timestamp": int(created.timestamp()), "token": token})


@dataclass(frozen=True)
class TokenFile:
    """A stored log-in that several processes share, with the lock that goes with it."""

    path: Path

    def read(self) -> str | None:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else None

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self.path.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
