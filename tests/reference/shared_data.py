"""Recorded real data and published tables that lie beside the project, not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared_path(name: str) -> Path:
    """The path of a recorded file or folder; skips the test, saying so, where it is absent."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"real data {name} is not at ../shared/data")
    return path
