"""Rules of the house that an import checker cannot see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("scanner", "db", "app")
CLOCK_CALLS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
CLOCK_OWNER = {"app/bootstrap.py"}
ENVIRONMENT_READERS = {"app/settings.py", "app/cli.py"}
PAGE_LINES = 120
PAGE_IMPORTS = {"__future__", "app.ui", "streamlit"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def pages() -> list[Path]:
    return [ROOT / "Home.py", *sources("pages")]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def attribute_uses(path: Path) -> Iterator[tuple[str, str, int]]:
    """(owner, attribute, line) of every `owner.attribute`, where owner is the last name before the dot."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            yield name, node.attr, node.lineno


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


@pytest.mark.parametrize("path", pages(), ids=relative)
def test_a_page_is_short_and_imports_only_the_shared_interface(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= PAGE_LINES
    foreign = {
        module
        for module in imported_modules(path)
        if not any(module == allowed or module.startswith(allowed + ".") for allowed in PAGE_IMPORTS)
    }
    assert not foreign, f"{relative(path)} imports {sorted(foreign)}"


def test_only_the_composition_root_reads_the_wall_clock() -> None:
    readers = [
        f"{relative(path)}:{line}"
        for path in [*sources(*PACKAGES), *pages()]
        if relative(path) not in CLOCK_OWNER
        for owner, attribute, line in attribute_uses(path)
        if (owner, attribute) in CLOCK_CALLS
    ]
    assert not readers


def test_only_settings_and_command_line_read_the_environment() -> None:
    readers = [
        f"{relative(path)}:{line}"
        for path in [*sources(*PACKAGES), *pages()]
        if relative(path) not in ENVIRONMENT_READERS
        for owner, attribute, line in attribute_uses(path)
        if owner == "os" and attribute in {"environ", "getenv", "putenv"}
    ]
    assert not readers


def test_nothing_in_the_project_is_an_absolute_machine_path() -> None:
    offenders = [
        f"{relative(path)}:{number}"
        for path in [*sources(*PACKAGES, "benchmarks"), *pages()]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if '"/home/' in line or '"/root' in line or '"/work/' in line
    ]
    assert not offenders


def test_every_package_below_tests_mirrors_something_real() -> None:
    unit = ROOT / "tests" / "unit"
    folders = [path.parent.relative_to(unit) for path in unit.rglob("__init__.py") if path.parent != unit]
    missing = [str(folder) for folder in folders if not (ROOT / folder).is_dir() and folder.parts[:1] != ("tests",)]
    assert not missing, f"tests/unit/{missing} has no counterpart in the tree"
