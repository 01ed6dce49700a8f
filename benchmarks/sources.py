"""A live sync of 1,000 symbols by four worker processes, as fast as the vendor's limit allows: what comes on top.

The real Yahoo client against a fake Yahoo fed by the simulated market, at 50 calls a second. The bound is the time that
the rate limit alone, its burst included, takes for the calls that were made. The fake vendor takes a part of the same
cores as the program.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.bootstrap import Services, build
from app.live_sources import split
from app.settings import load_settings
from app.supervisor import Plan, supervised
from benchmarks.server import database
from benchmarks.sync import symbols
from db.source_turns import SharedLimiter
from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.resilience import RateLimit
from scanner.sources.simulated import SimulatedSource
from tests.vendors.internet import FakeInternet
from tests.vendors.yahoo import OPTIONS, YahooServer
from tests.vendors.yahoo_payloads import SourceAnswers

SYMBOLS = 1_000
WORKERS = 4
THREADS = 6
LIMIT = RateLimit(645, 10.0, burst=20)
"""Of it chains get 50 calls a second and a burst of 20."""

GOAL = 1.05
TURNS = 2_000


@contextmanager
def live_program(limit: RateLimit, *, processes: int, threads: int) -> Iterator[tuple[Services, FakeInternet]]:
    """The live program, without pages and schedule, in a data directory of its own, on a fake Yahoo with this limit."""
    now = datetime.now(UTC)
    market = SimulatedSource(seed=1, clock=lambda: now, calendar=MarketCalendar.around(now))
    with (
        tempfile.TemporaryDirectory(prefix="options-scanner-bench-") as folder,
        FakeInternet(YahooServer(SourceAnswers(market, market)).servers) as internet,
    ):
        Path(folder).chmod(0o755)
        os.environ.update(internet.environment)
        os.environ.update(
            {
                "SCANNER_MODE": Mode.LIVE.value,
                "SCANNER_DATA_DIR": folder,
                "SCANNER_SOURCE_LIMITS": f"yahoo={limit.calls}/{limit.window_seconds:g}/{limit.burst}",
                "SCANNER_FLOW_SCANS": "false",
                "SCANNER_WORKER_THREADS": str(threads),
            }
        )
        settings = load_settings(worker_processes=processes)
        stop = threading.Event()
        plan = Plan(settings, dashboard=False, workers=processes)
        with supervised(plan, say=print, stop=stop) as supervisor:
            if supervisor is None:
                raise RuntimeError("the program did not come up")
            supervisor.start_workers()
            services = build(settings)
            try:
                yield services, internet
            finally:
                services.close()


def measured(count: int) -> str:
    """Sync `count` symbols."""
    with live_program(LIMIT, processes=WORKERS, threads=THREADS) as (services, internet):
        sync(services, symbols(20 + count)[:20])
        before = internet.count(OPTIONS)
        seconds, failed = sync(services, symbols(20 + count)[20:])
        calls = internet.count(OPTIONS) - before
    title = f"live sync of {count:,} symbols, {WORKERS} worker processes with {THREADS} threads each"
    return table(title, split(LIMIT)[0], calls, seconds, failed)


def sync(services: Services, wanted: tuple[str, ...]) -> tuple[float, int]:
    """(seconds from the first claim to the end, symbols that failed)."""
    run_id = services.sync.start(wanted)
    while (progress := services.sync.progress(run_id)) is None or progress.running:
        time.sleep(0.1)
    if progress.finished_at is None:
        raise RuntimeError("the run has no end")
    return (progress.finished_at - progress.started_at).total_seconds(), progress.failed


def table(title: str, chains: RateLimit, calls: int, seconds: float, failed: int) -> str:
    """A Markdown table: what was measured beside what the limit alone takes."""
    bound = (calls - chains.burst) * chains.interval_seconds
    return (
        f"{title}\n"
        "| calls | failed symbols | limit, calls/s | bound, s | measured, s | ratio | goal |\n"
        "|---|---|---|---|---|---|---|\n"
        f"| {calls:,} | {failed} | {1 / chains.interval_seconds:.1f} | {bound:.1f} | {seconds:.1f} | "
        f"{seconds / bound:.3f} | {GOAL} |"
    )


def turns() -> str:
    """What one turn costs where nobody has to wait."""
    with database() as opened:
        limiter = SharedLimiter(opened, "benchmark", RateLimit(10_000_000, 1.0, burst=5_000_000))
        costs = []
        for _ in range(TURNS):
            began = time.perf_counter()
            limiter.reserve(patience_seconds=1.0)
            costs.append((time.perf_counter() - began) * 1000)
    costs.sort()
    middle, high = statistics.median(costs), costs[int(0.95 * len(costs))]
    return f"a turn: p50 {middle:.2f} ms, p95 {high:.2f} ms ({TURNS:,} turns)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=SYMBOLS)
    options = parser.parse_args()
    print(turns(), flush=True)
    print(measured(options.symbols))


if __name__ == "__main__":
    main()
