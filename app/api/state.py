"""What every request finds: the services of this process."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request

from app.bootstrap import Services


def services(request: Request) -> Services:
    """The services of the moment."""
    current: Callable[[], Services] = request.app.state.services
    return current()
