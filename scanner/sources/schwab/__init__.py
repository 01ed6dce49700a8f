"""Schwab through schwab-py, an optional package. Needs an app of developer.schwab.com and a log-in every seven days."""

from datetime import datetime

from scanner.sources.base import SourceOptions, Vault
from scanner.sources.schwab.login import LoginAddress, login_address, token_from_redirect
from scanner.sources.schwab.source import STRIKE_STEPS, SchwabSource, schwab_symbol
from scanner.sources.schwab.tokens import (
    LOGIN_COMMAND,
    SchwabCredentials,
    refresh_token_expires_at,
    refresh_token_remaining_seconds,
)

__all__ = [
    "LOGIN_COMMAND",
    "STRIKE_STEPS",
    "TOKEN",
    "LoginAddress",
    "SchwabCredentials",
    "SchwabSource",
    "login_address",
    "open_source",
    "refresh_token_expires_at",
    "refresh_token_remaining_seconds",
    "schwab_symbol",
    "session_ends_at",
    "token_from_redirect",
]

TOKEN = "schwab-token"  # noqa: S105 a name
"""The name of the token in the vault."""


def session_ends_at(vault: Vault) -> datetime | None:
    """When the log-in ends; None where there is none, or its age is unknown."""
    return refresh_token_expires_at(vault.get(TOKEN))


def open_source(options: SourceOptions) -> SchwabSource:
    """The app of the credentials; its token is kept in the vault. Nothing is called yet.

    Errors: InputError without the package schwab-py.
    """
    return SchwabSource(
        clock=options.clock,
        gate=options.gate,
        timeout_seconds=options.timeout_seconds,
        credentials=SchwabCredentials(
            app_key=options.credential("SCANNER_SCHWAB_APP_KEY") or "",
            app_secret=options.credential("SCANNER_SCHWAB_APP_SECRET") or "",
        ),
        read_token=lambda: options.vault.get(TOKEN),
        write_token=lambda text: options.vault.put(TOKEN, text),
        lock=lambda: options.vault.locked(TOKEN),
    )
