"""`python -m app.cli secrets ...` as its users type it: real processes, values through a pipe or a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.secrets import Key
from app.settings import ENV_FILE_VARIABLE, PROJECT_FOLDER

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="types into a terminal of POSIX")

NAME = "SCANNER_POLYGON_API_KEY"
VALUE = "polygon key 'one'"

Secrets = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def variables(database_dsn: str, tmp_path: Path) -> dict[str, str]:
    own = {"SCANNER_MODE": "simulated", "SCANNER_DATA_DIR": str(tmp_path), "DATABASE_URL": database_dsn}
    return {**os.environ, **own, ENV_FILE_VARIABLE: os.devnull}


@pytest.fixture
def secrets(variables: dict[str, str]) -> Secrets:
    """Runs a command with `typed` as its input and more variables; nothing it prints may hold the value."""

    def run(*arguments: str, typed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [sys.executable, "-m", "app.cli", "secrets", *arguments],
            cwd=PROJECT_FOLDER,
            env={**variables, **more},
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert VALUE not in result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        return result

    return run


def listed(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return dict(line.split() for line in result.stdout.splitlines() if line.startswith("SCANNER_"))


def test_a_value_is_stored_listed_rotated_and_deleted(secrets: Secrets, tmp_path: Path) -> None:
    stored = secrets("set", NAME, typed=f"{VALUE}\n")
    assert stored.stdout.startswith(f"{NAME} is stored, encrypted, in the simulated database.")
    file = tmp_path / "secrets-simulated.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    states = listed(secrets("list"))
    assert states.pop(NAME) == "store"
    assert set(states.values()) == {"missing"}
    before = file.read_text()
    rotated = secrets("rotate-key")
    assert "Encrypted anew: 1." in rotated.stdout
    assert str(file) in rotated.stdout
    assert file.read_text() != before
    assert file.read_text().splitlines()[-1] not in rotated.stdout
    assert secrets("delete", NAME).stdout == f"{NAME} is no longer stored.\n"
    gone = secrets("delete", NAME)
    assert (gone.returncode, gone.stderr) == (1, f"\nNothing is stored as {NAME}. What is: nothing.\n")


def test_environment_and_file_come_before_the_store(secrets: Secrets, tmp_path: Path) -> None:
    secrets("set", NAME, typed=VALUE)
    file = tmp_path / "settings.env"
    file.write_text(f"{NAME}={VALUE}\n")
    file.chmod(0o644)
    in_file = secrets("list", **{ENV_FILE_VARIABLE: str(file)})
    assert listed(in_file)[NAME] == "file"
    assert f"chmod 600 {file}" in in_file.stderr
    assert listed(secrets("list", **{NAME: VALUE}))[NAME] == "environment"
    again = secrets("set", NAME, typed=VALUE, **{NAME: VALUE})
    assert "It is not used as long as the environment sets another one" in again.stdout


def test_a_stored_value_without_its_key_is_told(secrets: Secrets, tmp_path: Path) -> None:
    secrets("set", NAME, typed=VALUE)
    (tmp_path / "secrets-simulated.key").unlink()
    result = secrets("list")
    assert (result.returncode, listed(result)[NAME]) == (0, "store")
    assert "A stored value cannot be used: the stored secrets are encrypted with the key" in result.stdout


def test_keys_in_the_environment_are_exchanged_there(secrets: Secrets, tmp_path: Path) -> None:
    first, second = Key.generate(), Key.generate()
    secrets("set", NAME, typed=VALUE, SCANNER_SECRET_KEY=first.text)
    alone = secrets("rotate-key", SCANNER_SECRET_KEY=first.text)
    assert alone.returncode == 1
    assert "SCANNER_SECRET_KEY_NEW" in alone.stderr
    result = secrets("rotate-key", SCANNER_SECRET_KEY=first.text, SCANNER_SECRET_KEY_NEW=second.text)
    assert "Now set SCANNER_SECRET_KEY to the value of SCANNER_SECRET_KEY_NEW" in result.stdout
    assert first.text not in result.stdout + result.stderr
    assert second.text not in result.stdout + result.stderr
    assert "cannot be used" not in secrets("list", SCANNER_SECRET_KEY=second.text).stdout
    assert "cannot be used" in secrets("list", SCANNER_SECRET_KEY=first.text).stdout
    assert list(tmp_path.glob("*.key")) == []


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        ((NAME, VALUE), "", "A value is never taken from the command line"),
        ((NAME, *VALUE.split()), "", "A value is never taken from the command line"),
        ((f"{NAME}={VALUE}",), "", f"secrets set {NAME}` and type it."),
        (("POLYGON_API_KEY",), VALUE, f"POLYGON_API_KEY is no credential; {NAME} is."),
        (("XYZZY",), VALUE, "XYZZY is no credential; docs/secrets.md lists them."),
        ((NAME,), "", "must be one line on standard input, and there are 0."),
        ((NAME,), f"{VALUE}\n{VALUE}\n", "must be one line on standard input, and there are 2."),
        ((NAME,), "\n", f"The value of {NAME} is empty."),
    ],
)
def test_what_cannot_be_set_is_refused_in_a_sentence(
    secrets: Secrets, tmp_path: Path, arguments: tuple[str, ...], typed: str, words: str
) -> None:
    result = secrets("set", *arguments, typed=typed)
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (1, 1)
    assert words in result.stderr
    assert list(tmp_path.glob("*.key")) == []


def test_a_key_that_is_none_is_named_and_not_shown(secrets: Secrets) -> None:
    result = secrets("list", SCANNER_SECRET_KEY=VALUE)
    assert result.returncode == 1
    assert "SCANNER_SECRET_KEY: it must be 32 bytes in base64" in result.stderr


def test_a_value_typed_at_a_terminal_is_not_echoed(secrets: Secrets, variables: dict[str, str]) -> None:
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "app.cli", "secrets", "set", NAME]
    with subprocess.Popen(
        command,
        cwd=PROJECT_FOLDER,
        env=variables,
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
    ) as process:
        os.close(other_end)
        shown = b""
        while f"{NAME}: ".encode() not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, VALUE.encode() + b"\n")
        shown += rest(terminal)
    assert process.returncode == 0
    assert f"{NAME} is stored" in shown.decode()
    assert VALUE not in shown.decode()
    assert listed(secrets("list"))[NAME] == "store"


def rest(terminal: int) -> bytes:
    """What comes until the terminal's other end is closed."""
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 1024):
            shown += piece
    os.close(terminal)
    return shown
