"""The other place has a name of its own for every data directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.embedded.place import existing_cluster, fallback_directory


def test_fallback_is_stable_and_differs_by_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.embedded.place._FALLBACK_ROOTS", (tmp_path / "missing", tmp_path))
    first = fallback_directory(tmp_path / "a" / ".data")
    assert first == fallback_directory(tmp_path / "b" / ".." / "a" / ".data")
    assert first != fallback_directory(tmp_path / "b" / ".data")
    assert first.parent == tmp_path / "options-scanner"


def test_the_directory_itself_comes_before_the_fallback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.embedded.place._FALLBACK_ROOTS", (tmp_path,))
    data = tmp_path / "data"
    assert existing_cluster(data) is None
    for parent in (fallback_directory(data), data):
        cluster = parent / "postgres"
        cluster.mkdir(parents=True)
        (cluster / "PG_VERSION").write_text("18\n")
        assert existing_cluster(data) == cluster
