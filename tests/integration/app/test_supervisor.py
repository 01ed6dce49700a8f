"""Programs that share one embedded server: who ends leaves it to who stays, and the last one stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app import supervisor
from app.settings import Settings, load_settings
from app.stand_by import StandBy
from app.supervisor import Plan, Supervisor, others_run, supervised, supervisor_lock
from db.embedded import EmbeddedServer, ServerStatus
from db.engine import database_name
from scanner.errors import DatabaseUnreachableError, InputError
from scanner.model import Mode
from tests.patience import wait_for


@pytest.fixture
def folder(public_directory: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(supervisor, "SERVER_CHECK_SECONDS", 0.1)
    folder = public_directory / request.node.name
    yield folder
    server = EmbeddedServer(folder)
    assert server.status() is ServerStatus.STOPPED


def plan(folder: Path, mode: Mode) -> Plan:
    settings: Settings = load_settings(mode=mode, data_dir=folder)
    return Plan(settings, dashboard=False, workers=0)


def program(folder: Path, mode: Mode) -> ExitStack:
    """A program of this mode, without dashboard and workers, up until it is closed."""
    stack = ExitStack()
    entered = stack.enter_context(supervised(plan(folder, mode), say=print, stop=threading.Event()))
    assert isinstance(entered, Supervisor)
    return stack


def ready(folder: Path) -> bool:
    return EmbeddedServer(folder).status() is ServerStatus.READY


def unowned(folder: Path) -> bool:
    """Whether nobody owns the server; looking takes the ownership for an instant."""
    server = EmbeddedServer(folder)
    free = server.adopt()
    server.leave()
    return free


def test_the_program_that_stays_adopts_the_database_and_stops_it_at_its_end(folder: Path) -> None:
    first, second = program(folder, Mode.SIMULATED), program(folder, Mode.LIVE)
    first.close()
    assert ready(folder)
    wait_for(lambda: not unowned(folder), "the adoption of the server")
    second.close()


def test_the_owner_stops_the_database_when_it_is_the_last(folder: Path) -> None:
    first, second = program(folder, Mode.SIMULATED), program(folder, Mode.LIVE)
    second.close()
    assert ready(folder)
    first.close()


def test_programs_that_end_together_leave_nothing(folder: Path) -> None:
    programs = [program(folder, mode) for mode in (Mode.SIMULATED, Mode.LIVE)]
    threads = [threading.Thread(target=stack.close) for stack in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_one_program_of_a_mode(folder: Path) -> None:
    first = program(folder, Mode.SIMULATED)
    with pytest.raises(InputError, match="already running"):
        program(folder, Mode.SIMULATED)
    assert others_run(first_settings := plan(folder, Mode.SIMULATED).settings)
    first.close()
    assert not others_run(first_settings)


def test_a_stop_before_anything_is_up_starts_nothing(folder: Path) -> None:
    stop = threading.Event()
    stop.set()
    with supervised(plan(folder, Mode.SIMULATED), say=print, stop=stop) as entered:
        assert entered is None
    with pytest.raises(DatabaseUnreachableError):
        EmbeddedServer(folder).dsn(database_name(Mode.SIMULATED))


def test_a_stand_by_is_the_program_where_there_is_none(folder: Path) -> None:
    with StandBy(plan(folder, Mode.SIMULATED), say=print) as stand_by:
        wait_for(lambda: ready(folder), "the server of the stand-by")
        stand_by.check()


def test_a_stand_by_takes_over_when_the_program_ends(folder: Path) -> None:
    running = program(folder, Mode.SIMULATED)
    with StandBy(plan(folder, Mode.SIMULATED), say=print):
        running.close()
        wait_for(lambda: ready(folder) and not unowned(folder), "the server of the stand-by")
        lock = supervisor_lock(plan(folder, Mode.SIMULATED).settings, Mode.SIMULATED)
        assert not lock.acquire()


def test_what_ended_a_stand_by_is_raised_where_it_is_waited_for(tmp_path: Path) -> None:
    settings = load_settings(
        mode=Mode.SIMULATED, data_dir=tmp_path, DATABASE_URL="postgresql://me:hush@127.0.0.1:1/options"
    )
    with (
        pytest.raises(DatabaseUnreachableError, match=r"me@127\.0\.0\.1"),
        StandBy(Plan(settings, dashboard=False, workers=0), say=print),
    ):
        time.sleep(0.1)
