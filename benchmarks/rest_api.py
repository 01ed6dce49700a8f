"""The REST API under load: 100 connections on the list of 50 ranked opportunities, as `wrk` sees it on this machine.

"Unchanged" is the same address all the time: bytes are kept for a second. "Never asked before" makes each request
another one, so that no bytes are kept and every answer is put together anew, from the rows of the newest scan that a
process holds. "Sentiment" is the same for an answer that is read from the database each time.

Needs `wrk` (Debian: apt-get install wrk) and is skipped without it. Nothing leaves 127.0.0.1. The load generator runs
on the same cores. So does whatever else the machine does: its load before, and the cores that others used meanwhile
(the database among them), stand beside each figure. "Compressed" is what browsers and `requests` ask for by themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.bootstrap import build, wall_clock
from app.settings import Settings, load_settings
from benchmarks.report import table
from benchmarks.server import database
from benchmarks.sync import symbols
from db import data_version
from scanner.calendar import MarketCalendar, scan_slots
from scanner.model import Mode

CONNECTIONS = 100
SECONDS = 8
ROWS = 50
SCANNED = ("AAPL", "NVDA", "SPY", "TSLA")
COPIED, COPIES = "AAPL", 100
"""The simulated market has unusual flow in a few stocks; these copies of one of them make the list long enough."""

LIST = f"/api/top-opportunities?limit={ROWS}"
SENTIMENT = "/api/market-sentiment"
START_SECONDS = 60.0

_ANEW = """
local threads = 0
setup = function(thread)
  threads = threads + 1
  thread:set("name", threads)
end
local number = 0
request = function()
  number = number + 1
  wrk.headers["Accept"] = "application/json, x/" .. name .. "." .. number
  return wrk.format("GET")
end
"""
"""For wrk: what an answer is kept for includes `Accept`, and none of these comes twice."""


@dataclass(frozen=True)
class Case:
    name: str
    workers: int
    path: str
    anew: bool
    goal: str = ""
    compressed: bool = False


CASES = (
    Case("unchanged", 2, LIST, False, "15,000/s, p99 20 ms"),
    Case("unchanged", 1, LIST, False),
    Case("unchanged, compressed", 2, LIST, False, compressed=True),
    Case("never asked before", 1, LIST, True, "2,000/s"),
    Case("never asked before", 2, LIST, True, "4,000/s"),
    Case("sentiment, from the database", 2, SENTIMENT, True),
)


@dataclass(frozen=True)
class Load:
    """One run of wrk. Milliseconds. `others`: cores that neither wrk nor the API was using."""

    requests_per_second: float
    p50: float
    p99: float
    failed: int
    load_before: float
    others: float


def fill(settings: Settings) -> None:
    """One flow scan of the simulated market, of the last slot that has passed, with copies of a stock."""
    now = wall_clock()
    calendar = MarketCalendar.around(now)
    session = calendar.latest_session(now)
    passed = [slot for slot in scan_slots(session, calendar) if slot <= now]
    slot = passed[-1] if passed else scan_slots(calendar.previous_session(session), calendar)[-1]
    services = build(settings, clock=lambda: slot)
    run = services.flow_scans.begin_due()
    if run is None:
        raise RuntimeError("no flow scan could be begun")
    for symbol in services.flow_scans.symbols:
        services.flow_scans.run_symbol(run, symbol)
    with services.database.connection() as connection:
        for name in ("stocks", "scan_run_symbols", "flow_chains", "skew_metrics", "opportunities"):
            connection.execute(
                f"insert into {name} select copy.* from {name} as original "
                "cross join unnest(%s::text[]) as copied "
                "cross join jsonb_populate_record(original, jsonb_build_object('symbol', copied)) as copy "
                "where original.symbol = %s".encode(),
                [list(symbols(COPIES)), COPIED],
            )
        data_version.advance(connection)
    services.close()


@contextmanager
def serving(dsn: str, workers: int) -> Iterator[tuple[str, psutil.Process]]:
    """The API as its users start it: its address, and the process that all others of it come from."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": dsn,
        "SCANNER_MODE": Mode.SIMULATED.value,
        "SCANNER_API_PORT": str(port),
        "SCANNER_API_WORKERS": str(workers),
    }
    process = subprocess.Popen([sys.executable, "-m", "app.cli", "api"], env=environment, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            found = json.load(urllib.request.urlopen(address + LIST, timeout=5))
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
            continue
        if len(found) != ROWS:
            raise RuntimeError(
                f"{len(found)} opportunities instead of {ROWS}: the market of this benchmark is too small"
            )
        return


def measure(wrk: str, address: str, case: Case, seconds: int, process: psutil.Process) -> Load:
    """Run wrk against an address of this machine, served by `process` and its children."""
    command = [wrk, "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "--latency"]
    load_before = os.getloadavg()[0]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_ANEW)
        script.flush()
        command += ["-s", script.name] if case.anew else []
        command += ["-H", "Accept-Encoding: gzip"] if case.compressed else []
        used, started = _busy(process), time.perf_counter()
        said = subprocess.run(
            [*command, address + case.path], capture_output=True, text=True, check=True, timeout=seconds + 60
        ).stdout
        others = (_busy(process) - used) / (time.perf_counter() - started)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return Load(
        requests_per_second=float(_figure(said, r"Requests/sec:\s+([\d.]+)")),
        p50=_milliseconds(said, "50"),
        p99=_milliseconds(said, "99"),
        failed=(int(failed[1]) if failed else 0) + (sum(map(int, broken.groups())) if broken else 0),
        load_before=load_before,
        others=max(0.0, others),
    )


def _busy(process: psutil.Process) -> float:
    """Processor seconds that this machine has used so far without the API and without what this process waited for."""
    every = psutil.cpu_times()
    spent: float = sum(every) - every.idle - getattr(every, "iowait", 0.0)
    family = [process, *process.children(recursive=True)]
    waited_for = resource.getrusage(resource.RUSAGE_CHILDREN)
    own: float = sum(sum(one.cpu_times()[:2]) for one in family)
    return spent - own - waited_for.ru_utime - waited_for.ru_stime


def _figure(said: str, pattern: str) -> str:
    found = re.search(pattern, said)
    if found is None:
        raise RuntimeError(f"wrk said something else than expected:\n{said}")
    return found[1]


def _milliseconds(said: str, percentile: str) -> float:
    text = _figure(said, rf"\s{percentile}%\s+([\d.]+(?:us|ms|s))")
    number, unit = float(text.rstrip("ums")), text.lstrip("0123456789.")
    return number * {"us": 0.001, "ms": 1.0, "s": 1_000.0}[unit]


def report(wrk: str, seconds: int) -> str:
    """Fill, serve with one and two processes, ask."""
    rows = []
    with database() as opened, tempfile.TemporaryDirectory(prefix="options-scanner-bench-") as folder:
        settings = load_settings(
            mode=Mode.SIMULATED, DATABASE_URL=opened.dsn, data_dir=Path(folder), flow_symbols=SCANNED
        )
        fill(settings)
        for case in CASES:
            with serving(opened.dsn, case.workers) as (address, process):
                measure(wrk, address, case, 2, process)
                load = measure(wrk, address, case, seconds, process)
            figures = (f"{load.requests_per_second:,.0f}", f"{load.p50:.1f}", f"{load.p99:.1f}", str(load.failed))
            noise = (f"{load.load_before:.1f}", f"{load.others:.1f}")
            rows.append([case.name, str(case.workers), *figures, case.goal, *noise])
    title = f"REST API, {ROWS} ranked rows, {CONNECTIONS} connections for {seconds} s, on {os.cpu_count()} cores; ms"
    heads = ["case", "processes", "requests/s", "p50", "p99", "failed", "goal", "load before", "cores others used"]
    return table(title, heads, rows)


def main() -> None:
    """Print the table, or what is missing for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    seconds = parser.parse_args().seconds
    wrk = shutil.which("wrk")
    if wrk is None:
        print("rest_api: SKIPPED, nothing was measured: `wrk` is not installed. On Debian: apt-get install wrk")
        return
    print(report(wrk, seconds))


if __name__ == "__main__":
    main()
