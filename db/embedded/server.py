"""Start, adopt and stop the embedded PostgreSQL. One process owns it; every other only reads how to connect."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from db.embedded.cluster import (
    HOST,
    create_cluster,
    free_port,
    read_access,
    write_settings,
)
from db.embedded.file_lock import FileLock
from db.embedded.major_version import check_major
from db.embedded.place import CLUSTER, Place, existing_cluster, find_place
from db.embedded.postmaster import kill_leftovers, postmaster_pid
from db.embedded.run import ProgramError, essence, run
from db.embedded.system_user import system_user
from scanner.errors import DatabaseError, DatabaseUnreachableError, DataDirectoryError

START_SECONDS = 300.0  # recovering two gigabytes of log on a slow disk
_NO_ANSWER_SECONDS = 5.0
_ATTEMPTS = 5
_PORT_TAKEN = "could not bind"
_OLD_MEMORY = "pre-existing shared memory block"
_LOG = "server.log"
_LOG_LIMIT_BYTES = 5_000_000
log = logging.getLogger(__name__)


class ServerStatus(StrEnum):
    """READY answers; STARTING is up and still recovering; SILENT is up and does not answer; STOPPED is not up."""

    READY = "ready"
    STARTING = "starting"
    SILENT = "silent"
    STOPPED = "stopped"


class EmbeddedServer:
    """The PostgreSQL server of one data directory.

    The first process that calls `start` holds a lock as long as it lives, and is the owner: it starts the server,
    restarts it on a further `start` after a crash, and stops it. A second process waits until the server is ready and
    uses it. When an owner was killed, the next `start` anywhere adopts the running server.

    Errors: every method raises DatabaseError subclasses, whose messages say what to do.
    """

    def __init__(self, data_directory: Path, *, use_fallback: bool = True) -> None:
        """`use_fallback`: where the database user cannot reach `data_directory`, keep the data in
        `place.fallback_directory(data_directory)`; false raises DataDirectoryError instead, naming that place."""
        self._directory = data_directory
        self._use_fallback = use_fallback
        self._lock = FileLock(data_directory / "postgres.lock")

    @property
    def directory(self) -> Path:
        """Where the database's files are, or will be: the data directory, or its fallback once that is in use."""
        cluster = existing_cluster(self._directory)
        return self._directory if cluster is None else cluster.parent

    @property
    def is_owner(self) -> bool:
        return self._lock.held

    def dsn(self, database: str) -> str:
        """The connection string of a database, with the password in it: never log it.

        Errors: DatabaseUnreachableError before the first start; DataDirectoryError where it belongs to another user.
        """
        cluster = existing_cluster(self._directory)
        if cluster is None:
            system_user(self._directory / CLUSTER)
            raise DatabaseUnreachableError(f"there is no database in {self._directory} yet. Start the program first")
        return read_access(cluster).dsn(database)

    def status(self) -> ServerStatus:
        cluster = existing_cluster(self._directory)
        if cluster is None:
            return ServerStatus.STOPPED
        return _status(find_place(self._directory, use_fallback=True))

    def start(self, *, timeout_seconds: float = START_SECONDS) -> None:
        """Return when the server answers: started, adopted, or somebody else's. Cheap to repeat.

        Errors: DataDirectoryError, DatabaseUnreachableError after `timeout_seconds`.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            deadline = time.monotonic() + timeout_seconds
            while not self._lock.acquire():
                if self.status() is ServerStatus.READY:
                    return
                if time.monotonic() > deadline:
                    raise DatabaseUnreachableError(
                        f"another process owns the database in {self._directory} and it did not become ready within "
                        f"{timeout_seconds:.0f} s. End that process and start again"
                    )
                time.sleep(0.05)
        except OSError as error:
            raise DataDirectoryError(
                f"{error.filename or self._directory} cannot be used: {error.strerror}. "
                "Choose a writable directory with SCANNER_DATA_DIR"
            ) from error
        try:
            self._bring_up(deadline)
        except BaseException:
            with contextlib.suppress(DatabaseError):
                self.stop(timeout_seconds=5)
            raise

    def adopt(self) -> bool:
        """Become the owner, without starting anything, where nobody else is. True where this process owns it now."""
        return self._lock.acquire()

    def leave(self) -> None:
        """Give up ownership and let the server run, for another process to adopt."""
        self._lock.release()

    def stop(self, *, timeout_seconds: float = 30.0) -> None:
        """Stop the server if this process owns it; connections are ended, transactions rolled back."""
        if not self._lock.held:
            return
        try:
            cluster = existing_cluster(self._directory)
            if cluster is not None and postmaster_pid(cluster) is not None:
                _stop(find_place(self._directory, use_fallback=True), "fast", timeout_seconds)
        finally:
            self._lock.release()

    def _bring_up(self, deadline: float) -> None:
        place = find_place(self._directory, use_fallback=self._use_fallback)
        if not place.exists:
            create_cluster(place)
        check_major(place, self._directory)
        if _wait_while_starting(place, deadline) is ServerStatus.READY:
            return
        if postmaster_pid(place.cluster) is not None:
            log.warning("the database server is up but does not answer; restarting it")
            _stop(place, "immediate", _NO_ANSWER_SECONDS)
        kill_leftovers(place.cluster)
        (place.cluster / "postmaster.pid").unlink(missing_ok=True)
        _launch(place, deadline)


def _status(place: Place) -> ServerStatus:
    if postmaster_pid(place.cluster) is None:
        return ServerStatus.STOPPED
    port = read_access(place.cluster).port
    try:
        run(place.binaries, place.user, "pg_isready", ["-h", HOST, "-p", str(port), "-t", "1"], timeout_seconds=5)
    except ProgramError as error:
        return ServerStatus.STARTING if error.code == 1 else ServerStatus.SILENT
    return ServerStatus.READY


def _wait_while_starting(place: Place, deadline: float) -> ServerStatus:
    """Recovery may take long and is waited for; a server that says nothing gets a few seconds."""
    silent_until = time.monotonic() + _NO_ANSWER_SECONDS
    while True:
        status = _status(place)
        now = time.monotonic()
        if status in (ServerStatus.READY, ServerStatus.STOPPED) or now > deadline:
            return status
        if status is ServerStatus.SILENT and now > silent_until:
            return status
        time.sleep(0.05)


def _launch(place: Place, deadline: float) -> None:
    """Start the server on the port it had; on another one where a stranger took that meanwhile."""
    access = read_access(place.cluster)
    failure = ""
    for _ in range(_ATTEMPTS):
        write_settings(place, access)
        failure = _try_to_launch(place, deadline)
        if not failure:
            return
        if _PORT_TAKEN in failure:
            access = replace(access, port=free_port())
        elif _OLD_MEMORY in failure:
            time.sleep(1)
        else:
            break
    raise DataDirectoryError(
        f"PostgreSQL in {place.cluster} did not start: {essence(failure)}. Its log is {place.cluster / _LOG}"
    )


def _try_to_launch(place: Place, deadline: float) -> str:
    """What the server wrote where it did not come up; empty where it did."""
    output = place.cluster / _LOG
    if output.exists() and output.stat().st_size > _LOG_LIMIT_BYTES:
        output.replace(output.with_suffix(".log.1"))
    before = output.stat().st_size if output.exists() else 0
    seconds = max(1, int(deadline - time.monotonic()))
    arguments = ["-D", str(place.cluster), "-l", str(output), "-w", "-t", str(seconds), "start"]
    try:
        run(place.binaries, place.user, "pg_ctl", arguments, timeout_seconds=seconds + 5)
    except ProgramError as error:
        written = output.read_bytes()[before:].decode("utf-8", "replace") if output.exists() else ""
        return written or str(error)
    return ""


def _stop(place: Place, mode: str, timeout_seconds: float) -> None:
    arguments = ["-D", str(place.cluster), "-m", mode, "-w", "-t", str(max(1, int(timeout_seconds))), "stop"]
    try:
        run(place.binaries, place.user, "pg_ctl", arguments, timeout_seconds=timeout_seconds + 5)
    except ProgramError as error:
        log.warning("the database server did not stop by itself and is killed: %s", error)
        kill_leftovers(place.cluster)
