"""A fake Yahoo: cookie, crumb, consent form, option chains and company facts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.vendors.messages import (
    Request,
    Response,
    Server,
    html_response,
    json_response,
    redirect,
    text_response,
)
from tests.vendors.yahoo_payloads import EMPTY_CHAIN, YahooAnswers

HOSTS = (
    "fc.yahoo.com",
    "query1.finance.yahoo.com",
    "query2.finance.yahoo.com",
    "guce.yahoo.com",
    "consent.yahoo.com",
    "finance.yahoo.com",
)
OPTIONS = r"/v7/finance/options/"
SUMMARY = r"/v10/finance/quoteSummary/"
CRUMB = r"/v1/test/getcrumb"
COOKIE = r"fc\.yahoo\.com/"
DATA = rf"{OPTIONS}|{SUMMARY}"

_SESSION = "fake-session"
_CONSENT_FORM = f"""<!DOCTYPE html><html><body><form method="post" action="/v2/collectConsent?sessionId={_SESSION}">
<input type="hidden" name="csrfToken" value="fake-token"><input type="hidden" name="sessionId" value="{_SESSION}">
<button type="submit" name="agree" value="agree">Accept all</button></form></body></html>"""


class YahooServer:
    """Answers for all of `HOSTS`. Data need the cookie and the crumb that belongs to it, as Yahoo's do.

    With `consent_required` the cookie is only to be had through the consent form, as in the EU; `consent_form` may
    replace the form by a recorded one.
    """

    def __init__(
        self, answers: YahooAnswers, *, consent_required: bool = False, consent_form: str = _CONSENT_FORM
    ) -> None:
        self._answers = answers
        self._consent_required = consent_required
        self._consent_form = consent_form
        self._lock = threading.Lock()
        self._generation = 1
        self._consented = False
        self._routes: tuple[tuple[str, str, Callable[[Request], Response]], ...] = (
            ("fc.yahoo.com", "/", self._first_cookie),
            ("", "/v1/test/getcrumb", self._crumb),
            ("guce.yahoo.com", "/consent", lambda _: redirect(_collect_url())),
            ("consent.yahoo.com", "/v2/collectConsent", self._collect_consent),
            ("guce.yahoo.com", "/copyConsent", self._copy_consent),
            ("finance.yahoo.com", "/", lambda _: html_response("<html><body>Yahoo Finance</body></html>")),
            ("", "/v7/finance/options/", self._options),
            ("", "/v10/finance/quoteSummary/", self._summary),
            ("", "/v8/finance/chart/", self._chart),
        )

    @property
    def servers(self) -> dict[str, Server]:
        return dict.fromkeys(HOSTS, self)

    def revoke(self) -> None:
        """From now on the cookies and crumbs handed out so far are refused."""
        with self._lock:
            self._generation += 1

    def __call__(self, request: Request) -> Response:
        for host, path, respond in self._routes:
            if host in ("", request.host) and request.path.startswith(path):
                return respond(request)
        return json_response({"finance": {"result": None, "error": {"code": "Not Found"}}}, 404)

    def _first_cookie(self, request: Request) -> Response:
        cookies = () if self._consent_required else (self._set_cookie(),)
        return text_response("", 404, *cookies)

    def _set_cookie(self) -> tuple[str, str]:
        return "Set-Cookie", f"A3={self._cookie}; Max-Age=31536000; Domain=.yahoo.com; Path=/; Secure; HttpOnly"

    @property
    def _cookie(self) -> str:
        return f"fake-cookie-{self._generation}"

    @property
    def _crumb_text(self) -> str:
        return f"fake.crumb/{self._generation}"

    def _crumb(self, request: Request) -> Response:
        if request.cookies.get("A3") != self._cookie:
            return _unauthorized("Invalid Cookie")
        return text_response(self._crumb_text)

    def _collect_consent(self, request: Request) -> Response:
        if request.method != "POST":
            return html_response(self._consent_form)
        if b"agree" not in request.body or b"csrfToken" not in request.body:
            return text_response("incomplete form", 400)
        self._consented = True
        return redirect(f"https://guce.yahoo.com/copyConsent?sessionId={_SESSION}&lang=en-GB")

    def _copy_consent(self, request: Request) -> Response:
        cookies = (self._set_cookie(),) if self._consented else ()
        return redirect("https://finance.yahoo.com/?guccounter=1", *cookies)

    def _options(self, request: Request) -> Response:
        return self._authorized(request) or json_response(self._chain(request))

    def _chain(self, request: Request) -> dict[str, Any]:
        date = request.query.get("date")
        body = self._answers.options(request.path.rpartition("/")[2], int(date) if date else None)
        return EMPTY_CHAIN if body is None else body

    def _summary(self, request: Request) -> Response:
        refusal = self._authorized(request)
        if refusal is not None:
            return refusal
        symbol = request.path.rpartition("/")[2]
        body = self._answers.summary(symbol)
        if body is None:
            error = {"code": "Not Found", "description": f"Quote not found for symbol: {symbol}"}
            return json_response({"quoteSummary": {"result": None, "error": error}}, 404)
        return json_response(body)

    def _chart(self, request: Request) -> Response:
        symbol = request.path.rpartition("/")[2]
        body = self._answers.chart(symbol)
        if body is None:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return json_response({"chart": {"result": None, "error": error}}, 404)
        return json_response(body)

    def _authorized(self, request: Request) -> Response | None:
        """None where cookie and crumb are right, else the refusal."""
        if request.cookies.get("A3") != self._cookie:
            return _unauthorized("Invalid Cookie")
        if request.query.get("crumb") != self._crumb_text:
            return _unauthorized("Invalid Crumb")
        return None


def _collect_url() -> str:
    return f"https://consent.yahoo.com/v2/collectConsent?sessionId={_SESSION}"


def _unauthorized(description: str) -> Response:
    error = {"code": "Unauthorized", "description": description}
    return json_response({"finance": {"result": None, "error": error}}, 401)
