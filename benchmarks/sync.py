"""Sync of 1,000 simulated symbols end to end: queue, workers, pricing and PostgreSQL on this machine.

Shares are of the busy time of all worker threads; the rest is the queue, waiting for a core and Python around it.
"cores" is the processor time of workers and PostgreSQL by the wall time: far below the machine's number, something else
was using it, and the figure says more about that than about the program.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.bootstrap import Services, build
from app.settings import Settings, load_settings
from app.supervisor import Plan, supervised
from db.embedded.place import existing_cluster
from db.embedded.postmaster import server_processes
from scanner.model import Mode

SYMBOLS = 1_000
GOAL_CONTRACTS_PER_SECOND = 12_000


@dataclass(frozen=True)
class Result:
    """One run. Seconds are wall time from the first claim to the end; busy seconds add up over threads."""

    symbols: int
    contracts: int
    seconds: float
    fetch_seconds: float
    price_seconds: float
    store_seconds: float
    processor_seconds: float

    @property
    def contracts_per_second(self) -> float:
        return self.contracts / self.seconds


def symbols(count: int) -> tuple[str, ...]:
    """Synthetic tickers: BAAA, BAAB ..."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return tuple("B" + "".join(some) for some in itertools.islice(itertools.product(letters, repeat=3), count))


def runs(settings: Settings, count: int, repeats: int) -> Iterator[Result]:
    """Sync the same symbols `repeats` times: the first run inserts, later ones replace."""
    stop = threading.Event()
    with supervised(Plan(settings, dashboard=False, workers=settings.worker_count), say=print, stop=stop) as supervisor:
        if supervisor is None:
            return
        supervisor.start_workers()
        services = build(settings)
        while not services.sync.worker_alive():
            time.sleep(0.05)
        _run(services, symbols(count)[:20])
        for _ in range(repeats):
            _wait_for_empty_queue(services)
            yield _run(services, symbols(count))
        services.close()


def _wait_for_empty_queue(services: Services) -> None:
    """Statistics and vacuum of the run before are not part of the next."""
    waiting = 1
    while waiting:
        time.sleep(0.1)
        with services.database.connection() as connection:
            (waiting,) = connection.execute(
                "select count(*) from procrastinate_jobs where status in ('todo', 'doing')"
            ).fetchone() or (0,)


def _processor_seconds(services: Services) -> float:
    """Processor time so far of the workers and of PostgreSQL; 0 where there is no /proc."""
    with services.database.connection() as connection:
        workers = connection.execute("select distinct split_part(worker, ':', 2)::int from scan_run_symbols").fetchall()
    cluster = existing_cluster(services.settings.data_dir)
    servers = [] if cluster is None else server_processes(cluster)
    seconds = 0.0
    for pid in [*(pid for (pid,) in workers), *servers]:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            user, system = stat.read_text().rsplit(")", 1)[1].split()[11:13]
            seconds += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return seconds


def _run(services: Services, wanted: tuple[str, ...]) -> Result:
    before = _processor_seconds(services)
    run_id = services.sync.start(wanted)
    while (progress := services.sync.progress(run_id)) is not None and progress.running:
        time.sleep(0.1)
    if progress is None or progress.failed:
        raise RuntimeError(f"the run failed: {progress}")
    if progress.finished_at is None:
        raise RuntimeError("the run has no end")
    with services.database.connection() as connection:
        fetch, price, store = connection.execute(
            "select sum(fetch_ms) / 1000, sum(price_ms) / 1000, sum(store_ms) / 1000 "
            "from scan_run_symbols where run_id = %s",
            [run_id],
        ).fetchone() or (0.0, 0.0, 0.0)
    return Result(
        symbols=progress.total,
        contracts=progress.contracts,
        seconds=(progress.finished_at - progress.started_at).total_seconds(),
        fetch_seconds=fetch,
        price_seconds=price,
        store_seconds=store,
        processor_seconds=_processor_seconds(services) - before,
    )


def report(results: list[Result], settings: Settings) -> str:
    """A Markdown table of the runs."""
    threads = settings.worker_count * settings.threads_per_worker
    lines = [
        f"sync of {results[0].symbols} simulated symbols, {settings.worker_count} worker processes with "
        f"{settings.threads_per_worker} threads each, embedded PostgreSQL",
        "| run | contracts | seconds | contracts/s | goal | fetch | pricing | database | queue and waiting | cores |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for number, result in enumerate(results, start=1):
        busy = threads * result.seconds
        shares = [part / busy for part in (result.fetch_seconds, result.price_seconds, result.store_seconds)]
        cells = [f"{share:.0%}" for share in (*shares, 1 - sum(shares))]
        cells.append(f"{result.processor_seconds / result.seconds:.1f}")
        lines.append(
            f"| {number} | {result.contracts:,} | {result.seconds:.2f} | {result.contracts_per_second:,.0f} | "
            f"{GOAL_CONTRACTS_PER_SECOND:,} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark in a data directory of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=SYMBOLS)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="options-scanner-bench-") as folder:
        Path(folder).chmod(0o755)
        # The workers read the same settings from the environment.
        os.environ.update({"SCANNER_MODE": Mode.SIMULATED.value, "SCANNER_DATA_DIR": folder})
        settings = load_settings()
        print(report(list(runs(settings, options.symbols, options.repeats)), settings))


if __name__ == "__main__":
    main()
