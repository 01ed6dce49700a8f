"""The universe: which symbols are synced, what is known about them, how fresh it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from scanner.model import ReferenceData
from scanner.schema import Column, Schema

OVERVIEW = Schema(
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
    def symbols(self) -> tuple[str, ...]:
        """All symbols of the universe, alphabetically."""
        raise NotImplementedError

    def overview(self) -> pd.DataFrame:
        """The universe as an `OVERVIEW` frame, alphabetically."""
        raise NotImplementedError

    def reference(self, symbols: Sequence[str]) -> dict[str, ReferenceData]:
        """Stored slow facts of `symbols`; those never fetched are missing from the answer."""
        raise NotImplementedError

    def add(self, text: str) -> AddReport:
        """Add the symbols of a pasted list to the universe. They have data after the next sync."""
        raise NotImplementedError
