"""The chains fetched last, shared by all processes for a short time, so that nobody fetches one twice.

A symbol's chain is fetched by one at a time: whoever does holds a lease, and one that was killed loses it in time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from db import snapshots
from db.engine import Database
from scanner.model import ChainSnapshot

LEASE_SECONDS: Final = 60.0

_TAKE: Final = """
    insert into chain_cache as cached (symbol, fetching_until)
    values (%(symbol)s, clock_timestamp() + make_interval(secs => %(lease)s))
    on conflict (symbol) do update set fetching_until = excluded.fetching_until
    where cached.fetching_until is null or cached.fetching_until <= clock_timestamp()
    returning 1
"""
_STORE: Final = """
    update chain_cache set fetched_at = %s, schema_version = %s, body = %b, fetching_until = null where symbol = %s
"""


class SharedChainCache:
    """The cache of one database. Errors of every method: DatabaseError subclasses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, symbol: str, *, since: datetime) -> ChainSnapshot | None:
        """The chain fetched last of `symbol`, where that was not before `since`."""
        with self._database.connection() as connection:
            row = connection.execute(
                "select body, schema_version from chain_cache where symbol = %s and fetched_at >= %s",
                [symbol, since],
                binary=True,
            ).fetchone()
        return None if row is None or row[1] != snapshots.SCHEMA_VERSION else snapshots.decode(*row)

    def take(self, symbol: str) -> bool:
        """Take the lease to fetch `symbol`. False while somebody else holds it."""
        with self._database.connection() as connection:
            row = connection.execute(_TAKE, {"symbol": symbol, "lease": LEASE_SECONDS}).fetchone()
        return row is not None

    def store(self, snapshot: ChainSnapshot) -> None:
        """Keep a chain and give the lease back."""
        values = [snapshot.fetched_at, snapshots.SCHEMA_VERSION, snapshots.encode(snapshot), snapshot.symbol]
        with self._database.connection() as connection:
            connection.execute(_STORE, values)

    def give_back(self, symbol: str) -> None:
        """Give the lease back without a chain."""
        with self._database.connection() as connection:
            connection.execute("update chain_cache set fetching_until = null where symbol = %s", [symbol])

    def drop_before(self, instant: datetime) -> None:
        """Forget chains fetched before `instant`."""
        with self._database.connection() as connection:
            connection.execute(
                "delete from chain_cache where coalesce(fetched_at, '-infinity') < %s "
                "and coalesce(fetching_until, '-infinity') < clock_timestamp()",
                [instant],
            )
