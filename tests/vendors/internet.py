"""The proxy that stands for the internet."""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.vendors.certificates import Authority
from tests.vendors.faults import FaultPlan, Kind
from tests.vendors.messages import Request, Response, Server

_IDLE_SECONDS = 60.0
_HEAD_LIMIT = 64 * 1024
_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_UNREACHABLE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class FakeInternet:
    """Serves `servers` by host name while entered; everything else is refused.

    `requests` records what reached a host (faults included), `refused` the hosts and plain-HTTP requests that were
    turned away. Both grow in order of arrival.
    """

    def __init__(self, servers: Mapping[str, Server], *, faults: FaultPlan | None = None) -> None:
        self._servers = dict(servers)
        self.faults = faults or FaultPlan()
        self.requests: list[Request] = []
        self.refused: list[str] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="fake-internet-")
        self._authority = Authority(Path(self._directory.name))
        self._proxy = _Proxy(self)
        self._thread = threading.Thread(target=self._proxy.serve_forever, args=(0.05,), name="fake-internet")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._proxy.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                _hang_up(connection)
        self._proxy.server_close()
        self._directory.cleanup()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that put a process behind this proxy."""
        proxy = f"http://127.0.0.1:{self._proxy.server_address[1]}"
        local = "localhost,127.0.0.1,::1"
        bundle = str(self._authority.bundle)
        return {
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), local),
            **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), bundle),
        }

    def count(self, pattern: str = "") -> int:
        """How many recorded requests (`METHOD host/path?query`) contain a match of the regular expression."""
        return sum(bool(re.search(pattern, str(request))) for request in list(self.requests))

    def serve(self, connection: socket.socket) -> None:
        """One client connection: a CONNECT, then requests inside TLS until either side closes."""
        connection.settimeout(_IDLE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = _read_head(connection)
        if head is None:
            return
        method, target, _ = head[0].split(" ", 2)
        host = target.rpartition(":")[0]
        if method != "CONNECT" or host not in self._servers:
            self.refused.append(host if method == "CONNECT" else target)
            connection.sendall(_REFUSED)
            return
        if self.faults.pick(host, connecting=True) is not None:
            connection.sendall(_UNREACHABLE)
            return
        connection.sendall(_ESTABLISHED)
        self._serve_tunnel(connection, host)

    def _serve_tunnel(self, connection: socket.socket, host: str) -> None:
        with self._authority.context(host).wrap_socket(connection, server_side=True) as tunnel:
            with self._lock:
                self._connections.add(tunnel)
            try:
                while not self._stopping.is_set() and (request := _read_request(tunnel, host)) is not None:
                    self.requests.append(request)
                    if not self._answer(tunnel, request):
                        return
            finally:
                with self._lock:
                    self._connections.discard(tunnel)

    def _answer(self, tunnel: ssl.SSLSocket, request: Request) -> bool:
        """Send the answer or the fault. False where the connection must close."""
        fault = self.faults.pick(str(request))
        if fault is not None and fault.kind is Kind.DROP:
            return False
        if fault is not None and fault.kind is Kind.ANSWER:
            tunnel.sendall(fault.answer.encoded())
            return True
        response = self._servers[request.host](request)
        if fault is not None and fault.kind is Kind.SLOW:
            self._stopping.wait(fault.seconds)
        elif fault is not None and fault.kind is Kind.CUT_BODY:
            response = Response(response.status, response.body[: len(response.body) // 2], response.headers)
        elif fault is not None and fault.kind is Kind.CUT_TRANSFER:
            encoded = response.encoded()
            tunnel.sendall(encoded[: len(encoded) - len(response.body) // 2])
            return False
        tunnel.sendall(response.encoded())
        return True


class _Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, internet: FakeInternet) -> None:
        self.internet = internet
        super().__init__(("127.0.0.1", 0), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Proxy)
        try:
            self.server.internet.serve(self.request)
        except (OSError, ValueError):
            return  # the client went away or spoke something else; what it asked so far is recorded


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already by the other side


def _read_head(connection: socket.socket) -> tuple[str, dict[str, str], bytes] | None:
    """(first line, headers, first bytes of the body); None where the client closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece or len(data) > _HEAD_LIMIT:
            return None
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}, rest


def _read_request(connection: socket.socket, host: str) -> Request | None:
    head = _read_head(connection)
    if head is None:
        return None
    first, headers, body = head
    method, target, _ = first.split(" ", 2)
    missing = int(headers.get("content-length", "0")) - len(body)
    while missing > 0:
        piece = connection.recv(missing)
        if not piece:
            return None
        body += piece
        missing -= len(piece)
    return Request(host, method, target, headers, body)
