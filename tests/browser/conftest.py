"""A real dashboard in a real browser. Skipped with a reason where no Chromium is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.patience import PATIENCE_SECONDS

PROJECT: Final = Path(__file__).resolve().parents[2]
PATIENCE_MILLISECONDS: Final = 1_000 * PATIENCE_SECONDS / 2
_CHROMIUM_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_CHROMIUM_FLAGS: Final = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
]


@dataclass(frozen=True)
class Dashboard:
    url: str
    data_dir: Path
    pid: int


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A headless Chromium; without one the test is skipped, or fails where SCANNER_REQUIRE_BROWSER is set."""
    executable = next(filter(None, map(shutil.which, _CHROMIUM_NAMES)), None)
    if executable is None:
        reason = "no Chromium is installed (on Debian: apt-get install -y chromium)"
        if os.environ.get("SCANNER_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser window of a new user, 1440 x 1600."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1600}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    yield context
    context.close()


@pytest.fixture
def tab(window: BrowserContext) -> Page:
    return window.new_page()


@pytest.fixture(scope="package")
def demo(chromium: Browser, public_directory: Path) -> Iterator[Dashboard]:
    """`python -m app.cli demo` after its first sync."""
    with _dashboard(["-m", "app.cli", "demo"], public_directory / "browser-demo") as dashboard:
        yield dashboard


@pytest.fixture
def empty_dashboard(chromium: Browser, public_directory: Path) -> Iterator[Dashboard]:
    """`streamlit run Home.py` by itself on a new, empty database of the simulated market."""
    with _dashboard(
        ["-m", "streamlit", "run", "Home.py"], public_directory / f"browser-empty-{uuid4().hex[:8]}"
    ) as dashboard:
        yield dashboard


@contextmanager
def _dashboard(arguments: list[str], data_dir: Path) -> Iterator[Dashboard]:
    port = _free_port()
    if "streamlit" in arguments:
        arguments = [*arguments, f"--server.port={port}"]
    environment = os.environ | {
        "SCANNER_MODE": "simulated",
        "SCANNER_DATA_DIR": str(data_dir),
        "SCANNER_DASHBOARD_PORT": str(port),
        "SCANNER_API": "false",
    }
    environment.pop("DATABASE_URL", None)
    log = data_dir.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until(lambda: _answers(f"http://127.0.0.1:{port}/_stcore/health"), process, log)
        if "demo" in arguments:
            _wait_until(lambda: "Dashboard: http" in log.read_text(encoding="utf-8"), process, log)
        yield Dashboard(f"http://127.0.0.1:{port}", data_dir, process.pid)
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
        time.sleep(0.2)
    pytest.fail(f"the dashboard did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
