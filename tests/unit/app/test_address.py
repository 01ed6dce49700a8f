from __future__ import annotations

import errno
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app import address
from app.address import answers, api_address, check_port, dashboard_address, dashboard_url
from app.settings import load_settings
from scanner.errors import InputError


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "PORT_RELEASE_SECONDS", 0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_free_port_is_taken_as_it_is(host: str) -> None:
    check_port(dashboard_address(load_settings(dashboard_host=host, dashboard_port=free_port())))


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_named_with_another_one(host: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} on {host} is used .*SCANNER_DASHBOARD_PORT={port + 1}"):
            check_port(dashboard_address(load_settings(dashboard_host=host, dashboard_port=port)))


@pytest.mark.parametrize("host", ["192.0.2.7", "not a host"])
def test_an_address_of_another_machine_is_named(host: str) -> None:
    with pytest.raises(InputError, match=f"{host} is no address of this machine. Correct SCANNER_DASHBOARD_HOST"):
        check_port(dashboard_address(load_settings(dashboard_host=host, dashboard_port=free_port())))


def test_the_port_of_the_rest_api_is_named_with_its_own_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} on 127\.0\.0\.1 is used .*SCANNER_API_PORT={port + 1}"):
            check_port(api_address(load_settings(api_port=port)))
    with pytest.raises(InputError, match="Correct SCANNER_API_HOST"):
        check_port(api_address(load_settings(api_host="192.0.2.7", api_port=free_port())))


@pytest.mark.parametrize(("status", "answering"), [(200, True), (404, False), (503, False)])
def test_a_server_answers_where_its_health_page_does(status: int, answering: bool) -> None:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        address_of_it = api_address(load_settings(api_port=server.server_port))
        threading.Thread(target=server.handle_request).start()
        assert answers(address_of_it) is answering
    assert not answers(address_of_it)


def test_a_port_for_root_alone_is_named_with_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_refusal", lambda host, port: errno.EACCES)
    with pytest.raises(InputError, match=r"may not listen on port 80\. .*SCANNER_DASHBOARD_PORT=8501"):
        check_port(dashboard_address(load_settings(dashboard_port=80)))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8501"),
        ("0.0.0.0", "http://127.0.0.1:8501"),
        ("::1", "http://[::1]:8501"),
        ("::", "http://[::1]:8501"),
        ("scanner.example", "http://scanner.example:8501"),
    ],
)
def test_the_address_that_is_shown_can_be_opened(host: str, url: str) -> None:
    assert dashboard_url(load_settings(dashboard_host=host)) == url
