"""The operating system user PostgreSQL runs as. PostgreSQL refuses root, so root needs another user."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from scanner.errors import DataDirectoryError

if sys.platform != "win32":
    import pwd

CANDIDATES = ("postgres", "nobody")


class ProcessIdentity(TypedDict, total=False):
    """The keyword arguments of `subprocess` that make a process run as a user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class SystemUser:
    """The user of the server's processes. `uid` None: whoever we are (not root, or Windows)."""

    name: str
    uid: int | None = None
    gid: int | None = None

    @property
    def identity(self) -> ProcessIdentity:
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make this user the owner of something we created. OSError where the file system refuses."""
        if sys.platform != "win32" and self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, path: Path) -> bool:
        """Whether the user may search the directory (or execute the file) and everything above it."""
        if self.uid is None:
            return os.access(path, os.X_OK)
        command = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
        # In a session of its own: Ctrl-C in the terminal is for us, and would look like a place that cannot be entered.
        return (
            subprocess.run(command, cwd="/", env={}, check=False, start_new_session=True, **self.identity).returncode
            == 0
        )


def system_user(cluster: Path) -> SystemUser:
    """Who runs the server whose data lies in `cluster`.

    Ourselves, unless we are root: then the owner of an existing cluster, else the first of CANDIDATES this machine has.

    Errors: DataDirectoryError where the cluster belongs to somebody else, or root finds no unprivileged user.
    """
    if sys.platform == "win32":
        return SystemUser("the current user")
    owner = _owner(cluster)
    ours = os.geteuid()
    if ours != 0:
        if owner is not None and owner != ours:
            raise DataDirectoryError(
                f"{cluster} belongs to the user {_name(owner)}. Start the program as that user (or as root, which runs "
                "PostgreSQL as the directory's owner), or choose another directory with SCANNER_DATA_DIR"
            )
        return SystemUser(_name(ours))
    if owner:
        entry = pwd.getpwuid(owner)
        return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise DataDirectoryError(
        f"PostgreSQL does not run as root and this machine has none of the users {', '.join(CANDIDATES)}. "
        "Create one of them, start the program as an ordinary user, or set DATABASE_URL"
    )


def _owner(path: Path) -> int | None:
    """None where there is nothing yet, or nothing this user may see."""
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _name(uid: int) -> str:
    if sys.platform == "win32":
        return "unknown"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
