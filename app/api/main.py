"""The application: routers, problems, and the cache of answers in front."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from app.api import premiums, problems, status, stocks, sync
from app.api.cache import AnswerCache
from app.bootstrap import Services, build
from app.log import configure
from app.secrets.protection import protect
from app.settings import Settings, load_settings
from scanner.errors import ScannerError

VERSION_SECONDS: Final = 0.25
"""How often the version of the stored data is read: by so much an answer may be late after new data."""

logger = structlog.get_logger(__name__)

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


def create_app(services: Services) -> FastAPI:
    """The application on these services."""
    version = DataVersion(services.premiums.data_version)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        version.start()
        yield
        version.stop()

    app = FastAPI(
        title="Options scanner",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.services = services
    for router in (status.router, premiums.router, stocks.router, sync.router):
        app.include_router(router)
    problems.install(app)
    app.add_middleware(AnswerCache, version=version)
    return app


def app_from_environment() -> FastAPI:
    """What uvicorn calls in each of its processes."""
    settings = load_settings()
    configure(settings.log_level, service="api")
    protect(settings)
    return create_app(build(settings))


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
    )
