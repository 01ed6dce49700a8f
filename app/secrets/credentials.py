"""Credentials of the vendors: from the environment, else the file of settings, else the encrypted store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import SecretStr

from app.secrets.store import SecretStore
from app.settings import Settings, in_environment
from scanner.errors import SecretKeyError, SecretUnreadableError

NAMES: Final = (
    "SCANNER_ROBINHOOD_USERNAME",
    "SCANNER_ROBINHOOD_PASSWORD",
    "SCANNER_ROBINHOOD_MFA_SECRET",
    "SCANNER_ROBINHOOD_MFA_CODE",
    "SCANNER_POLYGON_API_KEY",
    "SCANNER_SCHWAB_APP_KEY",
    "SCANNER_SCHWAB_APP_SECRET",
    "SCANNER_SCHWAB_CALLBACK_URL",
    "SCANNER_ALERT_URLS",
)
"""The variable of every credential, which is also its name in the store."""


class Origin(StrEnum):
    """Where a credential's value is, in the order they are asked."""

    ENVIRONMENT = "environment"
    FILE = "file"
    STORE = "store"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class CredentialState:
    """Where one credential comes from, never its value. `problem`: why a stored one cannot be used."""

    name: str
    origin: Origin
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is known, by variable. Printed, no value shows. `states` has every one of `NAMES`, in their order."""

    values: Mapping[str, SecretStr]
    states: tuple[CredentialState, ...]

    def get(self, name: str) -> str | None:
        """The value of a credential, for the source that needs it; None where it is not set or cannot be opened."""
        value = self.values.get(name)
        return None if value is None else value.get_secret_value()


def read_credentials(settings: Settings, store: SecretStore) -> Credentials:
    """Every credential with its origin. A stored one that cannot be opened has a problem and no value.

    Errors: those of the database.
    """
    stored = frozenset(store.names())
    values: dict[str, SecretStr] = {}
    states = []
    for name in NAMES:
        value, state = _from_settings(settings, name)
        if value is None and name in stored:
            value, state = _from_store(store, name)
        if value is not None:
            values[name] = value
        states.append(state)
    return Credentials(values, tuple(states))


def _from_settings(settings: Settings, name: str) -> tuple[SecretStr | None, CredentialState]:
    value = getattr(settings, name.removeprefix("SCANNER_").lower())
    if value is None:
        return None, CredentialState(name, Origin.MISSING)
    origin = Origin.ENVIRONMENT if in_environment(name) else Origin.FILE
    return value if isinstance(value, SecretStr) else SecretStr(value), CredentialState(name, origin)


def _from_store(store: SecretStore, name: str) -> tuple[SecretStr | None, CredentialState]:
    try:
        value = store.get(name)
    except (SecretKeyError, SecretUnreadableError) as error:
        return None, CredentialState(name, Origin.STORE, str(error))
    if value is None:  # removed a moment ago
        return None, CredentialState(name, Origin.MISSING)
    return SecretStr(value), CredentialState(name, Origin.STORE)
