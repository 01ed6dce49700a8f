"""A PostgreSQL of the benchmark's own, as the product runs it, with a migrated database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.embedded import EmbeddedServer
from db.engine import Database, create_database_if_missing, migrate, open_database
from scanner.model import Mode


@contextmanager
def database() -> Iterator[Database]:
    """An empty database of the embedded server in a temporary directory; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="options-scanner-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer(Path(folder) / "database")
        server.start()
        try:
            dsn = server.dsn("benchmark")
            create_database_if_missing(dsn)
            migrate(dsn, mode=Mode.SIMULATED)
            opened = open_database(dsn, mode=Mode.SIMULATED, statement_timeout_seconds=600)
            yield opened
            opened.close()
        finally:
            server.stop()
