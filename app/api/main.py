"""The application: routers, problems, and the cache of answers in front."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from app import VERSION
from app.api import market, opportunities, premiums, problems, status, stocks, sync
from app.api.board import OpportunityBoard
from app.api.cache import AnswerCache
from app.api.documents import openapi
from app.bootstrap import Services, build
from app.current import CurrentServices
from app.log import configure
from app.secrets.protection import protect
from app.settings import Settings, load_settings
from scanner.errors import ScannerError

VERSION_SECONDS: Final = 0.25
"""How often the version of the stored data is read: by so much an answer may be late after new data."""

logger = structlog.get_logger(__name__)

ROUTERS: Final = (
    opportunities.router,
    status.router,
    market.router,
    premiums.router,
    stocks.router,
    sync.router,
)

DESCRIPTION: Final = """
Ranked option premium and unusual flow. Every row carries its source, the time of its quotes and the mode of the data;
unknown is null, never zero. Answers are JSON, or CSV for `Accept: text/csv`; errors are `application/problem+json`.
"""


class DataVersion:
    """The version of the stored data, read in a thread of its own, so that nobody waits for it."""

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="data-version", daemon=True)
        self.value = 0

    def __call__(self) -> int:
        return self.value

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self.value = self._read()
            except ScannerError as error:
                self.value -= 1  # nothing kept is used while the database is away
                logger.warning("the version of the data cannot be read", error=str(error))
            self._stop.wait(VERSION_SECONDS)


def create_app(current: Callable[[], Services]) -> AnswerCache:
    """The application on the services of each moment, in front of it the cache of its answers."""
    services = current()
    version = DataVersion(services.premiums.data_version)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        version.start()
        yield
        version.stop()

    app = FastAPI(
        title="Options scanner",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.services = current
    app.state.board = OpportunityBoard(services.flow, version)
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    document = openapi(app)
    app.openapi = lambda: document  # type: ignore[method-assign]
    return AnswerCache(app, version=version)


def app_from_environment() -> AnswerCache:
    """What uvicorn calls in each of its processes."""
    _end_with_parent()
    settings = load_settings()
    configure(settings.log_level, service="api")
    protect(settings)
    app = create_app(CurrentServices(build(settings)))
    _spare_collector()
    return app


def _spare_collector() -> None:
    """What is there now stays: looking it through again and again doubled the slowest answers."""
    gc.collect()
    gc.freeze()


def _end_with_parent() -> None:
    """Of several processes each ends when the one that started them is gone, killed or not: uvicorn's would go on."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def serve(settings: Settings) -> None:
    """Serve until the process is stopped."""
    uvicorn.run(
        "app.api.main:app_from_environment",
        factory=True,
        host=settings.api_host,
        port=settings.api_port,
        workers=settings.api_workers,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
