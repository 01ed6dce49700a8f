"""Revision ids come from the file names, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.revisions import known_revisions


def test_files_that_are_no_migration_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.revisions.MIGRATIONS_FOLDER", tmp_path)
    versions = tmp_path / "versions"
    versions.mkdir()
    for name in ("0002_b.py", "0001_a.py", "0010_c.py", "__init__.py", "0003_d.py~", "notes.txt", "12_e.py"):
        (versions / name).write_text("")
    assert known_revisions() == ("0001", "0002", "0010")
