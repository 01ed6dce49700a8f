"""The workers and their queue, as people look at them."""

from __future__ import annotations

from db import jobs, workers
from db.engine import Database
from db.jobs import QueueLine
from db.workers import AliveWorker

__all__ = ["AliveWorker", "MachineryService", "QueueLine"]


class MachineryService:
    """Reads what workers do; starts and stops nothing."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def workers(self) -> tuple[AliveWorker, ...]:
        """The workers that are alive, on whatever machine."""
        with self._database.connection() as connection:
            return workers.alive(connection)

    def queue(self) -> tuple[QueueLine, ...]:
        """What waits and what is being done, by kind of job."""
        with self._database.connection() as connection:
            return jobs.queue(connection)
