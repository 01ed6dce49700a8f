"""Slow facts and closes of the stocks: once a day each, with a call budget of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from db import daily_closes, data_version, stocks
from db.engine import Database
from scanner.errors import RateLimitedError, SourceError, SourceUnavailableError, SymbolNotFoundError
from scanner.model import DailyClose, ReferenceData
from scanner.sources.base import ReferenceSource

KEPT: Final = timedelta(hours=24)
AFTER_FAILURE: Final = timedelta(hours=6)

logger = structlog.get_logger(__name__)


class ReferenceService:
    """Refreshes what is older than a day. `source` is called once, and gives None where a mode has no such source.

    A symbol that fails is left alone for six hours by this process; when the vendor itself fails, the round ends and
    the next one begins anew.
    """

    def __init__(
        self,
        *,
        database: Database,
        source: Callable[[], ReferenceSource | None],
        clock: Callable[[], datetime],
        per_round: int,
    ) -> None:
        self._database = database
        self._source = source
        self._clock = clock
        self._per_round = per_round
        self._busy = threading.Lock()
        self._failed_at: dict[str, datetime] = {}

    def refresh(self) -> int:
        """One round: fetch what is due, at most `per_round`, one after another; return how many were stored.

        A round that is still going on in this process is not joined: 0.
        """
        source = self._source()
        if source is None or not self._busy.acquire(blocking=False):
            return 0
        try:
            return self._round(source)
        finally:
            self._busy.release()

    def _round(self, source: ReferenceSource) -> int:
        with self._database.connection() as connection:
            due = stocks.without_reference_since(connection, self._clock() - KEPT)
        stored = 0
        for symbol in [symbol for symbol in due if not self._failed_lately(symbol)][: self._per_round]:
            try:
                reference = source.reference(symbol)
            except (SourceUnavailableError, RateLimitedError) as error:
                logger.warning("reference data round ended early", symbol=symbol, error=str(error))
                break
            except SourceError as error:
                if isinstance(error, SymbolNotFoundError):
                    self._note_check(symbol, type(error).__name__)
                self._failed_at[symbol] = self._clock()
                logger.warning("no reference data", symbol=symbol, error=str(error))
                continue
            self._store(source.name, reference, _closes(source, symbol))
            stored += 1
        if stored:
            with self._database.connection() as connection:
                data_version.advance(connection)
        return stored

    def _store(self, source: str, reference: ReferenceData, closes: Sequence[DailyClose] | None) -> None:
        symbol, now = reference.symbol, self._clock()
        with self._database.connection() as connection:
            stocks.store_reference(connection, reference)
            stocks.note_check(connection, symbol, None, now=now)
            if closes is not None:
                daily_closes.replace(connection, symbol, closes, source=source, fetched_at=now)

    def _note_check(self, symbol: str, error_class: str | None) -> None:
        with self._database.connection() as connection:
            stocks.note_check(connection, symbol, error_class, now=self._clock())

    def _failed_lately(self, symbol: str) -> bool:
        failed_at = self._failed_at.get(symbol)
        return failed_at is not None and self._clock() - failed_at < AFTER_FAILURE


def _closes(source: ReferenceSource, symbol: str) -> Sequence[DailyClose] | None:
    """None where the source gives none now: those that are stored stay."""
    try:
        return source.closes(symbol)
    except SourceError as error:
        logger.warning("no daily closes", symbol=symbol, error=str(error))
        return None
