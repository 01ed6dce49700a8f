"""What each command does. Heavy modules are imported where they are needed: a start must not wait for them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from app.address import api_address, dashboard_address, dashboard_url
from app.connection import database_dsn, embedded_server
from app.lifeline import on_parent_gone
from app.log import redact
from app.settings import Settings
from app.stand_by import StandBy
from app.supervisor import Plan, Supervisor, prepare_database, supervised
from db import scan_runs
from db.connect import connect
from db.embedded import ServerStatus
from scanner.errors import (
    DatabaseAuthError,
    DatabaseError,
    DatabaseNotMigratedError,
    DatabaseUnreachableError,
    InputError,
    ScannerError,
)
from scanner.model import Mode

if TYPE_CHECKING:
    from app.bootstrap import Services

RETRY_SECONDS: Final = 0.1
DATABASE_SECONDS: Final = 60.0
SERVER_END_SECONDS: Final = 3.0
HISTORY_SESSIONS: Final = 30


def say(text: str) -> None:
    print(text, flush=True)


def explain(error: ScannerError) -> str:
    """One paragraph for the person at the terminal."""
    text = redact(str(error)).strip()
    starts_with_a_word = text.partition(" ")[0].isalpha()
    start = text[:1].upper() if starts_with_a_word else text[:1]
    return start + text[1:] + ("" if text.endswith((".", ")")) else ".")


def serve(settings: Settings, *, stop: threading.Event) -> int:
    """`demo` and `run`: everything up, a first sync where nothing is stored yet, until asked to stop."""
    say(f"Options scanner, {settings.mode.value} data. Starting ...")
    plan = Plan(settings, dashboard=True, workers=settings.worker_count, api=settings.api)
    with supervised(plan, say=say, stop=stop) as supervisor:
        if supervisor:
            _go(settings, supervisor, stop)
            stop.wait()
        say("Stopping ...")
    say("Stopped.")
    return 0


def _go(settings: Settings, supervisor: Supervisor, stop: threading.Event) -> None:
    """The address first where the data is there or may be long in coming; workers after the pages, which are awaited.

    Simulated data is there in seconds: the address is shown when the pages of premiums are full. The REST API and the
    history of flow scans come after it: no page waits for them.
    """
    empty = needs_first_sync(settings)
    filled_at_once = empty and settings.mode is not Mode.LIVE
    if empty:
        supervisor.start_workers()
    if filled_at_once:
        _first_sync(settings, stop)
    _announce(supervisor, settings)
    if not empty:
        supervisor.start_workers()
    api_started = supervisor.start_api()
    if empty and not filled_at_once:
        _first_sync(settings, stop)
    if api_started:
        _announce_api(supervisor, settings)
    if settings.mode is Mode.SIMULATED and settings.flow_scans and not stop.is_set():
        _fill_history(settings, stop)


def supervise(settings: Settings, *, stop: threading.Event) -> int:
    """Database and workers of a bare `streamlit run Home.py`, as long as that lives."""
    on_parent_gone(stop.set)
    plan = Plan(settings, dashboard=False, workers=settings.worker_count)
    with supervised(plan, say=say, stop=stop, wait=True) as supervisor:
        if supervisor:
            supervisor.start_workers()
            stop.wait()
    return 0


def dashboard(settings: Settings, *, lifeline: bool) -> int:
    """The Streamlit server in this process."""
    if lifeline:
        on_parent_gone(lambda: os._exit(0))  # before the imports, which take seconds on a busy machine
    from app.ui import runtime

    runtime.serve(settings)
    return 0


def api(settings: Settings, *, lifeline: bool) -> int:
    """The REST API in this process, or in as many as the settings say."""
    if lifeline:
        on_parent_gone(_end_in_order)
    from app.api import main

    main.serve(settings)
    return 0


def _end_in_order() -> None:
    """End this server and the processes it may have started."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SERVER_END_SECONDS)
    os._exit(0)


def worker(settings: Settings, *, lifeline: bool) -> int:
    """A worker in this process, until a signal or the end of its supervisor."""
    loaded = threading.Event()
    if lifeline:
        on_parent_gone(lambda: None if loaded.is_set() else os._exit(0))
    from app.worker.main import run_worker

    loaded.set()
    return run_worker(settings, lifeline=lifeline)


def sync(settings: Settings, symbols: Sequence[str], *, stop: threading.Event) -> int:
    """Fetch now. Uses the running program's workers, or brings up its own for as long as it takes."""
    with StandBy(Plan(settings, dashboard=False, workers=settings.worker_count), say=say) as stand_by:
        services = _opened(settings, stand_by, stop)
        if services is None:
            say("Interrupted: nothing was asked for yet.")
            return 1
        if not symbols:
            services.stocks.seed()
        return _sync(services, symbols, stop)


def backfill_flow(settings: Settings, sessions: int, *, stop: threading.Event) -> int:
    """Flow scans at past instants of the simulated market, by the workers. Safe to repeat."""
    if sessions < 1:
        raise InputError(f"--sessions must be 1 or more, not {sessions}")
    if settings.mode is not Mode.SIMULATED:
        raise InputError("only the simulated market can be scanned at past instants. Add --mode simulated")
    with StandBy(Plan(settings, dashboard=False, workers=settings.worker_count), say=say) as stand_by:
        services = _opened(settings, stand_by, stop)
        if services is None:
            say("Interrupted: nothing was scanned yet.")
            return 1
        return _backfill(services, sessions, stop)


def _opened(settings: Settings, stand_by: StandBy, stop: threading.Event) -> Services | None:
    """The services once the database is there, whoever brings it up; None when asked to stop meanwhile."""
    from app.bootstrap import build

    deadline = time.monotonic() + DATABASE_SECONDS
    while not stop.is_set():
        try:
            return build(settings)
        except (DatabaseUnreachableError, DatabaseAuthError, DatabaseNotMigratedError):
            stand_by.check()
            if time.monotonic() > deadline:
                raise
        stop.wait(RETRY_SECONDS)
    return None


def migrate(settings: Settings) -> int:
    server = embedded_server(settings)
    try:
        prepare_database(settings, server)
    finally:
        if server:
            server.stop()
    say(f"The {settings.mode.value} database is up to date.")
    return 0


def status(settings: Settings) -> int:
    """Database, workers, last run, age of the data. Starts nothing. 1 when the database does not answer."""
    from app.bootstrap import build
    from app.progress import line

    say(f"Mode: {settings.mode.value}")
    server = embedded_server(settings)
    if server and server.status() is not ServerStatus.READY:
        say(f"Database: embedded, {server.status().value}, data in {server.directory}")
        say("Start everything with: python -m app.cli run (or demo)")
        return 1
    services = build(settings)
    coverage, progress = services.premiums.coverage(), services.sync.progress()
    say(f"Database: {f'embedded, data in {server.directory}' if server else 'DATABASE_URL'}, ready")
    say(f"Stocks: {coverage.symbols}, with data: {coverage.symbols_with_data}, contracts: {coverage.contracts:,}")
    say(f"Quotes: {_quotes(coverage.oldest_quote, coverage.newest_quote)}")
    say(f"Worker: {'running' if services.sync.worker_alive() else 'none; start one: python -m app.cli worker'}")
    say(f"Last sync: {line(progress) if progress else 'none yet'}")
    services.close()
    return 0


def _quotes(oldest: datetime | None, newest: datetime | None) -> str:
    """The time of the oldest and the newest stored quote, in New York."""
    from scanner.calendar import NEW_YORK

    if oldest is None or newest is None:
        return "none"
    first, last = (instant.astimezone(NEW_YORK) for instant in (oldest, newest))
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} New York"


def _announce(supervisor: Supervisor, settings: Settings) -> None:
    if supervisor.wait_for(dashboard_address(settings)):
        say(f"\n  Dashboard: {dashboard_url(settings)}   (Ctrl-C stops everything)\n")
    elif not supervisor.stopping:
        say(
            f"The dashboard does not answer yet at {dashboard_url(settings)}. Its log is "
            f"{settings.data_dir / 'logs' / 'dashboard.log'}. Ctrl-C stops everything."
        )


def _announce_api(supervisor: Supervisor, settings: Settings) -> None:
    address = api_address(settings)
    if supervisor.wait_for(address):
        say(f"  REST API:  {address.url}/docs\n")
    elif not supervisor.stopping:
        say(f"The REST API does not answer yet at {address.url}. Its log is {settings.data_dir / 'logs' / 'api.log'}.")


def needs_first_sync(settings: Settings) -> bool:
    """Whether most of the universe was never synced. Light: asked at every start."""
    with connect(database_dsn(settings)) as connection:
        return scan_runs.mostly_untried(connection)


def _first_sync(settings: Settings, stop: threading.Event) -> None:
    """Fill an empty database, unless asked to stop."""
    from app.bootstrap import build

    if stop.is_set():
        return
    services = build(settings)
    say(f"First sync: {len(services.stocks.symbols())} symbols of {settings.mode.value} data")
    _sync(services, (), stop)


def _fill_history(settings: Settings, stop: threading.Event) -> None:
    """Flow scans of the last sessions, where they are not there yet. Nothing else depends on them."""
    from app.bootstrap import build

    try:
        _backfill(build(settings), HISTORY_SESSIONS, stop)
    except DatabaseError as error:
        say(f"Past flow scans are left for the next start. {explain(error)}")


def _backfill(services: Services, sessions: int, stop: threading.Event) -> int:
    from app.bootstrap import flow_backfill
    from app.progress import follow_backfill

    try:
        backfill = flow_backfill(services)
        slots = backfill.queue(sessions=sessions, until=services.clock())
        if not slots:
            say(f"Flow scans of the last {sessions} sessions are there.")
            return 0
        progress = follow_backfill(backfill, slots, stop=stop)
    except DatabaseError:
        if not stop.is_set():
            raise
        say("Interrupted while the database was away: past flow scans go on at the next start.")
        return 1
    finally:
        services.close()
    if progress.waiting:
        say("Interrupted: past flow scans go on at the next start.")
    elif progress.made < progress.total:
        failed = progress.total - progress.made
        say(f"{failed} past flow scans failed; why is in the workers' logs. They are tried again at the next start.")
    return 0 if progress.made == progress.total else 1


def _sync(services: Services, symbols: Sequence[str], stop: threading.Event) -> int:
    from app.progress import follow, summary

    try:
        run_id = services.sync.start(tuple(symbols) or None)
        progress = follow(services.sync, run_id, stop=stop)
    except DatabaseError:
        if not stop.is_set():
            raise
        say("Interrupted while the database was away: the run goes on at the next start.")
        return 1
    finally:
        services.close()
    if text := summary(progress):
        say(text)
    if progress.running:
        say("Interrupted: the run goes on at the next start.")
    return 1 if progress.failed or progress.running else 0
