"""Where the dashboard listens: whether that is possible, whether it answers, and how people get there."""

from __future__ import annotations

import errno
import http.client
import socket
import sys
import time
from typing import Final

from app.settings import Settings
from scanner.errors import InputError

PORT_RELEASE_SECONDS: Final = 3.0
_TICK_SECONDS: Final = 0.1
_LOCAL_HOSTS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def dashboard_url(settings: Settings) -> str:
    host = _reachable_host(settings)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.dashboard_port}"


def _reachable_host(settings: Settings) -> str:
    """The address to reach the dashboard at: a host that means every address of this machine is none itself."""
    return _LOCAL_HOSTS.get(settings.dashboard_host, settings.dashboard_host)


def check_port(settings: Settings) -> None:
    """Raise `InputError` when the dashboard cannot listen where the settings say.

    A dashboard whose supervisor was killed lets go of the port within moments; that is waited for.
    """
    host, port = settings.dashboard_host, settings.dashboard_port
    deadline = time.monotonic() + PORT_RELEASE_SECONDS
    while reason := _refusal(host, port):
        if reason == errno.EADDRINUSE and time.monotonic() < deadline:
            time.sleep(_TICK_SECONDS)
            continue
        other = f"choose another port: SCANNER_DASHBOARD_PORT={port + 1 if 1024 <= port < 65_535 else 8501}"
        if reason == errno.EADDRINUSE:
            raise InputError(f"port {port} on {host} is used by another program. Stop that one, or {other}")
        if reason in (errno.EACCES, errno.EPERM):
            raise InputError(f"this user may not listen on port {port}. Please {other}")
        raise InputError(f"{host} is no address of this machine. Correct SCANNER_DASHBOARD_HOST, usually 127.0.0.1")


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


def answers(settings: Settings) -> bool:
    """Whether the dashboard's health page answers."""
    connection = http.client.HTTPConnection(_reachable_host(settings), settings.dashboard_port, timeout=2.0)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
