"""The services on the settings of the moment: what is changed on the page Settings holds without a new start."""

from __future__ import annotations

import threading
import time
from typing import Final

import structlog

from app.bootstrap import Services, rebuild
from scanner.errors import DatabaseError

CHECK_SECONDS: Final = 3.0
"""How late a process notices changed settings at most, once it is asked for anything."""

logger = structlog.get_logger(__name__)


class CurrentServices:
    """Call it for each piece of work; what was begun on older services ends on them. Safe to share among threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._checking = threading.Lock()
        self._check_at = time.monotonic() + CHECK_SECONDS

    def __call__(self) -> Services:
        if time.monotonic() >= self._check_at and self._checking.acquire(blocking=False):
            try:
                self.refresh()
            finally:
                self._checking.release()
        return self._services

    def refresh(self) -> None:
        """Take over what is stored now. Without a database everything stays as it is."""
        self._check_at = time.monotonic() + CHECK_SECONDS
        try:
            stored = self._services.stored_settings.read()
            if stored != self._services.stored:
                self._services = rebuild(self._services)
                logger.info("settings changed", stored=sorted(stored))
        except DatabaseError as error:
            logger.warning("stored settings cannot be read", error=str(error))
