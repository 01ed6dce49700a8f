"""The embedded PostgreSQL: a real server out of a wheel, used where no DATABASE_URL is given."""

from db.embedded.server import EmbeddedServer, ServerStatus

__all__ = ["EmbeddedServer", "ServerStatus"]
