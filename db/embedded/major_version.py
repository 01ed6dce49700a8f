"""A cluster of another major version of PostgreSQL: refused, with the way to move its data."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from db.embedded.binaries import Binaries, bundled
from db.embedded.cluster import ACCESS_FILE, HOST, USER, free_port, read_access
from db.embedded.place import Place
from db.embedded.run import run
from scanner.errors import DatabaseError, DataDirectoryError, DataDirectoryTooOldError


def check_major(place: Place, data_directory: Path) -> None:
    """Refuse a cluster of another major version.

    Errors: DataDirectoryTooOldError with the commands that move the data, DataDirectoryError where it is newer.
    """
    written_by = (place.cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
    ours = place.binaries.major
    if written_by == str(ours):
        return
    if not written_by.isdigit() or int(written_by) > ours:
        raise DataDirectoryError(
            f"{place.cluster} was written by PostgreSQL {written_by}, this program brings {ours}. Update the program"
        )
    raise DataDirectoryTooOldError(_how_to_move(place, data_directory, int(written_by)))


def _how_to_move(place: Place, data_directory: Path, major: int) -> str:
    old = bundled(major) or Binaries(Path(f"/usr/lib/postgresql/{major}/bin"), major)
    saved = place.cluster.with_name(f"{place.cluster.name}-{major}")
    dump = saved / "everything.sql"
    port = str(free_port())
    as_user = [] if place.user.uid is None else ["runuser", "-u", place.user.name, "--"]
    pg_ctl = [*as_user, old.program("pg_ctl"), "-D", str(saved), "-w"]
    where = ["-h", HOST, "-p", port, "-U", USER]
    commands = [
        ["mv", str(place.cluster), str(saved)],
        [*pg_ctl, "-l", str(saved / "dump.log"), "-o", f"-p {port}", "start"],
        [*as_user, old.program("pg_dumpall"), *where, "--no-role-passwords", "-f", str(dump)],
        [*pg_ctl, "stop"],
        [sys.executable, "-m", "db.embedded", str(data_directory), str(dump)],
    ]
    lines = "\n".join(f"  {shlex.join(command)}" for command in commands)
    return f"""{place.cluster} was written by PostgreSQL {major}.
This program brings PostgreSQL {place.binaries.major}, which cannot open it. Move the data over with these commands
(programs of PostgreSQL {major} are needed; the password asked for is in {saved / ACCESS_FILE}):
{lines}"""


def load_dump(place: Place, dump: Path) -> None:
    """Load what pg_dumpall wrote into the running server of `place`.

    Errors: DatabaseError with the server's first errors; that the role exists already is none.
    """
    access = read_access(place.cluster)
    arguments = ["-X", "-q", "-h", HOST, "-p", str(access.port), "-U", USER, "-d", "postgres", "-f", str(dump)]
    output = run(
        place.binaries,
        place.user,
        "psql",
        arguments,
        timeout_seconds=None,
        environment={"PGPASSWORD": access.password},
    )
    errors = [line for line in output.splitlines() if re.search(r"\b(ERROR|FATAL):", line)]
    unexpected = [line for line in errors if f'role "{USER}" already exists' not in line]
    if unexpected:
        raise DatabaseError(f"{len(unexpected)} statements of {dump} failed: " + "; ".join(unexpected[:5]))
