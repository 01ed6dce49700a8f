"""Rate limits that hold over all processes and machines: GCRA, one row a source and credential, one statement a turn.

The generic cell rate algorithm (ITU-T I.371, virtual scheduling): a row holds the theoretical arrival time of the next
call; a call is due when that is less than the tolerance away, and moves it on by one interval. The row's lock makes
turns first come, first served. Time is the server's; a row further ahead than anybody may have put it is left from a
clock that was set back since, and begins anew without a burst.
"""

from __future__ import annotations

from typing import Any, Final

from db.engine import Database
from scanner.errors import DatabaseError
from scanner.sources.resilience import LONGEST_PAUSE_SECONDS, RateLimit

_RESERVE: Final = """
    with clock as materialized (select extract(epoch from clock_timestamp())::double precision as now)
    insert into source_turns as turn (key, due)
    select %(key)s, now + %(interval)s from clock
    on conflict (key) do update set due = %(interval)s + case
        when turn.due - (excluded.due - %(interval)s) > %(furthest)s then excluded.due - %(interval)s + %(tolerance)s
        else greatest(turn.due, excluded.due - %(interval)s)
    end
    where turn.due - (excluded.due - %(interval)s) - %(tolerance)s <= %(patience)s
        or turn.due - (excluded.due - %(interval)s) > %(furthest)s
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
    returning due
"""


class SharedLimiter:
    """The turns of `key` (a source and a fingerprint of its credential) among all who use this database."""

    def __init__(self, database: Database, key: str, limit: RateLimit) -> None:
        self._database = database
        self._steps = limit.interval_seconds, limit.tolerance_seconds
        self._parameters = {
            "key": key,
            "interval": limit.interval_seconds,
            "tolerance": limit.tolerance_seconds,
        }

    def reserve(self, *, patience_seconds: float) -> tuple[float, bool]:
        """See `Limiter`. Errors: DatabaseError subclasses."""
        furthest = max(LONGEST_PAUSE_SECONDS, patience_seconds) + sum(self._steps)
        row = self._row(_RESERVE, patience=patience_seconds, furthest=furthest)
        if row is not None:
            return max(0.0, float(row[0])), True
        row = self._row(_LOOK)
        if row is None:
            raise DatabaseError(f"the turns of {self._parameters['key']} have been removed. Try again")
        return max(0.0, float(row[0])), False

    def postpone(self, seconds: float) -> None:
        """See `Limiter`. Errors: DatabaseError subclasses."""
        self._row(_POSTPONE, seconds=min(seconds, LONGEST_PAUSE_SECONDS))

    def _row(self, statement: str, **parameters: float) -> tuple[Any, ...] | None:
        """Statement and commit go out together: nobody waits at the row's lock until this process has a core again."""
        with self._database.connection() as connection, connection.pipeline():
            cursor = connection.execute(statement, {**self._parameters, **parameters})
            connection.commit()
            return cursor.fetchone()
