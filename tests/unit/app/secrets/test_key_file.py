from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from app.secrets.key_file import read_lines, write_lines
from scanner.errors import SecretKeyError

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of files")


def test_lines_come_back_without_comments(tmp_path: Path) -> None:
    write_lines(tmp_path / "new" / "key", ["# a comment", "one", "two"], new=True)
    assert read_lines(tmp_path / "new" / "key") == ("one", "two")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["key"]


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "key") == ()


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_only_the_owner_may_use_the_file_from_its_first_byte_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    modes = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    before = os.umask(umask)
    try:
        write_lines(tmp_path / "key", ["one"], new=True)
        write_lines(tmp_path / "key", ["two"], new=False)
    finally:
        os.umask(before)
    assert modes == [0o600 & ~umask] * 2
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600 & ~umask


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o601])
def test_a_file_others_may_use_is_refused_with_the_command_that_helps(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "a key"
    file.write_text("one\n")
    file.chmod(mode)
    with pytest.raises(SecretKeyError) as caught:
        read_lines(file)
    assert f"Run: chmod 600 '{file}'" in str(caught.value)
    file.chmod(0o600)
    assert read_lines(file) == ("one",)


@pytest.mark.parametrize("content", [b"", b"# a comment\n\n", b"\xff\xfe\n"])
def test_a_file_without_a_key_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(SecretKeyError, match="Put back the copy you kept"):
        read_lines(file)


def test_a_new_file_never_replaces_one(tmp_path: Path) -> None:
    write_lines(tmp_path / "key", ["one"], new=True)
    with pytest.raises(SecretKeyError, match="cannot be written: File exists"):
        write_lines(tmp_path / "key", ["two"], new=True)
    assert read_lines(tmp_path / "key") == ("one",)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path / "key", ["one"], new=True)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SecretKeyError, match=r"No space left on device\. Correct that, or set SCANNER_SECRET_KEY"):
        write_lines(tmp_path / "key", ["two"], new=False)
    assert read_lines(tmp_path / "key") == ("one",)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
