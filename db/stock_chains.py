"""Where each stock's current rows come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from scanner.model import STRIKES_EACH_SIDE, SkippedSource


@dataclass(frozen=True, slots=True)
class ChainOrigin:
    """The stored chain of one symbol: its source, its times, what it lacks and who was asked before it."""

    symbol: str
    source: str
    fetched_at: datetime
    answer_time: datetime | None
    contracts: int
    unreadable: int
    missing_expirations: tuple[date, ...]
    skipped: tuple[SkippedSource, ...]
    notes: Mapping[str, int]

    @property
    def complete(self) -> bool:
        return not self.missing_expirations and not self.unreadable and STRIKES_EACH_SIDE not in self.notes


def origins(connection: Connection[Any], symbols: Sequence[str]) -> dict[str, ChainOrigin]:
    """The origin of the current rows of these symbols; those without any are left out."""
    rows = connection.cursor(row_factory=dict_row).execute(
        """
        select symbol, source, fetched_at, answer_time, contracts, unreadable, missing_expirations, skipped, notes
        from stock_chains
        where symbol = any(%s::text[])
        order by symbol
        """,
        [list(symbols)],
    )
    return {row["symbol"]: _origin(row) for row in rows}


def _origin(row: dict[str, Any]) -> ChainOrigin:
    skipped = tuple(SkippedSource(*one) for one in row["skipped"])
    return ChainOrigin(**{**row, "missing_expirations": tuple(row["missing_expirations"]), "skipped": skipped})
