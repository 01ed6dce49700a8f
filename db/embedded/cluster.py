"""The cluster's directory: how it is made, what its settings are, and the small file that says how to connect."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from db.embedded.place import Place
from db.embedded.run import ProgramError, essence, run
from scanner.errors import DatabaseUnreachableError, DataDirectoryError

HOST = "127.0.0.1"
USER = "scanner"
ACCESS_FILE = "scanner.json"
_SETTINGS_FILE = "scanner.conf"

# Why these values: docs/decisions/2026-11-21-embedded-postgresql.md
SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 512MB
effective_cache_size = 1GB
work_mem = 32MB
maintenance_work_mem = 128MB
synchronous_commit = off
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
autovacuum_naptime = 10s
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_checkpoints = off
"""


@dataclass(frozen=True)
class Access:
    """How to reach the server: kept in the cluster's directory, readable by its owner (0600)."""

    port: int
    password: str

    def dsn(self, database: str) -> str:
        """A libpq connection string. It holds the password: never log it, never pass it as an argument.

        `require_auth` keeps the password from a foreign program that took the port while the server was down.
        """
        return make_conninfo(
            host=HOST,
            port=self.port,
            user=USER,
            password=self.password,
            dbname=database,
            sslmode="disable",
            gssencmode="disable",
            require_auth="scram-sha-256",
        )


def read_access(cluster: Path) -> Access:
    """Errors: DatabaseUnreachableError where the file is missing or unreadable for this user."""
    path = cluster / ACCESS_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Access(port=int(content["port"]), password=str(content["password"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatabaseUnreachableError(
            f"{path}, which says how to connect, cannot be read ({type(error).__name__}). "
            "Restore it, or choose another directory with SCANNER_DATA_DIR"
        ) from error


def create_cluster(place: Place) -> None:
    """initdb beside the final directory, then rename: an interrupted attempt never looks like a cluster.

    Errors: DataDirectoryError.
    """
    partial = place.cluster.with_name(f"{place.cluster.name}.initializing")
    password_file = place.cluster.with_name(f"{place.cluster.name}.password")
    access = Access(port=free_port(), password=secrets.token_urlsafe(32))
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        place.user.give(partial)
        _write_private(place, password_file, access.password)
        _initdb(place, partial, password_file)
        with (partial / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"\ninclude '{_SETTINGS_FILE}'\n")
        _write_access(place, partial, access)
        partial.rename(place.cluster)
    except OSError as error:
        raise DataDirectoryError(
            f"no database directory can be made at {place.cluster}: {error.strerror}. "
            "Choose a writable directory with SCANNER_DATA_DIR, or set DATABASE_URL"
        ) from error
    finally:
        password_file.unlink(missing_ok=True)


def _initdb(place: Place, target: Path, password_file: Path) -> None:
    arguments = ["-D", str(target), "-U", USER, f"--pwfile={password_file}", "-E", "UTF8"]
    arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    arguments += ["--auth=scram-sha-256"]
    try:
        run(place.binaries, place.user, "initdb", arguments, timeout_seconds=120)
    except ProgramError as error:
        raise DataDirectoryError(
            f"PostgreSQL cannot make its files in {place.cluster}: {essence(error.output)}. "
            "Mend that, or choose another directory with SCANNER_DATA_DIR"
        ) from error


def write_settings(place: Place, access: Access) -> None:
    """Write the settings and the port for the next start. Others read the port from the access file."""
    _write_private(place, place.cluster / _SETTINGS_FILE, f"{SETTINGS}port = {access.port}\n")
    if access != read_access(place.cluster):
        _write_access(place, place.cluster, access)


def _write_access(place: Place, folder: Path, access: Access) -> None:
    temporary = folder / f"{ACCESS_FILE}.new"
    _write_private(place, temporary, json.dumps({"port": access.port, "password": access.password}))
    temporary.replace(folder / ACCESS_FILE)


def _write_private(place: Place, path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    place.user.give(path)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
