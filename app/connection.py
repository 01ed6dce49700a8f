"""Which database the settings mean, without opening it."""

from __future__ import annotations

from app.settings import Settings
from db.embedded import EmbeddedServer
from db.engine import database_name


def embedded_server(settings: Settings) -> EmbeddedServer | None:
    """The embedded PostgreSQL of the data directory; None where `DATABASE_URL` names a server."""
    return None if settings.database_url else EmbeddedServer(settings.data_dir)


def database_dsn(settings: Settings) -> str:
    """The connection string. It may hold a password: never log it.

    Errors: DatabaseUnreachableError where the embedded server has never been started.
    """
    if settings.database_url:
        return settings.database_url.get_secret_value()
    return EmbeddedServer(settings.data_dir).dsn(database_name(settings.mode))
