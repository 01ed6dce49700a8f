from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.api import cache
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


def test_memory_is_bounded_in_bytes_too(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(number: int) -> int:
        return made.client.get(f"/api/x?a={number}", headers={"Accept-Encoding": "identity"}).status_code

    monkeypatch.setattr(cache, "MOST_BYTES", 5_000)  # two answers of 2,000
    assert {ask(number) for number in (0, 1, 2, 1, 2, 0)} == {200}
    assert made.count == 4
    monkeypatch.setattr(cache, "MOST_BYTES", 100)
    assert {ask(number) for number in (7, 7)} == {200}
    assert made.count == 6


def test_an_etag_of_the_application_counts() -> None:
    bodies = iter(["one second", "two seconds"])

    async def endpoint(_: Request) -> PlainTextResponse:
        return PlainTextResponse(next(bodies), headers={"ETag": 'W/"same"'})

    clock = Clock()
    app: Any = AnswerCache(Starlette(routes=[Route("/api/x", endpoint)]), version=lambda: 1, monotonic=clock)
    client = TestClient(app)
    first = client.get("/api/x")
    assert first.headers.get_list("etag") == ['W/"same"']
    clock.now += TTL_SECONDS
    again = client.get("/api/x", headers={"If-None-Match": '"other", W/"same"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", 'W/"same"')


class Slow:
    """A cached application whose answers wait for `go`."""

    def __init__(self) -> None:
        self.go, self.count, self.fails = asyncio.Event(), 0, False
        routes = [Route("/api/x", self._endpoint)]
        app: Any = AnswerCache(Starlette(routes=routes), version=lambda: 1)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")

    async def _endpoint(self, _: Request) -> PlainTextResponse:
        self.count += 1
        await self.go.wait()
        if self.fails:
            raise ValueError("a fault")
        return PlainTextResponse("done")

    async def ask(self, number: int) -> list[asyncio.Task[httpx.Response]]:
        asked = [asyncio.create_task(self.client.get("/api/x")) for _ in range(number)]
        while self.count == 0:
            await asyncio.sleep(0)
        return asked


def test_who_asks_while_an_answer_is_made_waits_for_it() -> None:
    async def run() -> None:
        slow = Slow()
        asked = await slow.ask(20)
        asked[0].cancel()
        await asyncio.sleep(0)
        slow.go.set()
        answers = await asyncio.gather(*asked[1:])
        assert {answer.text for answer in answers} == {"done"}
        assert slow.count == 1

    asyncio.run(run())


def test_a_fault_is_everybodys_who_waited_and_is_not_kept() -> None:
    async def run() -> None:
        slow = Slow()
        slow.fails = True
        asked = await slow.ask(3)
        slow.go.set()
        faults = await asyncio.gather(*asked)
        assert [fault.status_code for fault in faults] == [500] * 3  # Starlette's answer, before it raises
        slow.fails = False
        assert (await slow.client.get("/api/x")).text == "done"
        assert slow.count == 2

    asyncio.run(run())


def test_a_fault_that_was_not_answered_goes_on() -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        TestClient(AnswerCache(broken, version=lambda: 1)).get("/api/x")
