"""docs/adding-a-source.md, followed to the letter in a copy of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding-a-source.md"
COPIED = ("app", "db", "docs", "scanner", "tests", "benchmarks", "pages")
CHECKED = ("tests/contract/test_acme.py", "tests/unit/scanner/sources/test_registry.py")


def blocks() -> dict[str, str]:
    """Path -> code of every block of the page that names its file in its first line."""
    fenced = re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return dict(fenced)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project in which the page has been followed."""
    ignored = shutil.ignore_patterns("__pycache__", "images", "evidence")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    written = blocks()
    line = written.pop("scanner/sources/registry.py")
    registry = tmp_path / "scanner" / "sources" / "registry.py"
    text = registry.read_text(encoding="utf-8")
    assert text.count('    "yahoo": Vendor(') == 1
    registry.write_text(text.replace('    "yahoo": Vendor(', line + '    "yahoo": Vendor('), encoding="utf-8")
    for path, code in written.items():
        target = tmp_path / path
        assert not target.exists()
        target.write_text(code, encoding="utf-8")
    return tmp_path


def test_the_steps_name_the_files_they_make() -> None:
    assert list(blocks()) == [
        "scanner/sources/acme.py",
        "tests/vendors/acme.py",
        "tests/contract/test_acme.py",
        "scanner/sources/registry.py",
    ]


def test_a_source_made_by_the_page_keeps_the_contract(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CHECKED],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
    assert " passed" in done.stdout


def test_the_code_of_the_page_passes_the_checks(project: Path) -> None:
    files = [path for path in blocks() if not path.endswith("registry.py")]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *files], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
