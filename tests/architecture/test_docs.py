"""What the documentation promises exists, and what exists is documented."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.settings import ENV_FILE_VARIABLE, Settings, variables
from scanner.model import RejectionReason
from scanner.sources.registry import SOURCE_NAMES, VENDORS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
NO_PLAIN_DEFAULT = {
    *("SCANNER_WORKER_PROCESSES", "SCANNER_WORKER_THREADS"),
    *("SCANNER_SOURCES", "SCANNER_SOURCE_LIMITS", "SCANNER_SOURCE_TIMEOUTS"),
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def code_in(text: str) -> Iterator[str]:
    """Lines of fenced blocks, without their comments, and code between backticks."""
    fenced = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
    for block in fenced.findall(text):
        yield from (line.partition("#")[0].strip() for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+)`", fenced.sub("", text))


def settings_table() -> dict[str, list[str]]:
    """Variable -> default, meaning, example of docs/settings.md."""
    rows = re.findall(r"^\| `([A-Z_]+)` \|(.*)\|$", text_of(ROOT / "docs" / "settings.md"), flags=re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in rows}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    assert set(settings_table()) == {*variables(), ENV_FILE_VARIABLE}


def test_every_setting_has_default_meaning_and_example() -> None:
    incomplete = [name for name, cells in settings_table().items() if len(cells) != 3 or not all(cells)]
    assert not incomplete


def test_documented_defaults_are_the_defaults() -> None:
    plain = {"SCANNER_DATA_DIR": "`.data`", "SCANNER_RATE": "`0.04`"}
    for name, field in zip(variables(), Settings.model_fields.values(), strict=True):
        if name not in NO_PLAIN_DEFAULT:
            default = field.default
            number = f"{default:g}" if isinstance(default, float) else str(default)
            expected = plain.get(name) or ("none" if default is None else f"`{number}`")
            assert settings_table()[name][0] == expected, name
    assert Settings.model_fields["data_dir"].default == ROOT / ".data"
    assert Settings.model_fields["rate"].default == ((0.0, 0.04),)


def test_documented_examples_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (_, _, example) in settings_table().items():
        if example != "-":
            monkeypatch.setenv(name, example.strip("`"))
    monkeypatch.delenv(ENV_FILE_VARIABLE)
    settings = Settings()
    assert settings.dashboard_port == 9000
    assert settings.rate == ((0.08, 0.043), (1.0, 0.041))


@cache
def commands() -> dict[str, str]:
    """Command -> help of `python -m app.cli --help`."""
    result = subprocess.run(
        [sys.executable, "-m", "app.cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(re.findall(r"^    ([a-z-]+)\s+(\S.*)$", result.stdout, flags=re.MULTILINE))


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    documented = {
        name
        for path in DOCUMENTS
        for code in code_in(text_of(path))
        for name in re.findall(r"-m app\.cli ([a-z-]+)", code)
    }
    internal = {name for name, text in commands().items() if text.startswith("internal")}
    assert documented <= set(commands())
    assert documented >= set(commands()) - internal


def test_every_make_target_is_documented_and_every_documented_one_exists() -> None:
    makefile = text_of(ROOT / "Makefile")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == targets
    documented = {
        name for path in DOCUMENTS for code in code_in(text_of(path)) for name in re.findall(r"^make ([a-z-]+)$", code)
    }
    assert documented == targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", text_of(path))
    local = [target.partition("#")[0] for target in targets if "://" not in target and not target.startswith("#")]
    missing = [target for target in local if not (path.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_every_file_of_the_project_that_is_named_exists(path: Path) -> None:
    """Names in backticks that look like files or folders of this project."""
    folders = "app|benchmarks|db|docs|pages|scanner|tests"
    named = [code for code in code_in(text_of(path)) if re.fullmatch(rf"(?:{folders})/[\w./-]*", code)]
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("source", sorted((*SOURCE_NAMES.values(), *VENDORS)))
def test_every_source_is_documented(source: str) -> None:
    guides = [text_of(path).lower() for path in DOCUMENTS if path.parent == ROOT / "docs"]
    assert any(re.search(rf"\b{source}\b", guide) for guide in guides)


def test_every_reason_of_rejection_is_documented_in_its_order() -> None:
    rows = re.findall(r"^\| (`.*?`) \| .*\|$", text_of(ROOT / "docs" / "numbers.md"), flags=re.MULTILINE)
    reasons = {reason.value for reason in RejectionReason}
    documented = [name for row in rows for name in re.findall(r"`(\w+)`", row) if name in reasons]
    assert documented == [reason.value for reason in RejectionReason]
