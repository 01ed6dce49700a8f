"""A fake Polygon: listed contracts, snapshots in pages and tickers, for one API key and what its plan includes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.vendors.messages import Request, Response, Server, json_response
from tests.vendors.polygon_payloads import Body, Plan, PolygonAnswers

HOST = "api.polygon.io"
LISTED = rf"GET {HOST}/v3/reference/options/contracts"
SNAPSHOTS = rf"GET {HOST}/v3/snapshot/options/"
TICKERS = rf"GET {HOST}/v3/reference/tickers/"

API_KEY = "fake_Polygon-key_7Qp2Zr9x"

_MOST = {"/v3/reference/options/contracts": 1000, "/v3/snapshot/options/": 250}
_DEFAULT_LIMIT = 10
_REQUEST_ID = "6a7e466379af0a71039d60cc78e72282"


class PolygonServer:
    """Answers for `HOST`. `named`: the host in the addresses of next pages."""

    def __init__(self, answers: PolygonAnswers, plan: Plan | None = None, *, named: str = HOST) -> None:
        self._answers = answers
        self._plan = plan or Plan()
        self._named = named
        self._routes: tuple[tuple[str, Callable[[Request], Response]], ...] = (
            ("/v3/reference/options/contracts", self._contracts),
            ("/v3/snapshot/options/", self._snapshots),
            ("/v3/reference/tickers/", self._ticker),
        )

    @property
    def servers(self) -> dict[str, Server]:
        return {HOST: self}

    def __call__(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return json_response(_body(status="ERROR", error="Unknown API Key"), 401)
        for path, respond in self._routes:
            if request.path.startswith(path):
                return respond(request)
        return json_response(_not_found(), 404)

    def _contracts(self, request: Request) -> Response:
        query = _query(request)
        rows = self._answers.contracts(query["underlying_ticker"]) or []
        side = query.get("contract_type")
        wanted = [row for row in rows if side is None or row.get("contract_type") == side]
        if query.get("sort") == "expiration_date":
            wanted.sort(key=lambda row: str(row.get("expiration_date")))
        return self._page(request, query, wanted)

    def _snapshots(self, request: Request) -> Response:
        if not self._plan.snapshots:
            message = "You are not entitled to this data. Please upgrade your plan."
            return json_response(_body(status="NOT_AUTHORIZED", message=message), 403)
        query = _query(request)
        first, last = query.get("expiration_date.gte", ""), query.get("expiration_date.lte", "9999")
        rows = self._answers.snapshots(request.path.rpartition("/")[2], first, last)
        return self._page(request, query, [self._plan.included(row) for row in rows])

    def _ticker(self, request: Request) -> Response:
        ticker = request.path.rpartition("/")[2]
        if not self._answers.knows(ticker):
            return json_response(_not_found(), 404)
        return json_response(_body(results={"ticker": ticker, "active": True}))

    def _page(self, request: Request, query: Mapping[str, str], rows: Sequence[Any]) -> Response:
        """A page, with the address of the next: a cursor that holds the question."""
        most = next(most for path, most in _MOST.items() if request.path.startswith(path))
        start, limit = int(query.get("from", 0)), min(int(query.get("limit", _DEFAULT_LIMIT)), most)
        body = _body(results=list(rows[start : start + limit]))
        if start + limit < len(rows):
            question = json.dumps({**query, "from": str(start + limit)})
            cursor = base64.urlsafe_b64encode(question.encode()).decode()
            body["next_url"] = f"https://{self._named}{request.path}?{urlencode({'cursor': cursor})}"
        return json_response(body)


def _query(request: Request) -> dict[str, str]:
    """The question, which a cursor carries from page to page."""
    query = dict(parse_qsl(request.target.partition("?")[2]))
    if "cursor" in query:
        found: dict[str, str] = json.loads(base64.urlsafe_b64decode(query["cursor"]))
        return found
    return query


def _body(*, status: str = "OK", **rest: Any) -> Body:
    return {"status": status, "request_id": _REQUEST_ID, **rest}


def _not_found() -> Body:
    return _body(status="NOT_FOUND", message="Ticker not found.")
