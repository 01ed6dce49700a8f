"""The time limit of a call holds whatever the server does: here it answers in drops."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from scanner.sources.robinhood.transport import Transport

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


def session(transport: Transport) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", transport)
    return made


def transport(seconds: float, turns: list[float] | None = None) -> Transport:
    return Transport(timeout_seconds=seconds, turn=lambda: (turns or [0.0]).pop())


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_in_drops_is_given_up_in_time(dripping: tuple[str, list[bytes]], chunked: bool) -> None:
    url, pieces = dripping
    pieces.append(HEAD + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: 1000\r\n\r\n"))
    pieces.extend([b"1\r\n \r\n" if chunked else b" "] * 1000)
    carrier = transport(0.4)
    started = time.monotonic()
    with carrier.calling(), pytest.raises(requests.Timeout):
        session(carrier).get(url)
    assert 0.3 < time.monotonic() - started < 5.0


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_slow_body_within_the_limit_is_whole(dripping: tuple[str, list[bytes]], chunked: bool) -> None:
    url, pieces = dripping
    pieces.append(HEAD + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: 6\r\n\r\n"))
    pieces.extend([b'2\r\n{"\r\n', b'2\r\na"\r\n', b"2\r\n:}\r\n", b"0\r\n\r\n"] if chunked else [b'{"', b'a"', b":}"])
    carrier = transport(10.0)
    with carrier.calling():
        assert session(carrier).get(url).content == b'{"a":}'
        assert carrier.call.answer is not None


@pytest.mark.parametrize(
    "body", [b"Content-Length: 10\r\n\r\n12345", b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"]
)
def test_a_body_that_breaks_off_is_no_answer(dripping: tuple[str, list[bytes]], body: bytes) -> None:
    url, pieces = dripping
    pieces.append(HEAD + body)
    carrier = transport(10.0)
    with carrier.calling():
        with pytest.raises(requests.ConnectionError):
            session(carrier).get(url)
        assert isinstance(carrier.call.failure, requests.ConnectionError)
        assert carrier.call.answer is None


def test_the_limit_is_one_for_all_requests_of_a_call_and_waits_for_turns_do_not_count() -> None:
    waited = [30.0]
    carrier = transport(0.2, waited)
    with carrier.calling():
        before = carrier.call.deadline
        for _ in range(2):
            with pytest.raises(requests.ConnectionError):
                session(carrier).get("http://127.0.0.1:9/")
        assert carrier.call.deadline == before + 30.0
        assert waited == []
    with carrier.calling():
        time.sleep(0.25)
        with pytest.raises(requests.Timeout):
            session(carrier).get("http://127.0.0.1:9/")
