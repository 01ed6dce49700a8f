"""The time limit of a call holds whatever the server does: here it answers in drops."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from scanner.sources.polygon.time_limit import TimeLimit

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def dripping() -> Iterator[tuple[str, list[bytes]]]:
    """A server's address, and the pieces it sends 50 ms apart."""
    pieces: list[bytes] = []
    stop = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            for piece in pieces:
                if stop.wait(0.05):
                    return
                try:
                    connection.sendall(piece)
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", pieces
        stop.set()
        thread.join()


def fetched(url: str, seconds: float) -> bytes:
    limit = TimeLimit(seconds)
    with httpx.Client(trust_env=False) as client, client.stream("GET", url, extensions={"timeout": limit}) as response:
        return limit.whole(response.iter_bytes())


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_in_drops_is_given_up_in_time(dripping: tuple[str, list[bytes]], chunked: bool) -> None:
    url, pieces = dripping
    pieces.append(HEAD + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: 1000\r\n\r\n"))
    pieces.extend([b"1\r\n \r\n" if chunked else b" "] * 1000)
    started = time.monotonic()
    with pytest.raises(httpx.TimeoutException):
        fetched(url, 0.4)
    assert 0.3 < time.monotonic() - started < 5.0


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_slow_body_within_the_limit_is_whole(dripping: tuple[str, list[bytes]], chunked: bool) -> None:
    url, pieces = dripping
    pieces.append(HEAD + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: 6\r\n\r\n"))
    pieces.extend([b'2\r\n{"\r\n', b'2\r\na"\r\n', b"2\r\n:}\r\n", b"0\r\n\r\n"] if chunked else [b'{"', b'a"', b":}"])
    assert fetched(url, 10.0) == b'{"a":}'


@pytest.mark.parametrize(
    "body", [b"Content-Length: 10\r\n\r\n12345", b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"]
)
def test_a_body_that_breaks_off_is_no_answer(dripping: tuple[str, list[bytes]], body: bytes) -> None:
    url, pieces = dripping
    pieces.append(HEAD + body)
    with pytest.raises(httpx.RemoteProtocolError):
        fetched(url, 10.0)


def test_a_server_that_says_nothing_is_given_up_in_time(dripping: tuple[str, list[bytes]]) -> None:
    url, pieces = dripping
    pieces.extend([b""] * 1000)
    with pytest.raises(httpx.ReadTimeout):
        fetched(url, 0.2)


def test_a_server_nobody_reaches_is_given_up_in_time() -> None:
    """The queue of connections is full: connecting waits."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with pytest.raises(httpx.ConnectTimeout):
            fetched(f"http://127.0.0.1:{listener.getsockname()[1]}/", 0.3)


def test_every_wait_is_given_what_is_left() -> None:
    limit = TimeLimit(10.0)
    given = [limit.get(wait) for wait in ("pool", "connect", "write", "read")]
    assert all(seconds is not None and 9.0 < seconds <= 10.0 for seconds in given)
    assert given == sorted(given, key=lambda seconds: -(seconds or 0.0))
    assert set(limit) == {"connect", "read", "write", "pool"}
    with pytest.raises(httpx.TimeoutException):
        TimeLimit(0.0)["read"]
