"""Where compiled code is kept, and that pricing works where it cannot be. Each case is a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[5]
PRICE = """
from scanner.pricing.black_scholes import price
value = price(spot=105.0, strike=100.0, years=0.5, rate=0.1, dividend_yield=0.04, volatility=0.36, is_call=True)
print(float(value))
"""


def run(code: str, *, project: Path = ROOT, **environment: str) -> str:
    known = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={**known, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the domain without anything compiled."""
    shutil.copytree(ROOT / "scanner", tmp_path / "scanner", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc"))


def test_numba_is_not_imported_before_the_first_price() -> None:
    code = """
import sys
import scanner.premiums, scanner.pricing.chain, scanner.pricing.probabilities, scanner.pricing.warm_up
print("numba" in sys.modules)
"""
    assert run(code) == "False"


def test_neither_pages_nor_services_load_the_compiler() -> None:
    """What the dashboard's process imports; pages themselves import from `app.ui` only."""
    code = """
import importlib, logging, pkgutil, sys
logging.disable()
import app.bootstrap, app.ui
for module in pkgutil.iter_modules(app.ui.__path__, "app.ui."):
    importlib.import_module(module.name)
print("numba" in sys.modules, "app.ui.runtime" in sys.modules)
"""
    assert run(code) == "False True"


def test_kept_beside_the_source_and_read_again(project: Path) -> None:
    first = run(PRICE, project=project)
    files = kept(project)
    assert len(files) == 1
    before = files[0].stat().st_mtime_ns
    assert run(PRICE, project=project) == first
    assert kept(project)[0].stat().st_mtime_ns == before


def test_compiled_again_when_a_file_it_takes_functions_from_has_changed(project: Path) -> None:
    changed = project / "scanner" / "pricing" / "kernels" / "elementary.py"
    right = float(run(PRICE, project=project))
    text = changed.read_text()
    assert "_PER_LN2: Final" in text
    changed.write_text(text.replace("odd = odd * r2 + 1.0", "odd = odd * r2 + 1.5"))
    assert float(run(PRICE, project=project)) != right


def test_a_chosen_folder(project: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "elsewhere"
    run(PRICE, project=project, NUMBA_CACHE_DIR=str(chosen))
    assert len(kept(chosen)) == 1
    assert not kept(project / "scanner")


def test_the_users_folder_where_the_source_cannot_be_written_to(project: Path, tmp_path: Path) -> None:
    (project / "scanner" / "pricing" / "kernels" / "__pycache__").write_text("in the way")
    home = tmp_path / "home"
    home.mkdir()
    run(PRICE, project=project, HOME=str(home), XDG_CACHE_HOME=str(home / ".cache"))
    assert len(kept(home)) == 1


def test_nowhere_to_write_to_costs_only_time(project: Path, tmp_path: Path) -> None:
    expected = run(PRICE)
    (project / "scanner" / "pricing" / "kernels" / "__pycache__").write_text("in the way")
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    assert run(PRICE, project=project, HOME=str(no_folder), XDG_CACHE_HOME=str(no_folder)) == expected
    assert not kept(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"not a pickle", b"\x80\x04K\x01."])
def test_damaged_files_are_replaced(project: Path, damage: bytes) -> None:
    expected = run(PRICE, project=project)
    for path in (project / "scanner").rglob("*.nb[ci]"):
        path.write_bytes(damage)
    assert run(PRICE, project=project) == expected


@pytest.mark.parametrize("processor", ["generic", "nehalem", "haswell"])
def test_the_same_results_without_wide_vectors(processor: str, tmp_path: Path) -> None:
    """To the last digits: older processors have no fused multiplication and addition."""
    code = """
import numpy as np
from scanner.pricing.black_scholes import greeks
from scanner.pricing.implied_volatility import implied_volatility
strike = np.linspace(60, 160, 101)
known = dict(strike=strike, years=0.5, rate=0.04, is_call=strike > 100)
result = greeks(spot=100.0, dividend_yield=0.01, volatility=0.3, **known)
solved = implied_volatility(price=result.price, forward=100 * np.exp(0.015), **known)
print(np.abs(solved.volatility - 0.3).max() < 1e-12, result.price.sum(), result.gamma.sum(), result.theta.sum())
"""
    ours = run(code).split()
    other = run(code, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(tmp_path)).split()
    assert ours[0] == other[0] == "True"
    assert [float(number) for number in ours[1:]] == pytest.approx([float(number) for number in other[1:]], rel=1e-13)


def test_warm_up_leaves_nothing_to_compile() -> None:
    code = """
from scanner.pricing.warm_up import warm_up
count = warm_up()
assert warm_up() == count
from scanner.pricing.kernels import compilation
def fail(*_): raise AssertionError("compiled again")
compilation._compiled = fail
from scanner.pricing.black_scholes import greeks
greeks(spot=105.0, strike=100.0, years=0.5, rate=0.1, dividend_yield=0.04, volatility=0.36, is_call=True)
print(count)
"""
    assert int(run(code)) >= 6
