"""The encrypted store on a real database: from several threads, processes and machines, with damage and lost keys."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import log
from app.secrets import Key, KeyRing, SecretStore
from db import secrets
from db.engine import Database
from scanner.errors import DatabaseTimeoutError, InputError, SecretKeyError, SecretUnreadableError
from tests.integration.app.secret_process import STEPS

PROJECT = Path(__file__).parents[3]
ENTRIES = {"SCANNER_POLYGON_API_KEY": "polygon-key", "schwab": '{"refresh_token": "a long refresh token 1"}'}

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def _nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_hidden", ())


@pytest.fixture
def store(database: Database, tmp_path: Path) -> SecretStore:
    return machine(database, tmp_path)


def machine(database: Database, folder: Path) -> SecretStore:
    """The store as a process with this data directory sees it."""
    return SecretStore(database, KeyRing(folder / "secrets.key"))


@pytest.fixture
def start(database_dsn: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `secret_process` on this test's database; killed at the end where it still runs."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, folder: Path = tmp_path) -> subprocess.Popen[str]:
        action, *rest = arguments
        command = [sys.executable, "-m", "tests.integration.app.secret_process", action, str(folder), *rest]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        assert process.stdin is not None
        process.stdin.write(database_dsn)
        process.stdin.close()
        process.stdin = None
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def change(dsn: str, statement: str, *values: Any) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode(), values)


def everything(dsn: str) -> str:
    """All that the database holds of secrets, bytes included, as text."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select name, key_id, nonce, ciphertext, updated_at from secrets").fetchall()
    return repr(rows)


def test_values_come_back_and_the_database_holds_none(store: SecretStore, database_dsn: str, tmp_path: Path) -> None:
    for name, value in ENTRIES.items():
        store.put(name, value)
    assert {name: store.get(name) for name in store.names()} == ENTRIES
    assert {name: machine(store._database, tmp_path).get(name) for name in ENTRIES} == ENTRIES
    assert "polygon-key" not in everything(database_dsn)
    assert "refresh" not in everything(database_dsn)
    store.put("schwab", "another")
    assert store.get("schwab") == "another"
    assert store.delete("schwab")
    assert not store.delete("schwab")
    assert (store.get("schwab"), store.names()) == (None, ("SCANNER_POLYGON_API_KEY",))


def test_without_entries_no_key_is_made_or_needed(store: SecretStore, tmp_path: Path) -> None:
    assert (store.get("schwab"), store.names(), store.delete("schwab")) == (None, (), False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("", "x", "1 to 100 ASCII"),
        ("a" * 101, "x", "1 to 100 ASCII"),
        ("é", "x", "1 to 100 ASCII"),
        ("a\n", "x", "1 to 100 ASCII"),
        ("a", "", "value of a is empty"),
        ("a", "hush\udcff", "no text in UTF-8"),
    ],
)
def test_what_cannot_be_stored_is_refused(store: SecretStore, name: str, value: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        store.put(name, value)
    assert "hush" not in str(caught.value)
    assert store.names() == ()


def test_what_passes_through_is_hidden_from_then_on(store: SecretStore, database: Database, tmp_path: Path) -> None:
    store.put(
        "schwab",
        '{"token": {"refresh_token": "0123456789abcdef=", "type": "Bearer"}, "list": [1, "Bearer abcdefghijklmnop"]}',
    )
    text = "Bearer 0123456789abcdef= or 0123456789abcdef%3D, abcdefghijklmnop"
    assert log.redact(text.replace("Bearer ", "")) == "*** or ***, ***"
    log._hidden = ()
    machine(database, tmp_path).get("schwab")
    assert log.redact("abcdefghijklmnop") == "***"


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("update secrets set nonce = %s where name = 'a'", [bytes(12)]),
        ("update secrets set nonce = %s where name = 'a'", [b""]),
        ("update secrets set ciphertext = %s where name = 'a'", [b""]),
        ("update secrets set ciphertext = substr(ciphertext, 1, 20) where name = 'a'", []),
        ("update secrets set ciphertext = ciphertext || '\\x00' where name = 'a'", []),
        ("update secrets set ciphertext = set_byte(ciphertext, 0, 255 - get_byte(ciphertext, 0)) where name = 'a'", []),
        ("delete from secrets where name = 'a'; update secrets set name = 'a' where name = 'b'", []),
    ],
)
def test_a_damaged_entry_is_refused_and_the_others_are_read(
    store: SecretStore, database_dsn: str, statement: str, values: list[Any]
) -> None:
    for name in "abc":
        store.put(name, f"the value of {name}")
    change(database_dsn, statement, *values)
    with pytest.raises(SecretUnreadableError, match="the stored secret a was changed or cut") as caught:
        store.get("a")
    assert caught.value.name == "a"
    assert store.get("c") == "the value of c"
    before = everything(database_dsn)
    with pytest.raises(SecretUnreadableError):
        store.rotate(Key.generate())
    assert everything(database_dsn) == before
    store.put("a", "new")
    assert store.get("a") == "new"


def test_an_entry_of_an_unknown_key_says_which_key_is_missing(store: SecretStore, database_dsn: str) -> None:
    store.put("a", "the value of a")
    change(database_dsn, "update secrets set key_id = 'another'")
    with pytest.raises(SecretKeyError, match=r"encrypted with the key another, and this machine has [0-9a-f]{16}\."):
        store.get("a")


def test_a_machine_without_the_key_reads_nothing_and_makes_none(
    store: SecretStore, database: Database, tmp_path: Path
) -> None:
    store.put("a", "the value of a")
    other = machine(database, tmp_path / "other")
    for attempt in (lambda: other.get("a"), lambda: other.put("b", "x"), lambda: other.rotate(Key.generate())):
        with pytest.raises(SecretKeyError, match=r"this machine has none\. Set SCANNER_SECRET_KEY, or copy the file"):
            attempt()
    assert not (tmp_path / "other").exists()
    assert (other.get("b"), other.names()) == (None, ("a",))
    assert other.delete("a")
    other.put("b", "x")
    assert other.get("b") == "x"
    with pytest.raises(SecretKeyError, match="this machine has"):
        store.put("c", "x")


def test_a_key_file_that_is_gone_is_not_made_anew_over_its_entries(store: SecretStore, tmp_path: Path) -> None:
    store.put("a", "the value of a")
    kept = (tmp_path / "secrets.key").read_bytes()
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(SecretKeyError, match="has none"):
        store.put("b", "x")
    (tmp_path / "secrets.key").write_bytes(kept)
    (tmp_path / "secrets.key").chmod(0o600)
    assert store.get("a") == "the value of a"


def test_a_key_file_others_can_read_is_refused(store: SecretStore, tmp_path: Path) -> None:
    store.put("a", "the value of a")
    (tmp_path / "secrets.key").chmod(0o640)
    for attempt in (lambda: store.get("a"), lambda: store.put("a", "x"), lambda: store.rotate(Key.generate())):
        with pytest.raises(SecretKeyError, match="chmod 600"):
            attempt()


def test_after_a_rotation_only_the_new_key_opens(store: SecretStore, database: Database, tmp_path: Path) -> None:
    for name, value in ENTRIES.items():
        store.put(name, value)
    old = (tmp_path / "secrets.key").read_text()
    assert store.rotate(Key.generate()) == len(ENTRIES)
    assert {name: store.get(name) for name in store.names()} == ENTRIES
    new = (tmp_path / "secrets.key").read_text()
    assert len(new.splitlines()) == len(old.splitlines()) == 2
    (tmp_path / "secrets.key").write_text(old)
    with pytest.raises(SecretKeyError):
        store.get("schwab")


def test_from_the_file_to_the_environment_and_from_key_to_key_there(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "secrets.key"
    first, second = Key.generate(), Key.generate()
    SecretStore(database, KeyRing(file)).put("a", "the value of a")
    both = SecretStore(database, KeyRing(file, new_key=first))
    assert both.get("a") == "the value of a"
    both.rotate(first)
    file.unlink()
    assert SecretStore(database, KeyRing(file, key=first)).get("a") == "the value of a"
    changing = SecretStore(database, KeyRing(file, key=first, new_key=second))
    changing.put("b", "the value of b")
    with pytest.raises(SecretKeyError):
        SecretStore(database, KeyRing(file, key=first)).put("c", "x")
    changing.rotate(second)
    after = SecretStore(database, KeyRing(file, key=second))
    assert (after.get("a"), after.get("b")) == ("the value of a", "the value of b")
    assert not file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="kills processes as only POSIX does")
@pytest.mark.parametrize("step", STEPS)
def test_a_rotation_killed_at_any_step_loses_nothing_and_can_be_repeated(
    store: SecretStore, start: Start, tmp_path: Path, step: str
) -> None:
    for name, value in ENTRIES.items():
        store.put(name, value)
    process = start("die", step)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == -9, complaint
    assert {name: store.get(name) for name in store.names()} == ENTRIES
    store.put("written meanwhile", "x")
    store.rotate(Key.generate())
    assert {name: store.get(name) for name in store.names()} == {**ENTRIES, "written meanwhile": "x"}
    assert len((tmp_path / "secrets.key").read_text().splitlines()) == 2


def test_processes_of_one_machine_that_begin_at_once_make_one_key(store: SecretStore, start: Start) -> None:
    processes = [start("put", f"name-{number}") for number in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    assert {name: store.get(name) for name in store.names()} == {f"name-{n}": f"value of name-{n}" for n in range(4)}


def test_machines_that_begin_at_once_do_not_divide_the_entries(
    start: Start, database: Database, tmp_path: Path
) -> None:
    processes = [start("put", f"name-{number}", folder=tmp_path / str(number)) for number in range(3)]
    ended = [process.wait(timeout=60) for process in processes]
    assert sorted(ended) == [0, 1, 1]
    first = ended.index(0)
    winner = machine(database, tmp_path / str(first))
    assert winner.names() == (f"name-{first}",)
    assert winner.get(f"name-{first}") == f"value of name-{first}"
    assert [path.name for path in tmp_path.iterdir()] == [str(first)]


def test_reading_and_writing_while_others_rotate_never_fails(store: SecretStore, start: Start) -> None:
    store.put("a", "the value of a")
    processes = [start("rotate") for _ in range(3)]
    reads = 0
    while any(process.poll() is None for process in processes):
        assert store.get("a") == "the value of a"
        store.put("b", str(reads))
        reads += 1
    assert [process.returncode for process in processes] == [0] * 3, [process.communicate() for process in processes]
    assert store.get("b") == str(reads - 1)


def test_one_at_a_time_is_inside_a_lock_on_all_machines_and_threads(store: SecretStore, start: Start) -> None:
    store.put("counter", "0")
    processes = [start("count", "15") for _ in range(3)]
    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(count_once, store) for _ in range(15)]:
            done.result()
    assert [process.wait(timeout=60) for process in processes] == [0] * 3
    assert store.get("counter") == "60"


def count_once(store: SecretStore) -> None:
    with store.locked("counter"):
        store.put("counter", str(int(store.get("counter") or "0") + 1))


@pytest.mark.skipif(sys.platform == "win32", reason="kills processes as only POSIX does")
def test_a_lock_ends_with_its_process_and_waiting_for_it_with_an_error(store: SecretStore, start: Start) -> None:
    holder = start("hold", "schwab")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(DatabaseTimeoutError, match="lock timeout"), store.locked("schwab", wait_seconds=0.2):
        pytest.fail("two are inside")
    with store.locked("robinhood", wait_seconds=5):
        store.put("robinhood", "x")
    holder.kill()
    with store.locked("schwab", wait_seconds=30):
        assert store.get("robinhood") == "x"


def test_threads_wait_for_one_another_with_an_end(store: SecretStore) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.locked("schwab"):
            inside.set()
            leave.wait(30)

    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(hold)
        assert inside.wait(30)
        with pytest.raises(DatabaseTimeoutError, match="another thread held"), store.locked("schwab", wait_seconds=0.1):
            pytest.fail("two are inside")
        leave.set()
        held.result()
    with pytest.raises(InputError), store.locked("schwab"):
        raise InputError("what happens inside goes through")
    with store.locked("schwab", wait_seconds=5):
        pass


def test_commits_of_secrets_wait_for_the_disk(
    store: SecretStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    write = secrets.store

    def note(connection: psycopg.Connection[Any], secret: secrets.SealedSecret) -> None:
        seen.append(connection.execute("show synchronous_commit").fetchone())
        write(connection, secret)

    monkeypatch.setattr(secrets, "store", note)
    store.put("a", "x")
    store.rotate(Key.generate())
    assert seen == [("on",), ("on",)]
    with database.connection() as connection:
        assert connection.execute("show synchronous_commit").fetchone() == ("off",)
