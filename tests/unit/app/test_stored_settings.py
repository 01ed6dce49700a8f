"""What holds of environment, file, database and default, and how values are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import ENV_FILE_VARIABLE, Settings, load_settings
from app.stored_settings import STORABLE, Origin, SettingState, effective, problem_of, written
from scanner.sources.resilience import RateLimit


def state(given: Settings, field: str, stored: dict[str, str]) -> SettingState:
    return next(one for one in effective(given, stored).states if one.field == field)


def test_a_stored_value_holds_where_nothing_else_says_so() -> None:
    found = effective(load_settings(), {"SCANNER_RATE": "0.05", "SCANNER_KEEP_DAYS": "90"})
    assert found.settings.rate == ((0.0, 0.05),)
    assert found.settings.keep_days == 90
    assert found.settings.alert_score == 80
    origins = {one.field: one.origin for one in found.states}
    assert (origins["rate"], origins["alert_score"]) == (Origin.DATABASE, Origin.DEFAULT)
    assert set(origins) == set(STORABLE)


def test_the_environment_goes_before_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_RATE", "0.03")
    stored = {"SCANNER_RATE": "0.05", "SCANNER_ALERT_SCORE": "70"}
    found = effective(load_settings(), stored)
    assert (found.settings.rate, found.settings.alert_score) == (((0.0, 0.03),), 70)
    rate = state(load_settings(), "rate", stored)
    assert (rate.origin, rate.fixed, rate.text, rate.variable) == (Origin.ENVIRONMENT, True, "0.03", "SCANNER_RATE")


def test_so_does_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("SCANNER_KEEP_DAYS=45\n")
    monkeypatch.setenv(ENV_FILE_VARIABLE, str(file))
    kept = state(load_settings(), "keep_days", {"SCANNER_KEEP_DAYS": "90"})
    assert (kept.origin, kept.fixed, kept.text, kept.default) == (Origin.FILE, True, "45", "30")


def test_a_stored_value_that_cannot_be_read_is_not_used_and_says_so() -> None:
    stored = {"SCANNER_SOURCES": "nowhere", "SCANNER_KEEP_DAYS": "60"}
    found = effective(load_settings(), stored)
    assert (found.settings.sources, found.settings.keep_days) == (None, 60)
    problem = state(load_settings(), "sources", stored).problem
    assert problem is not None
    assert "SCANNER_SOURCES" in problem
    assert "nowhere" in problem


def test_what_is_not_storable_is_passed_over() -> None:
    assert effective(load_settings(), {"SCANNER_DATA_DIR": "/elsewhere", "NONSENSE": "1"}).settings == load_settings()


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("rate", "high", "SCANNER_RATE"),
        ("rate", "  ", "is empty"),
        ("keep_days", "0", "SCANNER_KEEP_DAYS"),
        ("alert_score", "101", "SCANNER_ALERT_SCORE"),
        ("source_limits", "yahoo=5", "calls/seconds"),
        ("flow_symbols", "not a symbol!", "SCANNER_FLOW_SYMBOLS"),
        ("flow_scans", "perhaps", "SCANNER_FLOW_SCANS"),
        ("chain_cache_seconds", "nan", "SCANNER_CHAIN_CACHE_SECONDS"),
    ],
)
def test_what_is_wrong_is_named(field: str, text: str, words: str) -> None:
    problem = problem_of(load_settings(), field, text)
    assert problem is not None
    assert words in problem
    assert "settings cannot be read" not in problem


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0.25, "0.25"),
        (30, "30"),
        (((0.0, 0.04),), "0.04"),
        (((0.08, 0.043), (1.0, 0.041)), "0.08:0.043,1:0.041"),
        (("schwab", "yahoo"), "schwab,yahoo"),
        ({"schwab": 30.0, "yahoo": 2.5}, "schwab=30,yahoo=2.5"),
        ({"schwab": RateLimit(100, 60.0, 10)}, "schwab=100/60/10"),
    ],
)
def test_values_are_written_as_in_the_environment(value: object, text: str) -> None:
    assert written(value) == text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("rate", "0.08:0.043,1:0.041"),
        ("source_limits", "schwab=100/60/10"),
        ("source_timeouts", "schwab=30"),
        ("sources", "yahoo,polygon"),
        ("flow_symbols", "SPY,BRK.B"),
        ("flow_scans", "false"),
        ("chain_cache_seconds", "0.5"),
    ],
)
def test_what_is_written_is_read_again(field: str, text: str) -> None:
    variable = f"SCANNER_{field.upper()}"
    assert state(load_settings(), field, {variable: text}).text == text


def test_a_password_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@db/options")
    given = load_settings()
    assert written(given.database_url) == "set"
    kept = effective(given, {"SCANNER_RATE": "0.05"}).settings
    assert kept.database_url is not None
    assert kept.database_url.get_secret_value().endswith("@db/options")
