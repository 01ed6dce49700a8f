from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.api.cache import MOST_ANSWERS, TTL_SECONDS, AnswerCache


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Made:
    """A cached application that counts how often it really answers."""

    def __init__(self) -> None:
        self.clock, self.version, self.status, self.count = Clock(), 1, 200, 0

        async def endpoint(request: Request) -> PlainTextResponse:
            self.count += 1
            return PlainTextResponse(f"{request.url.query} {'x' * 2_000}", status_code=self.status)

        routes = [Route("/api/x", endpoint, methods=["GET", "POST"]), Route("/health", endpoint)]
        app: Any = AnswerCache(Starlette(routes=routes), version=lambda: self.version, monotonic=self.clock)
        self.client = TestClient(app)


@pytest.fixture
def made() -> Made:
    return Made()


def test_the_same_question_is_answered_once(made: Made) -> None:
    first, second = made.client.get("/api/x?a=1"), made.client.get("/api/x?a=1")
    assert first.text == second.text
    assert first.headers["etag"] == second.headers["etag"]
    assert made.count == 1


@pytest.mark.parametrize("change", ["time", "version", "query", "accept", "key"])
def test_another_question_another_time_and_other_data_are_answered_anew(made: Made, change: str) -> None:
    made.client.get("/api/x?a=1")
    headers = {"accept": {"Accept": "text/csv"}, "key": {"X-API-Key": "k"}}.get(change, {})
    if change == "time":
        made.clock.now += TTL_SECONDS
    elif change == "version":
        made.version += 1
    made.client.get("/api/x?a=2" if change == "query" else "/api/x?a=1", headers=headers)
    assert made.count == 2


def test_errors_and_other_methods_are_not_kept(made: Made) -> None:
    made.status = 503
    assert [made.client.get("/api/x").status_code for _ in range(2)] == [503, 503]
    made.client.post("/api/x")
    made.client.get("/health")
    made.client.get("/health")
    assert made.count == 5


def test_memory_is_bounded(made: Made) -> None:
    for number in range(MOST_ANSWERS + 1):
        made.client.get(f"/api/x?a={number}")
    made.client.get("/api/x?a=1")
    assert made.count == MOST_ANSWERS + 1
    made.client.get("/api/x?a=0")
    assert made.count == MOST_ANSWERS + 2
