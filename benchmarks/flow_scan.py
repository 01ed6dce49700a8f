"""A live flow scan of the 44 default stocks at 120 calls a minute: what comes on top of the limit.

The real Yahoo client against a fake Yahoo, with the calls a minute that Schwab allows. The bound is the time that the
rate limit alone, its burst included, takes for the calls that were made.
"""

from __future__ import annotations

import argparse
import time

from app.bootstrap import build
from app.live_sources import split
from benchmarks.sources import live_program, sync, table
from benchmarks.sync import symbols
from db.scan_runs import RunState
from scanner.calendar import scan_slots
from scanner.sources.resilience import RateLimit
from scanner.symbols import DEFAULT_UNIVERSE
from tests.vendors.yahoo import OPTIONS

THREADS = 8
CALLS_A_MINUTE = 120
BURST = 20


def measured(chains: RateLimit) -> str:
    """Begin the scan of the latest session's last slot and wait for its end."""
    whole = RateLimit(_with_slow_facts(chains), chains.window_seconds, burst=chains.burst)
    if split(whole)[0] != chains:
        raise RuntimeError(f"no limit leaves {chains} to chains")
    with live_program(whole, processes=1, threads=THREADS) as (services, internet):
        warm_up = tuple(symbol for symbol in symbols(60) if symbol not in DEFAULT_UNIVERSE)[:2]
        sync(services, warm_up)
        time.sleep(chains.tolerance_seconds + chains.interval_seconds)
        before = internet.count(OPTIONS)
        slot = scan_slots(services.calendar.latest_session(services.clock()), services.calendar)[-1]
        scheduled = build(services.settings, clock=lambda: slot)
        began = time.perf_counter()
        run_id = scheduled.flow_scans.begin_due()
        scheduled.close()
        if run_id is None:
            raise RuntimeError(f"no scan was begun at {slot}")
        while (progress := services.flow.progress(run_id)) is None or progress.state is RunState.RUNNING:
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        calls = internet.count(OPTIONS) - before
    return table(
        f"live flow scan of {progress.total} symbols, 1 worker process with {THREADS} threads",
        chains,
        calls,
        seconds,
        progress.failed,
    )


def _with_slow_facts(chains: RateLimit) -> int:
    """The calls a window that leave those of `chains` when slow facts have their share."""
    return next(
        calls
        for calls in range(chains.calls, 2 * chains.calls)
        if split(RateLimit(calls, chains.window_seconds, burst=chains.burst))[0].calls == chains.calls
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls-a-minute", type=int, default=CALLS_A_MINUTE)
    options = parser.parse_args()
    print(measured(RateLimit(options.calls_a_minute, 60.0, burst=BURST)))


if __name__ == "__main__":
    main()
