from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.settings import PROJECT_FOLDER, Settings, load_settings
from scanner.errors import InputError
from scanner.model import Mode


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "SCANNER_MODE", "SCANNER_DATA_DIR", "SCANNER_RATE", "SCANNER_DASHBOARD_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_are_live_and_local() -> None:
    settings = load_settings()
    assert settings.mode is Mode.LIVE
    assert settings.dashboard_host == "127.0.0.1"
    assert settings.dashboard_port == 8501
    assert settings.database_url is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCANNER_MODE", "simulated")
    monkeypatch.setenv("SCANNER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hush@db/options")
    settings = load_settings()
    assert settings.mode is Mode.SIMULATED
    assert settings.data_dir == tmp_path
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://me:hush@db/options"


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_MODE", "live")
    assert load_settings(mode=Mode.SIMULATED).mode is Mode.SIMULATED


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("SCANNER_MODE", "")
    settings = load_settings()
    assert settings.database_url is None
    assert settings.mode is Mode.LIVE


def test_the_password_never_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hush@db/options")
    assert "hush" not in repr(load_settings())
    assert "hush" not in load_settings().model_dump_json()


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("0.043", ((0.0, 0.043),)),
        ("-0.005", ((0.0, -0.005),)),
        ("0.08:0.043,1:0.041", ((0.08, 0.043), (1.0, 0.041))),
        (" 0.08 : 0.043 , 1 : 0.041 ", ((0.08, 0.043), (1.0, 0.041))),
    ],
)
def test_rate_is_a_number_or_a_table(
    monkeypatch: pytest.MonkeyPatch, text: str, points: tuple[tuple[float, float], ...]
) -> None:
    monkeypatch.setenv("SCANNER_RATE", text)
    assert load_settings().rate == points


@pytest.mark.parametrize("text", ["4 %", "1:0.04,0.5:0.03", "0.5:0.04,0.5:0.03", "1:", "nan", "0.5:inf", ","])
def test_a_rate_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SCANNER_RATE", text)
    with pytest.raises(InputError, match="SCANNER_RATE"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCANNER_MODE", "paper"),
        ("SCANNER_DASHBOARD_PORT", "0"),
        ("SCANNER_DASHBOARD_PORT", "http"),
        ("SCANNER_SOURCE_TIMEOUT_SECONDS", "-1"),
        ("SCANNER_LOG_LEVEL", "LOUD"),
        ("SCANNER_WORKER_THREADS", "0"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=name):
        load_settings()


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    text = (PROJECT_FOLDER / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)`", text, flags=re.MULTILINE))
    names = {"DATABASE_URL" if name == "database_url" else f"SCANNER_{name.upper()}" for name in Settings.model_fields}
    assert documented == names


def test_a_replay_without_a_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_MODE", "recorded")
    with pytest.raises(InputError, match="SCANNER_RECORDED_DIR"):
        load_settings()
