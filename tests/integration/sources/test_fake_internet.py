"""The fake internet itself: only what is served can be reached, by every kind of client, in subprocesses too."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
import pytest
import requests

from tests.integration.sources.chains import answers
from tests.vendors.faults import cut_transfer, dropped, rate_limited, slow, unreachable
from tests.vendors.fixtures import EnterInternet
from tests.vendors.internet import FakeInternet
from tests.vendors.messages import Request, Response, json_response
from tests.vendors.yahoo import YahooServer

ROOT = Path(__file__).resolve().parents[3]
HOST = "api.example.com"
URL = f"https://{HOST}/thing?name=a%20b"


def echo(request: Request) -> Response:
    return json_response({"method": request.method, "path": request.path, "query": request.query})


@pytest.fixture
def internet(enter_internet: EnterInternet) -> FakeInternet:
    return enter_internet({HOST: echo})


def test_requests_and_urllib_come_through(internet: FakeInternet) -> None:
    expected = {"method": "GET", "path": "/thing", "query": {"name": "a b"}}
    assert requests.get(URL, timeout=5).json() == expected
    with urllib.request.build_opener().open(URL, timeout=5) as answer:
        assert json.load(answer) == expected
    assert internet.count(r"GET api\.example\.com/thing\?name=a b") == 2


def test_curl_comes_through(internet: FakeInternet) -> None:
    from curl_cffi import requests as curl

    with curl.Session(impersonate="chrome") as session:
        assert session.post(URL, data={"a": 1}, timeout=5).json()["method"] == "POST"
    assert internet.requests[0].body == b"a=1"


def test_unknown_hosts_are_refused_and_recorded(internet: FakeInternet) -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://example.org/", timeout=5)
    with pytest.raises(urllib.error.URLError):
        urllib.request.build_opener().open("https://example.net/", timeout=5)
    assert internet.refused == ["example.org", "example.net"]
    assert internet.requests == []


def test_plain_http_through_the_proxy_is_refused(internet: FakeInternet) -> None:
    proxy = internet.environment["HTTPS_PROXY"]
    answer = requests.get("http://example.org/", proxies={"http": proxy}, timeout=5)
    assert answer.status_code == 403
    assert internet.refused == ["http://example.org/"]


def test_the_certificates_are_trusted_by_nobody_else(internet: FakeInternet) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(URL, timeout=5, verify=certifi.where())


def test_faults_count_matches(internet: FakeInternet) -> None:
    internet.faults.add(rate_limited("/thing", "9", first=2, times=1))
    with requests.Session() as session:
        found = [session.get(URL, timeout=5) for _ in range(3)]
    assert [answer.status_code for answer in found] == [200, 429, 200]
    assert found[1].headers["Retry-After"] == "9"


@pytest.mark.parametrize("fault", [dropped("/thing"), cut_transfer("/thing"), unreachable(HOST)])
def test_broken_connections_are_errors(internet: FakeInternet, fault: object) -> None:
    internet.faults.add(fault)  # type: ignore[arg-type]
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(URL, timeout=5)


def test_leaving_does_not_wait_for_slow_answers() -> None:
    with FakeInternet({HOST: echo}) as internet, ThreadPoolExecutor(1) as pool:
        internet.faults.add(slow("/thing", 60.0))
        proxies = {"https": internet.environment["HTTPS_PROXY"]}
        bundle = internet.environment["SSL_CERT_FILE"]
        waiting = pool.submit(requests.get, URL, proxies=proxies, verify=bundle, timeout=0.3)
        with pytest.raises(requests.exceptions.RequestException):
            waiting.result()
        started = time.monotonic()
    assert time.monotonic() - started < 30.0


def test_a_client_that_goes_away_leaves_no_trace(internet: FakeInternet) -> None:
    port = int(internet.environment["HTTPS_PROXY"].rpartition(":")[2])
    for opening in (b"", b"nonsense\r\n\r\n", b"CONNECT\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(opening)
    assert requests.get(URL, timeout=5).status_code == 200
    assert ssl.create_default_context(cafile=internet.environment["SSL_CERT_FILE"]).cert_store_stats()["x509_ca"] == 1


def test_answers_come_at_once(internet: FakeInternet) -> None:
    """A head and a body sent apart would cost each of them 40 ms of delayed acknowledgement."""
    seconds = []
    with requests.Session() as session:
        session.get(URL, timeout=5)
        for _ in range(20):
            started = time.perf_counter()
            session.get(URL, timeout=5)
            seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.03


def test_the_unmodified_yfinance_in_a_subprocess(tmp_path: Path) -> None:
    """The vendor's own classes, cookie file included: environment variables are all that differs."""
    script = """if True:
        import yfinance
        ticker = yfinance.Ticker("AAPL")
        chain = ticker.option_chain()
        print(len(ticker.options), len(chain.calls), len(chain.puts), chain.underlying["regularMarketPrice"])
    """
    with FakeInternet(YahooServer(answers("AAPL")).servers) as internet:
        environment = {**os.environ, **internet.environment, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout.split() == ["3", "3", "3", "100.0"], done.stderr
        assert internet.refused == []


def test_a_command_runs_inside_it() -> None:
    script = """if True:
        from datetime import UTC, datetime
        from scanner.sources.resilience import OpenGate
        from scanner.sources.yahoo import YahooSource
        source = YahooSource(clock=lambda: datetime.now(UTC), gate=OpenGate())
        print(len(source.chain("AAPL", lambda listed: listed[:2]).contracts) > 50)
    """
    command = [sys.executable, "-m", "tests.vendors", "--", sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
    assert "4 requests, 2 of them for data" in done.stderr
