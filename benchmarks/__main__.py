"""Run the benchmarks: all, or those named. Each prints its table; figures are of this machine at this moment."""

from __future__ import annotations

import argparse
import importlib
import sys
import time

NAMES = (
    "pricing",
    "american",
    "whole_chain",
    "bulk_load",
    "database_scan",
    "sync",
    "browser_table",
    "page_timings",
    "sources",
    "flow_scan",
    "rest_api",
)


def main() -> None:
    """`python -m benchmarks [name ...]`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES)}; none: all of them")
    chosen = parser.parse_args().names or NAMES
    unknown = sorted(set(chosen) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark named {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in chosen:
        started = time.perf_counter()
        sys.argv = [f"benchmarks/{name}.py"]
        importlib.import_module(f"benchmarks.{name}").main()
        print(f"({name}: {time.perf_counter() - started:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
