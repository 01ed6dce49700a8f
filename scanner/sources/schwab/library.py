"""schwab-py, an optional package: imported when first used, with a time limit on every request of its sessions."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from scanner.errors import InputError

REQUIREMENT: Final = "schwab-py>=1.5,<1.6"
_STARTED: Final = "started"


def require_library() -> None:
    """Raises InputError with the command that installs schwab-py where it is missing. Imports nothing."""
    if find_spec("schwab") is None:
        raise InputError(f"the source schwab needs another package: run `python -m pip install '{REQUIREMENT}'`")


def load_library() -> Any:
    """The module `schwab.auth`. Raises InputError where schwab-py is not installed.

    authlib below it announces, in a warning that is always shown, that it will drop httpx: nothing a user can act on.
    """
    require_library()
    deprecate = import_module("authlib.deprecate")
    warnings.filterwarnings(
        "ignore", message="The httpx module is deprecated", category=deprecate.AuthlibDeprecationWarning
    )
    return import_module("schwab.auth")


def http_library(session: Any) -> Any:
    """The HTTP library of a session: httpx, or httpx2, which authlib takes where it is installed."""
    base = next(cls for cls in type(session).__mro__ if cls.__name__ == "Client")
    return import_module(base.__module__.partition(".")[0])


def limit_time(session: Any, timeout_seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Bound every request of a session, its whole body included. The session's own limit is one per read."""
    http = http_library(session)

    class WatchedBody(http.SyncByteStream):  # type: ignore[misc, name-defined]
        """A body that stops when the request has used up its time."""

        def __init__(self, body: Any, deadline: float) -> None:
            self._body = body
            self._deadline = deadline

        def __iter__(self) -> Iterator[bytes]:
            for piece in self._body:
                if monotonic() > self._deadline:
                    raise http.ReadTimeout("the body did not arrive in time")
                yield piece

        def close(self) -> None:
            self._body.close()

    def start(request: Any) -> None:
        request.extensions[_STARTED] = monotonic()

    def watch(response: Any) -> None:
        response.stream = WatchedBody(response.stream, response.request.extensions[_STARTED] + timeout_seconds)

    session.timeout = timeout_seconds
    session.event_hooks = {"request": [start], "response": [watch]}
