from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from scanner.sources.schwab.library import http_library, limit_time


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def session(clock: Clock, *, pieces: int, seconds_each: float) -> httpx.Client:
    """A client whose answers come in pieces, each after some seconds of this clock."""

    def body() -> Iterator[bytes]:
        for _ in range(pieces):
            clock.seconds += seconds_each
            yield b"x"

    client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, content=body())))
    limit_time(client, 10.0, monotonic=clock)
    return client


def test_a_body_that_trickles_in_is_cut_off_at_the_limit() -> None:
    clock = Clock()
    with session(clock, pieces=1000, seconds_each=3.0) as client, pytest.raises(httpx.ReadTimeout):
        client.get("https://api.example.com")
    assert clock.seconds == 12.0


def test_each_request_has_the_whole_limit() -> None:
    clock = Clock()
    with session(clock, pieces=3, seconds_each=3.0) as client:
        assert [client.get("https://api.example.com").content for _ in range(3)] == [b"xxx"] * 3
    assert client.timeout == httpx.Timeout(10.0)


def test_the_http_library_of_a_session_is_found() -> None:
    with httpx.Client() as client:
        assert http_library(client) is httpx
