from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import ENV_FILE_VARIABLE, PROJECT_FOLDER, in_environment, load_settings, secrets_of
from scanner.errors import InputError
from scanner.model import Mode


@pytest.fixture
def env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of settings these tests are to write."""
    file = tmp_path / "settings.env"
    monkeypatch.setenv(ENV_FILE_VARIABLE, str(file))
    return file


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


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("SPY,QQQ", ("SPY", "QQQ")),
        (" spy , brk-b,, SPY ", ("SPY", "BRK.B")),
        ("AAPL", ("AAPL",)),
    ],
)
def test_symbols_of_the_flow_scan_are_canonical_and_each_once(
    monkeypatch: pytest.MonkeyPatch, text: str, symbols: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SCANNER_FLOW_SYMBOLS", text)
    assert load_settings().flow_symbols == symbols


@pytest.mark.parametrize("text", ["", None])
def test_without_symbols_the_flow_scan_takes_the_default_stocks(
    monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    if text is not None:
        monkeypatch.setenv("SCANNER_FLOW_SYMBOLS", text)
    assert load_settings().flow_symbols is None


@pytest.mark.parametrize("text", ["SPY;QQQ", "SPY,$$$", "A B", "SPY,THIS_IS_NO_SYMBOL", ",", " , "])
def test_symbols_of_the_flow_scan_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SCANNER_FLOW_SYMBOLS", text)
    with pytest.raises(InputError, match="SCANNER_FLOW_SYMBOLS"):
        load_settings()


@pytest.mark.parametrize("name", ["SCANNER_FLOW_SCANS", "SCANNER_API"])
@pytest.mark.parametrize(
    ("text", "on"), [("false", False), ("0", False), ("no", False), ("TRUE", True), ("1", True), ("", True)]
)
def test_what_runs_by_itself_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, on: bool
) -> None:
    monkeypatch.setenv(name, text)
    settings = load_settings()
    assert {"SCANNER_FLOW_SCANS": settings.flow_scans, "SCANNER_API": settings.api}[name] is on


@pytest.mark.parametrize("name", ["SCANNER_FLOW_SCANS", "SCANNER_API"])
@pytest.mark.parametrize("text", ["maybe", "2", "falsch"])
def test_a_switch_that_is_neither_on_nor_off_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(InputError, match=name):
        load_settings()


def test_a_replay_without_a_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_MODE", "recorded")
    with pytest.raises(InputError, match="SCANNER_RECORDED_DIR"):
        load_settings()


def test_a_file_holds_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch, env_file: Path) -> None:
    env_file.write_text(
        "# mine\nDATABASE_URL=postgresql://me:hush@db/options\nSCANNER_DASHBOARD_PORT=9000\nSCANNER_SEED='7'\nOTHER=1\n"
    )
    monkeypatch.setenv("SCANNER_SEED", "8")
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://me:hush@db/options"
    assert (settings.dashboard_port, settings.seed) == (9000, 8)


def test_the_file_is_in_the_project_unless_another_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.settings.PROJECT_FOLDER", tmp_path)
    monkeypatch.delenv(ENV_FILE_VARIABLE)
    monkeypatch.chdir(PROJECT_FOLDER)
    assert load_settings().seed == 1
    (tmp_path / ".env").write_text("SCANNER_SEED=5\n")
    assert load_settings().seed == 5
    (tmp_path / "other.env").write_text("SCANNER_SEED=6\n")
    monkeypatch.setenv(ENV_FILE_VARIABLE, "other.env")
    assert load_settings().seed == 6


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"SCANNER_DASHBORD_PORT=9000\n", "SCANNER_DASHBORD_PORT is no setting; SCANNER_DASHBOARD_PORT is"),
        (b"SCANNER_XYZZY=1\n", "SCANNER_XYZZY is no setting; docs/settings.md lists them"),
        (b"SCANNER_SEED=1\nSCANNER_MODE\n", "line 2 is not of the form NAME=value"),
        (b"a b c\n", "line 1 is not of the form NAME=value"),
        (b"SCANNER_SEED=\xff\n", "no readable text in UTF-8"),
        (b"SCANNER_SEED=one\n", "SCANNER_SEED: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named(env_file: Path, content: bytes, words: str) -> None:
    env_file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_settings()
    assert words in str(caught.value)


def test_a_secret_in_a_file_that_cannot_be_read_does_not_show(env_file: Path) -> None:
    env_file.write_text("DATABASE_URL postgresql://me:hush@db/options\n")
    with pytest.raises(InputError) as caught:
        load_settings()
    assert "hush" not in str(caught.value)


def test_relative_folders_are_meant_from_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCANNER_DATA_DIR", "elsewhere")
    monkeypatch.setenv("SCANNER_RECORDED_DIR", "~/answers")
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings()
    assert settings.data_dir == PROJECT_FOLDER / "elsewhere"
    assert settings.recorded_dir == tmp_path / "answers"


@pytest.mark.parametrize("name", ["SCANNER_SECRET_KEY", "SCANNER_SECRET_KEY_NEW"])
@pytest.mark.parametrize("text", ["hush", "aHVzaA==", "aHVz" * 11 + "!", "\u00e9hush"])
def test_a_key_that_is_none_is_named_without_its_text(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(InputError, match=f"{name}: it must be 32 bytes in base64") as caught:
        load_settings()
    assert text not in str(caught.value)


def test_secrets_are_known_by_their_variable_and_where_it_is_set(
    monkeypatch: pytest.MonkeyPatch, env_file: Path
) -> None:
    env_file.write_text("SCANNER_POLYGON_API_KEY=from file\nSCANNER_SCHWAB_CALLBACK_URL=https://127.0.0.1\n")
    monkeypatch.setenv("SCANNER_ROBINHOOD_PASSWORD", "from environment")
    monkeypatch.setenv("SCANNER_SCHWAB_APP_KEY", "")
    settings = load_settings()
    assert secrets_of(settings) == {
        "SCANNER_ROBINHOOD_PASSWORD": "from environment",
        "SCANNER_POLYGON_API_KEY": "from file",
    }
    assert in_environment("SCANNER_ROBINHOOD_PASSWORD")
    assert not in_environment("SCANNER_POLYGON_API_KEY")
    assert not in_environment("SCANNER_SCHWAB_APP_KEY")
    assert "from file" not in repr(settings)
    assert "from file" not in settings.model_dump_json()
