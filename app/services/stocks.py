"""The universe: which symbols are synced, what is known about them, how fresh it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd

from db import stocks
from db.engine import Database
from scanner.model import ReferenceData
from scanner.schema import Column, Schema
from scanner.symbols import DEFAULT_UNIVERSE, parse_symbols

OVERVIEW: Final = Schema(
    "stock overview",
    (
        Column("symbol", "text", "underlying symbol"),
        Column("name", "text", "company", null=True),
        Column("sector", "text", "sector", null=True),
        Column("last_price", "number", "$/share", null=True, least=0),
        Column("change_pct", "number", "%", null=True),
        Column("next_earnings", "date", "next earnings date", null=True),
        Column("earnings_state", "text", "confirmed, estimated or unknown"),
        Column("ex_dividend_date", "date", "next ex-dividend date", null=True),
        Column("synced_at", "instant", "when its chain was last stored", null=True),
        Column("sync_age_seconds", "number", "s since then", null=True),
        Column("contracts", "integer", "contracts stored", least=0),
        Column("last_error", "text", "what the last sync failed with", null=True),
    ),
)
"""One row per stock of the universe."""


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
        """All symbols of the universe, alphabetically."""
        with self._database.connection() as connection:
            return stocks.symbols(connection)

    def overview(self) -> pd.DataFrame:
        """The universe as an `OVERVIEW` frame, alphabetically."""
        with self._database.connection() as connection:
            rows = stocks.overview(connection)
        if not rows:
            return OVERVIEW.empty()
        frame = pd.DataFrame([asdict(row) for row in rows])
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
        with self._database.connection() as connection:
            added = stocks.add(connection, parsed.symbols, now=self._clock())
        known = tuple(symbol for symbol in parsed.symbols if symbol not in added)
        return AddReport(added=added, duplicate=known, invalid=parsed.invalid)

    def seed(self) -> tuple[str, ...]:
        """Put the default universe into a database without any stock; return the symbols added."""
        with self._database.connection() as connection:
            if stocks.symbols(connection):
                return ()
            return stocks.add(connection, self._universe, now=self._clock())
