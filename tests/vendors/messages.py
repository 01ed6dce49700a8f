"""Requests as a fake server sees them, and its answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request inside a tunnel. `target` is path and query as sent; header names are lower case."""

    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The last value of each parameter."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (piece.strip().partition("=") for piece in self.headers.get("cookie", "").split(";"))
        return {name: value for name, _, value in pairs if name}

    def __str__(self) -> str:
        """What patterns of faults and counts are matched against: `GET host/path?query`."""
        return f"{self.method} {self.host}{unquote(self.target)}"


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self) -> bytes:
        """Head and body in one piece: two sends cost 40 ms of delayed acknowledgement."""
        lines = [f"HTTP/1.1 {self.status} {'OK' if self.status < 400 else 'Refused'}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


Server = Callable[[Request], Response]
"""A fake vendor: answers requests of its hosts, from several threads at once."""


def json_response(value: object, status: int = 200) -> Response:
    return Response(status, json.dumps(value).encode(), (("Content-Type", "application/json;charset=utf-8"),))


def text_response(text: str, status: int = 200, *headers: tuple[str, str]) -> Response:
    return Response(status, text.encode(), (("Content-Type", "text/plain;charset=utf-8"), *headers))


def html_response(text: str, status: int = 200) -> Response:
    return Response(status, text.encode(), (("Content-Type", "text/html;charset=utf-8"),))


def redirect(location: str, *headers: tuple[str, str]) -> Response:
    return Response(302, b"", (("Location", location), *headers))
