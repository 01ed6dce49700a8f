"""Brings up database, workers, dashboard and REST API, keeps them up, and stops them in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.address import Address, answers, api_address, check_port, dashboard_address, dashboard_url
from app.children import Child, Ended, stop_all
from app.connection import database_dsn, embedded_server
from app.log import in_words, redact
from app.settings import Settings
from db import stocks
from db.connect import connect
from db.embedded import EmbeddedServer, ServerStatus
from db.embedded.file_lock import FileLock
from db.engine import create_database_if_missing, migrate
from scanner.errors import DatabaseError, DataDirectoryError, InputError
from scanner.model import Mode

Say = Callable[[str], None]

TICK_SECONDS: Final = 0.1
BUSY_SECONDS: Final = 0.5
SERVER_CHECK_SECONDS: Final = 2.0
LONGEST_CHECK_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
READY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to bring up. `dashboard` and `api` False: database and workers only."""

    settings: Settings
    dashboard: bool
    workers: int
    api: bool = False


class Supervisor:
    """The one process of a data directory and mode that starts and stops the others."""

    def __init__(self, plan: Plan, *, say: Say, stop: threading.Event) -> None:
        self._plan = plan
        self._say = say
        self._stop = stop
        self._server = embedded_server(plan.settings)
        self._server_check_at = 0.0
        self._server_failures = 0
        self._ending = threading.Event()
        self._tending = threading.Thread(target=self._tend, name="tending", daemon=True)
        mode = ("--mode", plan.settings.mode.value)
        logs = plan.settings.data_dir / "logs"
        self._dashboard = Child("dashboard", ("dashboard", *mode), logs / "dashboard.log") if plan.dashboard else None
        self._api = Child("REST API", ("api", *mode), logs / "api.log") if plan.api else None
        self._workers = [
            Child(f"worker {number}", ("worker", *mode), logs / f"worker-{number}.log")
            for number in range(1, plan.workers + 1)
        ]

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def bring_up(self) -> None:
        """Dashboard process first (its imports take longest), then database and schema; keep them up then."""
        if self._dashboard:
            check_port(dashboard_address(self._plan.settings))
            self._dashboard.start()
        if not self._stop.is_set():
            prepare_database(self._plan.settings, self._server)
            self._tell_place()
            self._tending.start()

    def _tell_place(self) -> None:
        """Say where the data is when it is not where the settings say."""
        wanted = self._plan.settings.data_dir
        if self._server and self._server.directory != wanted.resolve():
            self._say(f"The database is in {self._server.directory}: the user it runs as cannot enter {wanted}.")

    def start_workers(self) -> None:
        """Start the workers and keep them up. Nothing when asked to stop meanwhile."""
        for worker in () if self._stop.is_set() else self._workers:
            worker.start()

    def start_api(self) -> bool:
        """Start the REST API and keep it up; whether it was started. Where it cannot listen, that is said."""
        if self._api is None or self._stop.is_set():
            return False
        try:
            check_port(api_address(self._plan.settings))
        except InputError as error:
            self._say(
                f"The REST API is not started, everything else is: {error}. SCANNER_API=false leaves it out for good."
            )
            return False
        self._api.start()
        return True

    def wait_for(self, address: Address) -> bool:
        """True once a server of ours answers; False when it did not within a minute, or we are asked to stop."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and not self._stop.wait(TICK_SECONDS):
            if answers(address):
                return True
        return False

    def shut_down(self) -> None:
        """Dashboard and REST API, then workers, each given time to end. The database is left to `leave_server`."""
        self._ending.set()
        if self._tending.is_alive():
            self._tending.join()
        stop_all(self._servers(), STOP_SECONDS)
        stop_all(self._workers, STOP_SECONDS)

    def leave_server(self) -> None:
        """Stop the database, unless a program of another mode works on it: that one adopts it within moments.

        To be called when this supervisor's lock is free again. Of several programs that end at the same time each lets
        go before it looks, so the last one to look stops the server.
        """
        if self._server is None:
            return
        self._server.leave()
        if not others_run(self._plan.settings) and self._server.adopt():
            self._server.stop()

    def _tend(self) -> None:
        """In a thread of its own: start again what died."""
        while not self._ending.wait(TICK_SECONDS):
            self._tend_server()
            for child in self._children():
                if ended := child.tend():
                    self._say(_ended_text(ended))

    def _children(self) -> list[Child]:
        return [*self._servers(), *self._workers]

    def _servers(self) -> list[Child]:
        return [child for child in (self._dashboard, self._api) if child]

    def _tend_server(self) -> None:
        if self._server is None or time.monotonic() < self._server_check_at:
            return
        seconds = SERVER_CHECK_SECONDS
        try:
            self._server.adopt()
            if self._server.status() is not ServerStatus.READY:
                self._say("The database is not answering; starting it again.")
                self._server.start()
                self._say("The database is back.")
            self._server_failures = 0
        except DatabaseError as error:
            self._server_failures += 1
            seconds = min(SERVER_CHECK_SECONDS * 2**self._server_failures, LONGEST_CHECK_SECONDS)
            self._say(f"The database cannot be started: {error}. The next attempt is in {seconds:.0f} s.")
        self._server_check_at = time.monotonic() + seconds


def prepare_database(settings: Settings, server: EmbeddedServer | None) -> None:
    """Start (or adopt) the embedded server, bring the schema up to date, put the universe into a new database."""
    if server:
        server.start()
    dsn = database_dsn(settings)
    if server:
        create_database_if_missing(dsn)
    migrate(dsn, mode=settings.mode)
    with connect(dsn) as connection:
        new = not stocks.is_seeded(connection)
    if new:
        _seed(settings)


def _seed(settings: Settings) -> None:
    from app.bootstrap import build

    services = build(settings)
    services.stocks.seed()
    services.close()


@contextmanager
def supervised(plan: Plan, *, say: Say, stop: threading.Event, wait: bool = False) -> Iterator[Supervisor | None]:
    """Become the supervisor of this data directory and mode, bring everything up, and stop it all at the end.

    Yields None when asked to stop meanwhile. `wait`: while another supervisor is alive, wait for it to end instead of
    raising `InputError`.
    """
    lock = supervisor_lock(plan.settings, plan.settings.mode)
    deadline = time.monotonic() + BUSY_SECONDS
    while not lock.acquire():
        if not wait and time.monotonic() > deadline:
            raise InputError(already_running(plan.settings))
        if stop.wait(TICK_SECONDS):
            yield None
            return
    supervisor = Supervisor(plan, say=say, stop=stop)
    try:
        supervisor.bring_up()
        yield None if stop.is_set() else supervisor
    finally:
        supervisor.shut_down()
        lock.release()
        supervisor.leave_server()


def supervisor_lock(settings: Settings, mode: Mode) -> FileLock:
    """Held by the living supervisor of this data directory and mode; for an instant also by who looks for one."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return FileLock(settings.data_dir / f"supervisor-{mode.value}.lock")
    except OSError as error:
        raise DataDirectoryError(
            f"the folder {settings.data_dir} cannot be written: {error.strerror}. "
            "Choose another one with SCANNER_DATA_DIR"
        ) from error


def others_run(settings: Settings) -> bool:
    """Whether a program of any mode is alive on this data directory, beside the caller's."""
    for mode in Mode:
        lock = supervisor_lock(settings, mode)
        if not lock.acquire():
            return True
        lock.release()
    return False


def already_running(settings: Settings) -> str:
    return (
        f"the {settings.mode.value} program is already running with the data in {settings.data_dir}. "
        f"Open {dashboard_url(settings)} (or the port it was given), or stop it first: Ctrl-C in its terminal."
    )


def _ended_text(ended: Ended) -> str:
    soon = f" in {ended.delay_seconds:.0f} s" if ended.delay_seconds >= 1 else ""
    said = f" It said: {last_line(ended.log)}" if ended.status > 0 else ""
    return (
        f"The {ended.name} ended unexpectedly (status {ended.status}); starting it again{soon}. "
        f"Its log: {_relative(ended.log)}.{said}"
    )


def last_line(log: Path) -> str:
    """The last line of a child's log in words, without secrets; what a person needs first of a traceback."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        return f"nothing, it cannot be read ({error.strerror})"
    last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
    return redact(in_words(last))[:500]


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
