"""Where a credential comes from: the environment, else the file, else the store; and what is shown of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import log
from app.secrets import Credentials, CredentialState, Key, KeyRing, Origin, SecretStore, read_credentials
from app.secrets.credentials import NAMES
from app.settings import ENV_FILE_VARIABLE, load_settings
from db.engine import Database

POLYGON = "SCANNER_POLYGON_API_KEY"
CALLBACK = "SCANNER_SCHWAB_CALLBACK_URL"


@pytest.fixture(autouse=True)
def _nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_hidden", ())


@pytest.fixture
def env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "settings.env"
    monkeypatch.setenv(ENV_FILE_VARIABLE, str(file))
    return file


@pytest.fixture
def store(database: Database, tmp_path: Path) -> SecretStore:
    return SecretStore(database, KeyRing(tmp_path / "secrets.key"))


def state(credentials: Credentials, name: str) -> CredentialState:
    return next(one for one in credentials.states if one.name == name)


def test_nothing_set_is_missing_everywhere(store: SecretStore) -> None:
    credentials = read_credentials(load_settings(), store)
    assert credentials.states == tuple(CredentialState(name, Origin.MISSING) for name in NAMES)
    assert [credentials.get(name) for name in NAMES] == [None] * len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_credential_is_looked_for_in_order(
    monkeypatch: pytest.MonkeyPatch, env_file: Path, store: SecretStore, name: str
) -> None:
    store.put(name, "from the store")
    credentials = read_credentials(load_settings(), store)
    assert (credentials.get(name), state(credentials, name).origin) == ("from the store", Origin.STORE)
    env_file.write_text(f"{name}='from the file'\n")
    credentials = read_credentials(load_settings(), store)
    assert (credentials.get(name), state(credentials, name).origin) == ("from the file", Origin.FILE)
    monkeypatch.setenv(name, "from the environment")
    credentials = read_credentials(load_settings(), store)
    assert (credentials.get(name), state(credentials, name).origin) == ("from the environment", Origin.ENVIRONMENT)
    monkeypatch.setenv(name, "")
    env_file.write_text("")
    assert state(read_credentials(load_settings(), store), name).origin is Origin.STORE


def test_no_value_shows(monkeypatch: pytest.MonkeyPatch, store: SecretStore) -> None:
    monkeypatch.setenv("SCANNER_ROBINHOOD_PASSWORD", "hush-hush")
    store.put(POLYGON, "hush-hush")
    credentials = read_credentials(load_settings(), store)
    assert credentials.get(POLYGON) == "hush-hush"
    assert "hush" not in repr(credentials) + str(credentials)


def test_what_is_stored_is_hidden_but_for_the_address(store: SecretStore) -> None:
    store.put(POLYGON, "polygon-key-1")
    store.put(CALLBACK, "https://127.0.0.1:8182")
    log._hidden = ()
    read_credentials(load_settings(), store)
    assert log.redact("polygon-key-1 https://127.0.0.1:8182") == "*** https://127.0.0.1:8182"


def test_one_that_cannot_be_opened_has_a_problem_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, database: Database, store: SecretStore, tmp_path: Path
) -> None:
    store.put(POLYGON, "polygon-key-1")
    monkeypatch.setenv("SCANNER_ROBINHOOD_PASSWORD", "hush-hush")
    other = SecretStore(database, KeyRing(tmp_path / "secrets.key", key=Key.generate()))
    credentials = read_credentials(load_settings(), other)
    assert credentials.get("SCANNER_ROBINHOOD_PASSWORD") == "hush-hush"
    assert credentials.get(POLYGON) is None
    found = state(credentials, POLYGON)
    assert found.origin is Origin.STORE
    assert found.problem is not None
    assert found.problem.startswith("the stored secrets are encrypted with the key")
