"""The key file: written whole or not at all, and refused where others could read it."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scanner.errors import SecretKeyError

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def others_may_use(file: Path) -> bool:
    """Whether group or others may read or write the file. Windows has no such bits: False."""
    return os.name == "posix" and bool(file.stat().st_mode & _OTHERS)


def protecting_command(file: Path) -> str:
    return f"chmod 600 {shlex.quote(str(file))}"


def read_lines(file: Path) -> tuple[str, ...]:
    """The lines but for comments and empty ones; none where there is no file.

    Raises SecretKeyError where the file cannot be read, is empty, or may be used by others.
    """
    try:
        if others_may_use(file):
            raise SecretKeyError(f"the key file may be read by others. Run: {protecting_command(file)}")
        text = file.read_text(encoding="ascii")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretKeyError(
            f"the key file {file} cannot be read: {_reason(error)}. Put back the copy you kept"
        ) from error
    lines = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if not lines:
        raise SecretKeyError(f"the key file {file} holds no key. Put back the copy you kept of it")
    return lines


def write_lines(file: Path, lines: Sequence[str], *, new: bool) -> None:
    """Write the file with mode 0600 and put it on the disk. After a crash it is the old one or the new one.

    Raises SecretKeyError where that is impossible, or where `new` and there is one already.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, "".join(f"{line}\n" for line in lines).encode(), new=new)
    except OSError as error:
        raise SecretKeyError(
            f"the key file {file} cannot be written: {_reason(error)}. Correct that, or set SCANNER_SECRET_KEY"
        ) from error


def _write(file: Path, content: bytes, *, new: bool) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)  # O_EXCL and 0600
    try:
        with os.fdopen(descriptor, "wb") as output:
            output.write(content)
            output.flush()
            os.fsync(output.fileno())
        if new:
            os.link(name, file)  # fails where there is one
        else:
            os.replace(name, file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
