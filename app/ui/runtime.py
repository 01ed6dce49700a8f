"""The services of a dashboard process, and the start of that process."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import streamlit as st

import app.ui
from app import log
from app.bootstrap import Services, build
from app.current import CurrentServices
from app.secrets import protect
from app.settings import PROJECT_FOLDER, Settings, load_settings
from scanner.errors import DatabaseAuthError, DatabaseError, DatabaseNotMigratedError, DatabaseUnreachableError

OWNER_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 0.1
_COMING_UP: Final = (DatabaseUnreachableError, DatabaseAuthError, DatabaseNotMigratedError)
"""How a server answers that is being brought up: not at all, without the database, without its tables."""


def services() -> Services:
    """The services of this process on the settings of the moment. Errors: those of `current`."""
    return current()()


@st.cache_resource(show_spinner="Connecting to the database")
def current() -> CurrentServices:
    """What holds the services, built once. Raises `ScannerError` with what to do when that is impossible.

    Under `streamlit run Home.py` alone this brings up database and workers too.
    """
    settings = load_settings()
    protect(settings)
    log.guard_output()
    owner = None if settings.supervisor_pid else _owner()
    deadline = time.monotonic() + OWNER_SECONDS
    while True:
        try:
            return CurrentServices(build(settings))
        except _COMING_UP:
            if owner and owner.process.poll() is not None:
                _owner.clear()
                raise DatabaseError(owner.last_words(settings)) from None
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)


class _Owner:
    """`python -m app.cli supervise`, which ends when this process lets go of its standard input."""

    def __init__(self, settings: Settings) -> None:
        self._log = settings.data_dir / "logs" / "supervisor.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "supervise", "--lifeline", "--parent", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=PROJECT_FOLDER,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    def last_words(self, settings: Settings) -> str:
        """What the supervisor wrote before it ended."""
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return text.splitlines()[-1] if text else f"database and workers of {settings.data_dir} could not be started"


@st.cache_resource(show_spinner=False)
def _owner() -> _Owner:
    return _Owner(load_settings())


def serve(settings: Settings) -> None:
    """Serve the pages until the process is stopped. Imports of the first page run beside the server's start."""
    from streamlit.web import cli

    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    home = Path(PROJECT_FOLDER, "Home.py")
    flags = {
        "server.address": settings.dashboard_host,
        "server.port": settings.dashboard_port,
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "logger.hideWelcomeMessage": "true",
    }
    cli.main(["run", str(home), *(f"--{name}={value}" for name, value in flags.items())], standalone_mode=False)


def _warm_up() -> None:
    for module in pkgutil.iter_modules(app.ui.__path__, "app.ui."):
        importlib.import_module(module.name)
