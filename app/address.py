"""Where dashboard and REST API listen: whether that is possible, whether they answer, and how people get there."""

from __future__ import annotations

import errno
import http.client
import socket
import sys
import time
from dataclasses import dataclass
from typing import Final

from app.settings import Settings
from scanner.errors import InputError

PORT_RELEASE_SECONDS: Final = 3.0
_TICK_SECONDS: Final = 0.1
_LOCAL_HOSTS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens. `variables`: how the settings of it begin; `other_port`: one for those who may not."""

    host: str
    port: int
    variables: str
    other_port: int
    health: str

    @property
    def url(self) -> str:
        host = self.reachable_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def reachable_host(self) -> str:
        """What to connect to: a host that means every address of this machine is none itself."""
        return _LOCAL_HOSTS.get(self.host, self.host)


def dashboard_address(settings: Settings) -> Address:
    return Address(
        settings.dashboard_host, settings.dashboard_port, "SCANNER_DASHBOARD", 8501, health="/_stcore/health"
    )


def api_address(settings: Settings) -> Address:
    return Address(settings.api_host, settings.api_port, "SCANNER_API", 8000, health="/health")


def dashboard_url(settings: Settings) -> str:
    return dashboard_address(settings).url


def check_port(address: Address) -> None:
    """Raise `InputError` when no server can listen there.

    One whose supervisor was killed lets go of the port within moments; that is waited for.
    """
    host, port = address.host, address.port
    deadline = time.monotonic() + PORT_RELEASE_SECONDS
    while reason := _refusal(host, port):
        if reason == errno.EADDRINUSE and time.monotonic() < deadline:
            time.sleep(_TICK_SECONDS)
            continue
        other = (
            f"choose another port: {address.variables}_PORT={port + 1 if 1024 <= port < 65_535 else address.other_port}"
        )
        if reason == errno.EADDRINUSE:
            raise InputError(f"port {port} on {host} is used by another program. Stop that one, or {other}")
        if reason in (errno.EACCES, errno.EPERM):
            raise InputError(f"this user may not listen on port {port}. Please {other}")
        raise InputError(f"{host} is no address of this machine. Correct {address.variables}_HOST, usually 127.0.0.1")


def _refusal(host: str, port: int) -> int | None:
    """The errno with which this machine refuses a server at this address; None where one may start."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if sys.platform != "win32":  # there it would let two servers share the port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.errno or errno.EADDRNOTAVAIL
    return None


def answers(address: Address) -> bool:
    """Whether the server's health page answers."""
    connection = http.client.HTTPConnection(address.reachable_host, address.port, timeout=2.0)
    try:
        connection.request("GET", address.health)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
