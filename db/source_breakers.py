"""Circuit breakers that all processes share: one row a source, time is the server's."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from db.engine import Database
from scanner.errors import SourceError
from scanner.sources.resilience import PROBE_WAIT_SECONDS, BreakerPolicy, Outcome

_MESSAGE_LENGTH: Final = 500


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(frozen=True, slots=True)
class BreakerView:
    """Where a breaker stands. `error_class` and `error_message` are of the last failure, kept after it closed."""

    key: str
    state: BreakerState
    failures: int
    open_until: datetime | None
    error_class: str | None
    error_message: str | None
    changed_at: datetime


_SUSPENDED: Final = """
    select greatest(
        extract(epoch from open_until - clock_timestamp()),
        case when probe_until is distinct from %(mine)s::timestamptz then
            least(extract(epoch from probe_until - clock_timestamp()), %(look)s)
        end,
        0
    )::double precision
    from source_breakers
    where key = %(key)s and open_until is not null
"""
_PROBE: Final = """
    update source_breakers
    set probe_until = clock_timestamp() + make_interval(secs => %(probe)s), changed_at = clock_timestamp()
    where key = %(key)s and open_until <= clock_timestamp()
        and (probe_until is null or probe_until <= clock_timestamp() or probe_until = %(mine)s::timestamptz)
    returning probe_until
"""
_LEAVE: Final = """
    update source_breakers set probe_until = null where key = %(key)s and probe_until = %(mine)s
"""
_CLOSE: Final = """
    update source_breakers
    set failures = 0, openings = 0, open_until = null, probe_until = null, changed_at = clock_timestamp()
    where key = %(key)s and (failures > 0 or open_until is not null)
"""
_FAIL: Final = """
    insert into source_breakers as breaker (key, failures, openings, open_until, error_class, error_message)
    values (
        %(key)s, 1, (%(threshold)s <= 1)::int,
        case when %(threshold)s <= 1 then clock_timestamp() + make_interval(secs => %(open)s) end,
        %(error_class)s, %(error_message)s
    )
    on conflict (key) do update set
        failures = breaker.failures + 1,
        openings = breaker.openings + (breaker.failures + 1 >= %(threshold)s)::int,
        open_until = case
            when breaker.failures + 1 >= %(threshold)s then greatest(
                breaker.open_until,
                clock_timestamp() + make_interval(
                    secs => least(%(open)s * power(2, least(breaker.openings, 30)), greatest(%(most)s, %(open)s))
                )
            )
            else breaker.open_until
        end,
        probe_until = null,
        error_class = excluded.error_class,
        error_message = excluded.error_message,
        changed_at = clock_timestamp()
    where breaker.open_until is null or breaker.open_until <= clock_timestamp()
"""


class _Probe(threading.local):
    """The lease of this thread where it is the probe."""

    until: datetime | None = None


class SharedBreaker:
    """The breaker of `key` among all who use this database.

    Failures of calls that were sent before it opened do not open it further. While a probe is under way the others are
    told to ask again soon.
    """

    def __init__(self, database: Database, key: str, policy: BreakerPolicy) -> None:
        self._database = database
        self._key = key
        self._policy = policy
        self._probe = _Probe()

    def suspended_seconds(self) -> float:
        """See `Breaker`. Whoever gets 0.0 half open is the probe. Errors: DatabaseError subclasses."""
        mine, self._probe.until = self._probe.until, None
        parameters = {"key": self._key, "probe": self._policy.probe_seconds, "look": PROBE_WAIT_SECONDS}
        with self._database.connection() as connection:
            row = connection.execute(_SUSPENDED, {**parameters, "mine": mine}).fetchone()
            if row is None:
                return 0.0
            if row[0] == 0.0:
                probe = connection.execute(_PROBE, {**parameters, "mine": mine}).fetchone()
                if probe is not None:
                    self._probe.until = probe[0]
                    return 0.0
        return max(float(row[0]), 1.0)

    def report(self, outcome: Outcome, error: SourceError | None) -> None:
        """See `Breaker`. Errors: DatabaseError subclasses."""
        mine, self._probe.until = self._probe.until, None
        if outcome is Outcome.LIMITED and mine is None:
            return
        with self._database.connection() as connection:
            if outcome is Outcome.LIMITED:
                connection.execute(_LEAVE, {"key": self._key, "mine": mine})
            elif outcome is Outcome.ANSWER:
                connection.execute(_CLOSE, {"key": self._key})
            else:
                connection.execute(_FAIL, self._failure(outcome, error))

    def _failure(self, outcome: Outcome, error: SourceError | None) -> dict[str, Any]:
        refused = outcome is Outcome.AUTH
        return {
            "key": self._key,
            "threshold": 1 if refused else self._policy.failures,
            "open": self._policy.auth_seconds if refused else self._policy.open_seconds,
            "most": self._policy.most_seconds,
            "error_class": None if error is None else type(error).__name__,
            "error_message": None if error is None else error.detail[:_MESSAGE_LENGTH],
        }


def close(connection: Connection[Any], key: str) -> None:
    """Close a breaker, for somebody who has mended what it was opened for."""
    connection.execute(_CLOSE, {"key": key})


def let_probe(connection: Connection[Any]) -> None:
    """Let the next call of every source that is left alone probe it: somebody wants to know now."""
    connection.execute(
        "update source_breakers set open_until = clock_timestamp(), probe_until = null, changed_at = clock_timestamp() "
        "where open_until > clock_timestamp()"
    )


def views(connection: Connection[Any]) -> list[BreakerView]:
    """Every breaker that ever saw a failure, alphabetically."""
    rows = connection.cursor(row_factory=dict_row).execute(
        """
        select key, failures, open_until, error_class, error_message, changed_at,
            case
                when open_until is null then 'closed'
                when open_until > clock_timestamp() then 'open'
                else 'half open'
            end as state
        from source_breakers
        order by key
        """
    )
    return [BreakerView(**{**row, "state": BreakerState(row["state"])}) for row in rows]
