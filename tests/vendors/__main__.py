"""Run a command inside the fake internet: `python -m tests.vendors --simulated -- python -m app.cli run`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from scanner.calendar import MarketCalendar
from scanner.sources.simulated import SimulatedSource
from tests.vendors.faults import FaultPlan, rate_limited, unreachable
from tests.vendors.internet import FakeInternet
from tests.vendors.moved import listed, moved_to
from tests.vendors.yahoo import DATA, YahooServer
from tests.vendors.yahoo_payloads import SourceAnswers, WrittenAnswers, YahooAnswers, recorded_body


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    answers = _recorded(options.recorded) if options.recorded else _simulated(options.seed)
    faults = FaultPlan()
    if options.fail == "offline":
        faults.add(unreachable())
    elif options.fail == "rate-limited":
        faults.add(rate_limited(DATA, "30"))
    with FakeInternet(YahooServer(answers).servers, faults=faults) as internet:
        status = _run(options.command, {**os.environ, **internet.environment})
        print(f"{internet.count()} requests, {internet.count(DATA)} of them for data", file=sys.stderr)
        for host in sorted(set(internet.refused)):
            print(f"refused: {host}", file=sys.stderr)
    return status


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run to the end. Ctrl-C reaches the command too, which may take a while to stop in order."""
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.vendors", description=__doc__)
    parser.add_argument("--recorded", type=Path, help="folder of recorded Yahoo option answers instead of a market")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated market")
    parser.add_argument("--fail", choices=("offline", "rate-limited"), help="what goes wrong with every call")
    parser.add_argument("command", nargs="+", help="the command, after --")
    return parser


def _recorded(folder: Path) -> YahooAnswers:
    """The answers moved to today: the command has its own clock."""
    now = datetime.now(UTC)
    bodies = (recorded_body(path) for path in sorted(folder.glob("options-*.json")))
    found = {body["optionChain"]["result"][0]["underlyingSymbol"]: body for body in bodies if listed(body)}
    return WrittenAnswers({symbol: moved_to(body, now) for symbol, body in found.items()})


def _simulated(seed: int) -> YahooAnswers:
    calendar = MarketCalendar.around(datetime.now(UTC))
    market = SimulatedSource(seed=seed, clock=lambda: datetime.now(UTC), calendar=calendar)
    return SourceAnswers(market, market)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
