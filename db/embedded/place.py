"""Where the embedded server's files lie, and as whom it runs."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from db.embedded.binaries import Binaries, binaries_for
from db.embedded.system_user import SystemUser, system_user
from scanner.errors import DataDirectoryError

_FALLBACK_ROOTS = (Path("/var/lib"), Path("/usr/local/var"), Path("/usr/local"))
CLUSTER = "postgres"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """The cluster's directory (0700, owned by `user`), the user and the programs it can execute."""

    cluster: Path
    user: SystemUser
    binaries: Binaries

    @property
    def exists(self) -> bool:
        return (self.cluster / "PG_VERSION").exists()


def fallback_directory(data_directory: Path) -> Path:
    """The documented other place: below /var/lib, one folder per data directory.

    Used when root works in a directory that the unprivileged database user cannot enter (such as /root/project).
    """
    root = next((root for root in _FALLBACK_ROOTS if root.is_dir()), _FALLBACK_ROOTS[0])
    name = hashlib.sha256(str(data_directory.resolve()).encode()).hexdigest()[:12]
    return root / "options-scanner" / name


def existing_cluster(data_directory: Path) -> Path | None:
    """The directory of the cluster that belongs to this data directory, None before the first start."""
    for parent in (data_directory.resolve(), fallback_directory(data_directory)):
        cluster = parent / CLUSTER
        if os.path.exists(cluster / "PG_VERSION"):  # Path.exists raises where we may not look
            return cluster
    return None


def find_place(data_directory: Path, *, use_fallback: bool) -> Place:
    """Choose the cluster's directory: an existing one, else below `data_directory`, else the fallback.

    Errors: DataDirectoryError where the chosen directory cannot be made, or cannot be reached by the user of the
    server and `use_fallback` is false. The message names a place that works.
    """
    data_directory = data_directory.resolve()
    fallback = fallback_directory(data_directory)
    cluster = existing_cluster(data_directory) or data_directory / CLUSTER
    user = system_user(cluster)
    if cluster.parent != fallback and not user.can_enter(cluster.parent):
        if cluster.exists() or not use_fallback:
            raise DataDirectoryError(_unreachable(data_directory, user, fallback))
        cluster = fallback / CLUSTER
        _make_fallback(fallback)
        log.info("database user %s cannot reach %s; the database is kept in %s", user.name, data_directory, fallback)
    return Place(cluster, user, binaries_for(user, fallback.parent))


def _make_fallback(fallback: Path) -> None:
    try:
        for folder in (fallback.parent, fallback):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o755)
    except OSError as error:
        raise DataDirectoryError(
            f"{fallback} cannot be made: {error.strerror}. "
            "Choose a directory the database user can reach with SCANNER_DATA_DIR, or set DATABASE_URL"
        ) from error


def _unreachable(data_directory: Path, user: SystemUser, fallback: Path) -> str:
    if os.name == "posix" and os.geteuid() != 0:
        return f"{data_directory} cannot be entered by {user.name}. Correct its permissions or set SCANNER_DATA_DIR"
    return (
        f"PostgreSQL does not run as root, and the user {user.name} it runs as instead cannot enter {data_directory}. "
        f"Choose a directory that user can reach, for example SCANNER_DATA_DIR={fallback}, or set DATABASE_URL"
    )
