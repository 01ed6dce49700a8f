"""One worker process: jobs in threads, proof of life, take-over of what dead workers left."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

from app.bootstrap import Services, build
from app.current import CurrentServices
from app.lifeline import on_parent_gone
from app.settings import Settings
from app.worker.tasks import register
from db.workers import WorkerPresence, queue_pool
from scanner.errors import DatabaseError, DatabaseUnreachableError
from scanner.pricing.warm_up import warm_up

TAKE_OVER_SECONDS: Final = 3.0
SHUTDOWN_SECONDS: Final = 5.0
LOST_SECONDS: Final = 1.0
DATABASE_SECONDS: Final = 60.0
_EXTRA_THREADS: Final = 2

logger = structlog.get_logger(__name__)


def run_worker(settings: Settings, *, lifeline: bool) -> int:
    """Work until a signal, the end of the supervisor (`lifeline`) or the loss of the database.

    Kernels are compiled, or read from disk, beside the first jobs. Returns 0 after a stop that was asked for and 1
    after a failure; the supervisor starts another one then.
    """
    services = _connected(settings)
    presence = WorkerPresence(services.database.dsn)
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    try:
        with asyncio.Runner(loop_factory=_event_loop) as runner:
            return runner.run(_work(services, presence, lifeline))
    finally:
        presence.close()
        services.close()


def _event_loop() -> asyncio.AbstractEventLoop:
    """uvloop, which takes a tenth off a sync; on Windows, where there is none, a selector loop as psycopg needs it."""
    if sys.platform == "win32":
        return asyncio.SelectorEventLoop()
    import uvloop

    return uvloop.new_event_loop()


def _connected(settings: Settings) -> Services:
    """The services, waiting a minute for a database that is just being started."""
    deadline = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            return build(settings, background=True)
        except DatabaseUnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class _AnnouncedManager(JobManager):
    """Registers the worker, shows that it lives before it takes its first job, and takes over at once."""

    def __init__(self, connector: PsycopgConnector, presence: WorkerPresence) -> None:
        super().__init__(connector)
        self._presence = presence

    async def register_worker(self) -> int:
        worker_id = await super().register_worker()
        await asyncio.to_thread(self._presence.announce, worker_id)
        await asyncio.to_thread(_take_over, self._presence)
        return worker_id


class _PunctualWorker(Worker):
    """Ends soon after it was asked to: threads that wait for a vendor's turn cannot be called back."""

    _ending = False

    def stop(self) -> None:
        super().stop()  # type: ignore[no-untyped-call]
        if not self._ending:
            self._ending = True
            _end_soon(self, seconds=SHUTDOWN_SECONDS + 1.0, status=0)


async def _work(services: Services, presence: WorkerPresence, lifeline: bool) -> int:
    threads = services.settings.threads_per_worker
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads + _EXTRA_THREADS))
    connector = PsycopgConnector()
    queue = App(connector=connector)
    queue.job_manager = _AnnouncedManager(connector, presence)
    register(queue, CurrentServices(services))
    async with queue_pool(services.database.dsn) as pool, queue.open_async(pool):
        worker = _PunctualWorker(
            app=queue,
            concurrency=threads,
            delete_jobs="successful",
            shutdown_graceful_timeout=SHUTDOWN_SECONDS,
            fetch_job_polling_interval=1.0,
        )
        failed = threading.Event()
        if lifeline:
            on_parent_gone(lambda: _end_soon(worker, seconds=SHUTDOWN_SECONDS + 1.0, status=0))
        watch = asyncio.create_task(_keep_up(worker, presence, services, failed))
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            watch.cancel()
    return 1 if failed.is_set() else 0


async def _keep_up(worker: Worker, presence: WorkerPresence, services: Services, failed: threading.Event) -> None:
    """Look for orphaned jobs and store the account of sources now and then.

    A lost connection is a lost proof of life: end, and be started anew.
    """
    while True:
        await asyncio.sleep(TAKE_OVER_SECONDS)
        try:
            await asyncio.to_thread(_take_over, presence)
            await asyncio.to_thread(services.account.flush)
        except DatabaseError as error:
            logger.error("database lost, worker ends", error=str(error))
            failed.set()
            _end_soon(worker, seconds=LOST_SECONDS, status=1)
            return


def _take_over(presence: WorkerPresence) -> None:
    if count := presence.take_over():
        logger.warning("took over jobs of dead workers", jobs=count)


def _end_soon(worker: Worker, *, seconds: float, status: int) -> None:
    """Stop in order; whatever takes longer than `seconds` is left to the next worker."""

    def end() -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            worker.stop()  # type: ignore[no-untyped-call]  # again and again: one that is just starting forgets it
            time.sleep(0.1)
        logger.warning("worker did not end in time, what it was doing is left to the next one", seconds=seconds)
        os._exit(status)

    threading.Thread(target=end, name="end", daemon=True).start()
