"""Schwab through schwab-py, an optional package. Needs an app of developer.schwab.com and a log-in every seven days."""

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
    "LoginAddress",
    "SchwabCredentials",
    "SchwabSource",
    "login_address",
    "refresh_token_expires_at",
    "refresh_token_remaining_seconds",
    "schwab_symbol",
    "token_from_redirect",
]
