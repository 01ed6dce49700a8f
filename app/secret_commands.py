"""The commands for passwords and keys of the vendors: `python -m app.cli secrets ...`. No value is ever printed."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final

from app.commands import say
from app.connection import database_dsn, embedded_server
from app.secrets.credentials import NAMES, Origin, read_credentials
from app.secrets.keys import Key, KeyRing
from app.secrets.store import SecretStore
from app.settings import Settings, in_environment, secrets_of
from app.supervisor import prepare_database
from db.engine import open_database
from scanner.errors import InputError

SCHWAB_CALLBACK: Final = "https://127.0.0.1:8182"
"""The callback address where the settings name none."""


def set_secret(settings: Settings, name: str, *, on_command_line: bool) -> int:
    """Store a credential under its variable's name. The value is typed, or comes through a pipe."""
    if on_command_line or "=" in name:
        raise InputError(
            "a value is never taken from the command line, where other users and the shell's history see it. "
            f"Change it at the vendor's, then run `python -m app.cli secrets set {name.partition('=')[0]}` and type it"
        )
    if name not in NAMES:
        like = get_close_matches(name.upper(), NAMES, 1, cutoff=0.5)
        raise InputError(f"{name} is no credential; {f'{like[0]} is' if like else 'docs/secrets.md lists them'}")
    value = _value(name)
    with _open_store(settings) as store:
        store.put(name, value)
    say(f"{name} is stored, encrypted, in the {settings.mode.value} database.")
    if name in secrets_of(settings):
        where = "environment" if in_environment(name) else "file of settings"
        say(f"It is not used as long as the {where} sets another one: that comes first.")
    say("A program that is running uses it after its next start.")
    return 0


def show_list(settings: Settings) -> int:
    """Every credential and where it comes from, then the other entries of the store."""
    with _open_store(settings) as store:
        credentials = read_credentials(settings, store)
        others = [name for name in store.names() if name not in NAMES]
    width = max(len(name) for name in (*NAMES, *others))
    for state in credentials.states:
        say(f"{state.name:{width}}  {state.origin}")
    for name in others:
        say(f"{name:{width}}  {Origin.STORE}")
    for problem in dict.fromkeys(state.problem for state in credentials.states if state.problem):
        say(f"\nA stored value cannot be used: {problem}.")
    return 0


def delete(settings: Settings, name: str) -> int:
    with _open_store(settings) as store:
        if not store.delete(name):
            raise InputError(f"nothing is stored as {name}. What is: {', '.join(store.names()) or 'nothing'}")
    say(f"{name} is no longer stored.")
    return 0


def rotate_key(settings: Settings) -> int:
    """Encrypt everything with SCANNER_SECRET_KEY_NEW where set, else with a new key that replaces the key file."""
    keys = KeyRing.of(settings)
    if keys.new_key is None and not keys.in_file:
        raise InputError(
            "the key comes from SCANNER_SECRET_KEY, so the new one must be set too: SCANNER_SECRET_KEY_NEW, "
            "32 bytes in base64 (`openssl rand -base64 32` makes one). Then run this again"
        )
    with _open_store(settings) as store:
        count = store.rotate(keys.new_key or Key.generate())
    say(f"Encrypted anew: {count}.")
    if keys.new_key:
        say(
            "Now set SCANNER_SECRET_KEY to the value of SCANNER_SECRET_KEY_NEW on every machine, unset "
            "SCANNER_SECRET_KEY_NEW, and start the programs again."
        )
    else:
        say(
            f"The new key is in {keys.file}. Keep a copy in a safe place, and copy it to every machine that works on "
            "the same database."
        )
    return 0


def login_schwab(settings: Settings) -> int:
    """Log in at Schwab with any browser on any machine, and store the token: works over SSH."""
    from app.bootstrap import wall_clock
    from scanner.sources.schwab import TOKEN, SchwabCredentials, login_address, token_from_redirect

    with _open_store(settings) as store:
        found = read_credentials(settings, store)
        app_key, app_secret = (found.get(f"SCANNER_SCHWAB_{name}") for name in ("APP_KEY", "APP_SECRET"))
        if not app_key or not app_secret:
            raise InputError(
                "the key and the secret of your app at developer.schwab.com are needed first: "
                "python -m app.cli secrets set SCANNER_SCHWAB_APP_KEY, then SCANNER_SCHWAB_APP_SECRET"
            )
        callback = found.get("SCANNER_SCHWAB_CALLBACK_URL") or SCHWAB_CALLBACK
        address = login_address(app_key, callback)
        say(f"Open this address in a browser, on any machine, and log in:\n\n{address.url}\n")
        say(f"The browser is then sent to an address that begins with {callback} and cannot be shown: that is right.")
        redirect = _asked("Paste that whole address here (it is not shown): ")
        text = token_from_redirect(
            redirect,
            credentials=SchwabCredentials(app_key, app_secret),
            callback=callback,
            state=address.state,
            now=wall_clock(),
        )
        store.put(TOKEN, text)
    say("Logged in for seven days. The page System shows how long it still lasts.")
    return 0


def _asked(prompt: str) -> str:
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().strip()


def _value(name: str) -> str:
    """What is typed without echo, or the one line that is piped in."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    lines = sys.stdin.read().splitlines()
    if len(lines) != 1:
        raise InputError(f"the value of {name} must be one line on standard input, and there are {len(lines)}")
    return lines[0]


@contextmanager
def _open_store(settings: Settings) -> Iterator[SecretStore]:
    """The store of the settings' mode; the embedded database is started for it where it is not running."""
    server = embedded_server(settings)
    try:
        prepare_database(settings, server)
        database = open_database(database_dsn(settings), mode=settings.mode, pool_size=2)
        try:
            yield SecretStore(database, KeyRing.of(settings))
        finally:
            database.close()
    finally:
        if server:
            server.stop()
