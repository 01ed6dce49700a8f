"""The universe: which symbols are synced, what is known about them, how fresh it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import pandas as pd

from app.services.job_names import REFERENCE_TASK
from db import data_version, jobs, stocks
from db.engine import Database
from db.stocks import StockOverview
from scanner.errors import InputError, NoOptionsError, SymbolNotFoundError
from scanner.model import ReferenceData
from scanner.schema import Column, Schema
from scanner.symbols import DEFAULT_UNIVERSE, parse_symbols
from scanner.universes import ready_universe

OVERVIEW: Final = Schema(
    "stock overview",
    (
        Column("symbol", "text", "underlying symbol"),
        Column("active", "flag", "whether it is synced"),
        Column("state", "text", "what the sources said of it: see StockState"),
        Column("name", "text", "company", null=True),
        Column("sector", "text", "sector", null=True),
        Column("industry", "text", "industry", null=True),
        Column("market_cap", "number", "$", null=True, least=0),
        Column("last_price", "number", "$/share", null=True, least=0),
        Column("change_pct", "number", "%", null=True),
        Column("next_earnings", "date", "next earnings date", null=True),
        Column("earnings_state", "text", "confirmed, estimated, unknown or none"),
        Column("ex_dividend_date", "date", "next ex-dividend date", null=True),
        Column("synced_at", "instant", "when its chain was last stored", null=True),
        Column("sync_age_seconds", "number", "s since then", null=True),
        Column("chain_source", "text", "where its stored chain comes from", null=True),
        Column("contracts", "integer", "contracts stored", least=0),
        Column("last_error", "text", "what the last sync failed with", null=True),
    ),
)
"""One row per stock that was not deleted."""


class StockState(StrEnum):
    """What the sources said of a symbol when they were asked for it."""

    HAS_OPTIONS = "has options"
    NO_OPTIONS = "no options"
    UNKNOWN = "unknown to the source"
    KNOWN = "known, not synced"
    NOT_CHECKED = "not checked yet"


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of a pasted list: `added` are new, `duplicate` were there, `invalid` could not be read."""

    added: tuple[str, ...]
    duplicate: tuple[str, ...]
    invalid: tuple[str, ...]


class StockService:
    """Reads and extends the universe. `universe` are the symbols a new database begins with."""

    def __init__(
        self, *, database: Database, clock: Callable[[], datetime], universe: Sequence[str] = DEFAULT_UNIVERSE
    ) -> None:
        self._database = database
        self._clock = clock
        self._universe = universe

    def symbols(self) -> tuple[str, ...]:
        """All active symbols, alphabetically."""
        with self._database.connection() as connection:
            return stocks.symbols(connection)

    def overview(self) -> pd.DataFrame:
        """Active and inactive stocks as an `OVERVIEW` frame, alphabetically."""
        with self._database.connection() as connection:
            rows = stocks.overview(connection)
        if not rows:
            return OVERVIEW.empty()
        frame = pd.DataFrame([asdict(row) for row in rows])
        frame["state"] = [stock_state(row).value for row in rows]
        frame["earnings_state"] = [row.earnings_state.value for row in rows]
        frame["synced_at"] = pd.to_datetime(frame["synced_at"], utc=True)
        frame["sync_age_seconds"] = (pd.Timestamp(self._clock()) - frame["synced_at"]).dt.total_seconds()
        dtypes: dict[str, Any] = {column.name: column.dtype for column in OVERVIEW.columns}
        return frame[OVERVIEW.names].astype(dtypes)

    def reference(self, symbols: Sequence[str]) -> dict[str, ReferenceData]:
        """Stored slow facts of `symbols`; those never fetched are missing from the answer."""
        with self._database.connection() as connection:
            return stocks.references(connection, symbols)

    def add(self, text: str) -> AddReport:
        """Add the symbols of a pasted list to the universe. They have data after the next sync."""
        parsed = parse_symbols(text)
        added, known = self._add(parsed.symbols)
        return AddReport(added=added, duplicate=known, invalid=parsed.invalid)

    def add_universe(self, name: str) -> AddReport:
        """Add a ready universe. Raises InputError for a name that is none."""
        ready = ready_universe(name)
        added, known = self._add(ready.symbols)
        return AddReport(added=added, duplicate=known, invalid=ready.invalid)

    def _add(self, symbols: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Those that are new and those that were there. A worker asks the source for the new ones at once."""
        with self._database.connection() as connection:
            added = stocks.add(connection, symbols, now=self._clock())
            if added:
                jobs.defer(connection, REFERENCE_TASK, [{}])
                data_version.advance(connection)
        new = set(added)
        return added, tuple(symbol for symbol in symbols if symbol not in new)

    def activate(self, symbols: Sequence[str]) -> int:
        """Sync these again; how many were inactive."""
        return len(self._add(symbols)[0])

    def deactivate(self, symbols: Sequence[str]) -> int:
        """Sync these no more; what is stored of them stays. How many were active."""
        with self._database.connection() as connection:
            data_version.advance(connection)
            return stocks.deactivate(connection, symbols)

    def delete(self, symbols: Sequence[str]) -> int:
        """Drop everything current of these; return how many contracts. Raises InputError during their sync."""
        with self._database.connection() as connection:
            if busy := stocks.in_work(connection, symbols):
                raise InputError(f"{', '.join(busy[:10])} is being synced. Wait for the sync to end, or cancel it")
            data_version.advance(connection)
            return stocks.delete(connection, symbols, now=self._clock())

    def seed(self) -> tuple[str, ...]:
        """Put the default universe into a new database, once for ever; return the symbols added."""
        with self._database.connection() as connection:
            if not stocks.claim_seeding(connection, now=self._clock()):
                return ()
            return stocks.add(connection, self._universe, now=self._clock())


def stock_state(row: StockOverview) -> StockState:
    """Stored rows say more than the last error, that more than the check of a new symbol."""
    said = (row.last_error or "").partition(":")[0] or row.check_error
    if row.synced_at is not None:
        return StockState.HAS_OPTIONS
    if said == NoOptionsError.__name__:
        return StockState.NO_OPTIONS
    if said == SymbolNotFoundError.__name__:
        return StockState.UNKNOWN
    return StockState.KNOWN if row.checked_at is not None else StockState.NOT_CHECKED
