"""What every request finds: the services of this process."""

from __future__ import annotations

from fastapi import Request

from app.bootstrap import Services


def services(request: Request) -> Services:
    """The services the application was made with."""
    found: Services = request.app.state.services
    return found
