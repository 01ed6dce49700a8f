"""A second process for the tests of the secrets.

Usage: python -m tests.integration.app.secret_process ACTION FOLDER [ARGUMENT]  with the database's address as input
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.secrets import Key, KeyRing, SecretStore
from db import secrets
from db.engine import Database, open_database
from scanner.model import Mode

STEPS = (
    "opened everything",
    "before the new key is in the file",
    "after the new key is in the file",
    "after the first entry",
    "before the commit",
    "after the commit",
    "before the old key leaves the file",
    "after the old key left the file",
)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any], call: int, *, before: bool) -> Callable[..., Any]:
    """The function, with the process killed before or after its given call, counted from 1."""
    calls = 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            die()
        result = function(*arguments, **named)
        if calls == call:
            die()
        return result

    return wrapped


def die_at(step: str, entries: int) -> None:
    """Arrange for the process to be killed at this step of a rotation."""
    killed: dict[str, tuple[object, str, Callable[..., Any]]] = {
        "opened everything": (KeyRing, "adopt", die),
        "before the new key is in the file": (os, "replace", die),
        "after the new key is in the file": (os, "replace", dying(os.replace, 1, before=False)),
        "after the first entry": (secrets, "store", dying(secrets.store, 1, before=False)),
        "before the commit": (secrets, "store", dying(secrets.store, entries, before=False)),
        "after the commit": (secrets, "key_ids", die),
        "before the old key leaves the file": (os, "replace", dying(os.replace, 2, before=True)),
        "after the old key left the file": (os, "replace", dying(os.replace, 2, before=False)),
    }
    owner, name, replacement = killed[step]
    setattr(owner, name, replacement)


def count_up(store: SecretStore, times: int) -> None:
    """Add one to a stored number, again and again, each time as the only one who does."""
    for _ in range(times):
        with store.locked("counter"):
            store.put("counter", str(int(store.get("counter") or "0") + 1))


def main(action: str, folder: Path, argument: str = "") -> None:
    database: Database = open_database(sys.stdin.read().strip(), mode=Mode.SIMULATED, pool_size=2)
    store = SecretStore(database, KeyRing(folder / "secrets.key"))
    match action:
        case "put":
            store.put(argument, f"value of {argument}")
        case "count":
            count_up(store, int(argument))
        case "hold":
            with store.locked(argument):
                print("held", flush=True)
                signal.pause()
        case "rotate":
            store.rotate(Key.generate())
        case "die":
            die_at(argument, entries=len(store.names()))
            store.rotate(Key.generate())
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
