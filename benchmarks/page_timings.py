"""Pages in a real Chromium over 1 M stored contracts: first page cold, change of page, filters applied, idle sessions.

All times are taken inside the browser. "Cold" is a window that has nothing cached, from the request to the frame with
the heading of the page's table, and to the table itself, whose own code (1.2 MB of Streamlit's) is loaded then.
"Applied" is from the click on Apply, with a range of delta that was never asked for, to the frame after the table
shows its rows; "with the funnel" to the end of the run that the click began. The share of a core is of the dashboard's
process while five windows look at five pages and touch nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from app.bootstrap import wall_clock
from benchmarks.browser_table import ROW_PIXELS
from benchmarks.database_scan import fill
from benchmarks.report import Timings, table
from benchmarks.server import database
from db import data_version, premiums
from scanner.calendar import market_date
from scanner.model import Mode

LOADS: Final = 20
IDLE_SECONDS: Final = 60.0
START_SECONDS: Final = 60.0
PATIENCE_MILLISECONDS: Final = 60_000
WINDOWS: Final = ("", "top_opportunities", "flow", "database_scan?db_tab=Scan+Premiums", "system")

_UNTIL: Final = """
const frame = () => new Promise(requestAnimationFrame);
const idle = () => document.querySelector("[data-testid='stApp']")?.dataset.testScriptState === "notRunning";
const until = async (true_) => {
  const started = performance.now();
  while (!true_()) {
    if (performance.now() - started > 30000) throw new Error("never drawn");
    await frame();
  }
  await frame();
};
"""

COLD: Final = f"""
async (words) => {{ {_UNTIL}
  await until(() => document.body.innerText.includes(words));
  const read = performance.now();
  await until(() => document.querySelector("[data-testid='stDataFrame'] canvas"));
  return [read, performance.now()];
}}
"""

SWITCH: Final = f"""
async ([name, words]) => {{ {_UNTIL}
  const link = [...document.querySelectorAll("a")].find(one => one.textContent.trim() === name);
  const begun = performance.now();
  link.click();
  await until(() => document.querySelector("[data-testid='stMain']").innerText.includes(words));
  return performance.now() - begun;
}}
"""

APPLY: Final = f"""
async () => {{ {_UNTIL}
  {ROW_PIXELS}
  const asOf = () => document.querySelector("[data-testid='stMain']").innerText.match(/rows.*, as of [0-9:]+/)?.[0];
  const button = [...document.querySelectorAll("button")].find(one => one.textContent.startsWith("Apply"));
  const before = rowPixels(), summary = asOf();
  const begun = performance.now();
  button.click();
  await until(() => (asOf() ?? summary) !== summary && ((rowPixels() ?? before) !== before || idle()));
  const drawn = performance.now() - begun;
  await until(idle);
  return [drawn, performance.now() - begun];
}}
"""

PAGES: Final = (
    ("System", "Quality of the quotes"),
    ("Home", "Best puts"),
    ("Settings", "Price basis that scans begin with"),
)


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("page_timings: skipped, no Chromium is installed (on Debian: apt-get install -y chromium)")
        return
    with database() as opened, _dashboard(opened.dsn) as (url, process), sync_playwright() as playwright:
        rows = sum(map(len, fill(opened, as_of=wall_clock()).values()))
        with opened.connection() as connection:
            premiums.vacuum(connection)
        with opened.connection() as connection:
            premiums.refresh_top_premiums(connection, today=market_date(wall_clock()))
            data_version.advance(connection)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        _cold(browser, url)
        cold = [_cold(browser, url) for _ in range(LOADS)]
        page = _page(browser)
        switches = _switches(page, url)
        applied = [_apply(page, url, number) for number in range(LOADS)]
        share, others = _idle(browser, url, process)
        browser.close()
    cells = [
        ("first page cold, its words", Timings([words for words, _ in cold]), 1_000),
        ("first page cold, its table", Timings([drawn for _, drawn in cold]), None),
        ("change of page", switches, 300),
        ("filters applied", Timings([drawn for drawn, _ in applied]), 500),
        ("filters applied, with the funnel", Timings([ended for _, ended in applied]), None),
    ]
    lines = [
        (name, f"{one.p50:.0f}", f"{one.p95:.0f}", f"{max(one.milliseconds):.0f}", "" if goal is None else str(goal))
        for name, one, goal in cells
    ]
    print(table(f"Pages over {rows:,} contracts, ms", ("what", "p50", "p95", "worst", "goal"), lines))
    print(
        f"\nFive idle windows, {IDLE_SECONDS:.0f} s: dashboard {share:.1%} of a core (goal 5 %), database {others:.1%}"
    )


def _page(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 1600}).new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    return page


def _cold(browser: Browser, url: str) -> tuple[float, float]:
    page = _page(browser)
    page.goto(url, wait_until="commit")
    words, drawn = page.evaluate(COLD, "Best puts")
    page.context.close()
    return float(words), float(drawn)


def _switches(page: Page, url: str) -> Timings:
    page.goto(url)
    page.get_by_text("Best puts").first.wait_for()
    took = []
    for number in range(LOADS + len(PAGES)):
        time.sleep(0.5)
        took.append(float(page.evaluate(SWITCH, list(PAGES[number % len(PAGES)]))))
    return Timings(took[len(PAGES) :])


def _apply(page: Page, url: str, number: int) -> tuple[float, float]:
    if number == 0:
        page.goto(f"{url}/database_scan?db_tab=Scan+Premiums&db_delta=0.15&db_delta=0.3")
        page.locator("[aria-label^='Ranked contracts'] table").first.wait_for(state="attached")
        time.sleep(3)
    high = page.get_by_role("slider", name="|Delta|").nth(1)
    high.press("ArrowRight")
    time.sleep(1)
    drawn, ended = page.evaluate(APPLY)
    return float(drawn), float(ended)


def _idle(browser: Browser, url: str, process: psutil.Process) -> tuple[float, float]:
    """Share of a core of the dashboard and of the database while nobody touches anything."""
    for address in WINDOWS:
        page = _page(browser)
        page.goto(f"{url}/{address}")
        page.get_by_text("SIMULATED MARKET").first.wait_for()
    time.sleep(5)
    servers = [one for one in psutil.process_iter(["name"]) if (one.info["name"] or "").startswith("postgres")]
    before, before_database = _seconds([process]), _seconds(servers)
    time.sleep(IDLE_SECONDS)
    return (
        (_seconds([process]) - before) / IDLE_SECONDS,
        (_seconds(servers) - before_database) / IDLE_SECONDS,
    )


def _seconds(processes: list[psutil.Process]) -> float:
    return float(sum(sum(one.cpu_times()[:2]) for one in processes if one.is_running()))


@contextmanager
def _dashboard(dsn: str) -> Iterator[tuple[str, psutil.Process]]:
    """The dashboard alone on a database that is there: no worker changes anything meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="options-scanner-bench-") as folder:
        environment: dict[str, Any] = {
            **os.environ,
            "DATABASE_URL": dsn,
            "SCANNER_MODE": Mode.SIMULATED.value,
            "SCANNER_DATA_DIR": folder,
            "SCANNER_DASHBOARD_PORT": str(port),
            "SCANNER_SUPERVISOR_PID": str(os.getpid()),
        }
        with open(f"{folder}/log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "dashboard"], env=environment, stdout=log, stderr=log
            )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(url, process)
            yield url, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=2)
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
