"""Rate limits that hold over all processes and machines: GCRA, one row a source and credential, one statement a turn.

The generic cell rate algorithm (ITU-T I.371, virtual scheduling): a row holds the theoretical arrival time of the next
call; a call is due when that is less than the tolerance away, and moves it on by one interval. The row's lock makes
turns first come, first served. Time is the server's.
"""

from __future__ import annotations

from typing import Final

from db.engine import Database
from scanner.errors import DatabaseError
from scanner.sources.resilience import RateLimit

_RESERVE: Final = """
    with clock as materialized (select extract(epoch from clock_timestamp())::double precision as now)
    insert into source_turns as turn (key, due)
    select %(key)s, now + %(interval)s from clock
    on conflict (key) do update set due = greatest(turn.due, excluded.due - %(interval)s) + %(interval)s
    where turn.due - (excluded.due - %(interval)s) - %(tolerance)s <= %(patience)s
    returning due - %(interval)s - %(tolerance)s - (select now from clock)
"""
_LOOK: Final = """
    select due - %(tolerance)s - extract(epoch from clock_timestamp())::double precision
    from source_turns
    where key = %(key)s
"""
_POSTPONE: Final = """
    insert into source_turns as turn (key, due)
    values (%(key)s, extract(epoch from clock_timestamp()) + %(seconds)s + %(tolerance)s)
    on conflict (key) do update set due = greatest(turn.due, excluded.due)
"""


class SharedLimiter:
    """The turns of `key` (a source and a fingerprint of its credential) among all who use this database."""

    def __init__(self, database: Database, key: str, limit: RateLimit) -> None:
        self._database = database
        self._parameters = {
            "key": key,
            "interval": limit.interval_seconds,
            "tolerance": limit.tolerance_seconds,
        }

    def reserve(self, *, patience_seconds: float) -> tuple[float, bool]:
        """See `Limiter`. Errors: DatabaseError subclasses."""
        parameters = {**self._parameters, "patience": patience_seconds}
        with self._database.connection() as connection:
            row = connection.execute(_RESERVE, parameters).fetchone()
            if row is not None:
                return max(0.0, float(row[0])), True
            row = connection.execute(_LOOK, parameters).fetchone()
        if row is None:
            raise DatabaseError(f"the turns of {self._parameters['key']} have been removed. Try again")
        return max(0.0, float(row[0])), False

    def postpone(self, seconds: float) -> None:
        """See `Limiter`. Errors: DatabaseError subclasses."""
        with self._database.connection() as connection:
            connection.execute(_POSTPONE, {**self._parameters, "seconds": seconds})
