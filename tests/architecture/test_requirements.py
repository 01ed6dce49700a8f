"""The pinned versions install on every Python we promise."""

from __future__ import annotations

from importlib.metadata import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
PROMISED = ("3.11.2", "3.12.0", "3.13.0", "3.14.0")
"""3.11.2 is what Debian 12 brings."""


def pins(name: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


@pytest.mark.parametrize("pin", [*pins("requirements.txt"), *pins("requirements-dev.txt")], ids=str)
def test_a_pinned_version_admits_every_promised_python(pin: Requirement) -> None:
    if pin.marker is not None and not pin.marker.evaluate():
        pytest.skip(f"not installed here: {pin.marker}")
    installed = metadata(pin.name)
    assert pin.specifier.contains(installed["Version"]), "the environment is older than the pins: run make install-dev"
    admitted = SpecifierSet(installed["Requires-Python"] or "")
    refused = [version for version in PROMISED if version not in admitted]
    assert not refused, f"{pin} needs Python {admitted}"


def test_one_version_of_each_package_is_pinned() -> None:
    names = [pin.name.lower() for pin in [*pins("requirements.txt"), *pins("requirements-dev.txt")]]
    assert len(names) == len(set(names))
    assert all(str(pin.specifier).startswith("==") for pin in pins("requirements.txt"))
