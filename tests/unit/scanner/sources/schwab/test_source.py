from __future__ import annotations

import subprocess
import sys
import tomllib
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import InputError, SymbolError, SymbolNotFoundError
from scanner.sources.base import nearest_only
from scanner.sources.resilience import OpenGate
from scanner.sources.schwab import SchwabCredentials, SchwabSource, library, login_address, schwab_symbol

ROOT = Path(__file__).resolve().parents[5]
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def source(**changes: Any) -> SchwabSource:
    given: dict[str, Any] = {
        "clock": lambda: NOW,
        "gate": OpenGate(),
        "timeout_seconds": 10.0,
        "credentials": SchwabCredentials("the-key", "the-secret"),
        "read_token": lambda: None,
        "write_token": lambda text: None,
        "lock": nullcontext,
    }
    return SchwabSource(**{**given, **changes})


@pytest.mark.parametrize(
    ("symbol", "vendor"),
    [("AAPL", "AAPL"), ("BRK.B", "BRK/B"), ("brk-b", "BRK/B"), ("SPX", "$SPX"), ("^VIX", "$VIX"), ("SPXW", "$SPXW")],
)
def test_spelling_at_schwab(symbol: str, vendor: str) -> None:
    assert schwab_symbol(symbol) == vendor


@pytest.mark.parametrize("symbol", ["", "GC=F", "not a symbol", "../AAPL", "AAPL?x=1", "^VXAPL"])
def test_what_is_no_symbol_is_refused_without_a_call(symbol: str) -> None:
    with pytest.raises(SymbolError):
        schwab_symbol(symbol)
    with pytest.raises(SymbolNotFoundError) as caught:
        source().chain(symbol, nearest_only)
    assert caught.value.symbol == symbol


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_the_time_limit_must_be_positive(seconds: float) -> None:
    with pytest.raises(InputError, match="time limit"):
        source(timeout_seconds=seconds)


def test_nothing_secret_is_in_a_repr() -> None:
    assert "the-" not in repr(source()) + repr(vars(source()))


def test_without_the_package_opening_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_found(name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(library, "find_spec", nothing_found)
    with pytest.raises(InputError) as caught:
        source()
    assert f"python -m pip install '{library.REQUIREMENT}'" in str(caught.value)
    with pytest.raises(InputError, match="pip install"):
        login_address("the-key", "https://127.0.0.1")


def test_the_package_named_is_the_optional_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["schwab"] == [library.REQUIREMENT]
    assert not any("schwab" in one for one in project["dependencies"])


def test_importing_and_opening_the_source_imports_no_library() -> None:
    script = (
        "import sys, tests.unit.scanner.sources.schwab.test_source as module; module.source();"
        "print([name for name in ('schwab', 'authlib', 'httpx', 'flask') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
