from __future__ import annotations

import sys
from pathlib import Path

import pytest
import structlog

from app import log
from app.secrets import protect
from app.settings import ENV_FILE_VARIABLE, load_settings


@pytest.fixture(autouse=True)
def _nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_hidden", ())


def test_every_secret_of_the_settings_is_hidden_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_POLYGON_API_KEY", "polygon-key-1")
    monkeypatch.setenv("SCANNER_ROBINHOOD_PASSWORD", "correct horse/battery")
    monkeypatch.setenv("SCANNER_SCHWAB_CALLBACK_URL", "https://127.0.0.1:8182")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:staple%40me@db/options")
    protect(load_settings())
    text = "polygon-key-1 correct+horse%2Fbattery staple@me staple%40me https://127.0.0.1:8182 me options"
    assert log.redact(text) == "*** *** *** *** https://127.0.0.1:8182 me options"


@pytest.mark.parametrize(
    "address", ["postgresql://postgres:postgres@db/x", "postgresql://me@db/x", "host=db user=me", "postgresql://[me:x"]
)
def test_an_address_without_a_password_of_its_own_hides_no_word(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    protect(load_settings())
    assert log.redact("postgres me db started") == "postgres me db started"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of files")
@pytest.mark.parametrize(
    ("content", "mode", "warned"),
    [
        ("SCANNER_POLYGON_API_KEY=polygon-key-1\nSCANNER_SEED=2\n", 0o644, True),
        ("SCANNER_POLYGON_API_KEY=polygon-key-1\n", 0o600, False),
        ("SCANNER_SEED=2\n", 0o644, False),
    ],
)
def test_a_readable_file_of_settings_with_secrets_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, mode: int, warned: bool
) -> None:
    file = tmp_path / "settings.env"
    file.write_text(content)
    file.chmod(mode)
    monkeypatch.setenv(ENV_FILE_VARIABLE, str(file))
    with structlog.testing.capture_logs() as events:
        protect(load_settings())
    expected = {
        "event": "others can read the file of settings, which holds secrets",
        "names": "SCANNER_POLYGON_API_KEY",
        "remedy": f"chmod 600 {file}",
        "log_level": "warning",
    }
    assert events == ([expected] if warned else [])
