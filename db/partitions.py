"""Partitions of `stock_premiums` (months of expiration), `chain_snapshots` (UTC days of fetching) and what flow scans
find (UTC days of their slots).

Created by attaching: unlike `CREATE TABLE ... PARTITION OF` that locks out no reader or writer of the parent.
Several workers may create at once; an advisory lock makes them take turns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg import Connection, Cursor, sql

from scanner.errors import InputError

FLOW_TABLES: Final = ("whale_flows", "oi_flows", "skew_metrics", "opportunities")

_LOCK: Final = 7_240_301
"""Key of the advisory lock held while partitions are created or dropped."""

_MILLISECONDS_TO_LOCK: Final = 2_000


@dataclass(frozen=True, slots=True)
class Span:
    """One partition: the rows from `first` to the day before `end`."""

    name: str
    first: date
    end: date


def premium_month(expiration: date) -> Span:
    """The partition of `stock_premiums` with this expiration."""
    first = expiration.replace(day=1)
    end = (first + timedelta(days=31)).replace(day=1)
    return Span(f"stock_premiums_{first:%Y_%m}", first, end)


def snapshot_day(day: date) -> Span:
    """The partition of `chain_snapshots` with chains fetched on this UTC day."""
    if isinstance(day, datetime):
        raise InputError(f"{day} is an instant where a UTC day is needed")
    return Span(f"chain_snapshots_{day:%Y_%m_%d}", day, day + timedelta(days=1))


def flow_day(parent: str, day: date) -> Span:
    """The partition of one of `FLOW_TABLES` with the scans of this UTC day."""
    if isinstance(day, datetime):
        raise InputError(f"{day} is an instant where a UTC day is needed")
    return Span(f"{parent}_{day:%Y_%m_%d}", day, day + timedelta(days=1))


def ensure_premium_partitions(connection: Connection[Any], expirations: Iterable[date]) -> tuple[str, ...]:
    """Create the missing partitions for these expirations in one transaction; return the names created."""
    return _ensure(connection, "stock_premiums", {premium_month(day) for day in expirations})


def ensure_snapshot_partitions(connection: Connection[Any], days: Iterable[date]) -> tuple[str, ...]:
    """Create the missing partitions for these UTC days in one transaction; return the names created."""
    return _ensure(connection, "chain_snapshots", {snapshot_day(day) for day in days})


def ensure_flow_partitions(connection: Connection[Any], days: Iterable[date]) -> tuple[str, ...]:
    """Create the missing partitions of all `FLOW_TABLES` for these UTC days; return the names created."""
    wanted = set(days)
    created = [_ensure(connection, parent, {flow_day(parent, day) for day in wanted}) for parent in FLOW_TABLES]
    return tuple(name for names in created for name in names)


def drop_expired_premium_partitions(connection: Connection[Any], today: date) -> tuple[str, ...]:
    """Drop the months that lie wholly before `today`; return the names dropped.

    Dropping locks the parent for an instant. Where that lock is not free within two seconds, psycopg's
    `LockNotAvailable` is raised and nothing is dropped: call again later.
    """
    return _drop(connection, "stock_premiums", premium_month(today).name)


def drop_snapshot_partitions(connection: Connection[Any], before: date) -> tuple[str, ...]:
    """Drop the days before `before`; return the names dropped. Raises as `drop_expired_premium_partitions`."""
    return _drop(connection, "chain_snapshots", snapshot_day(before).name)


def partitions(connection: Connection[Any], parent: str) -> tuple[str, ...]:
    """Names of the partitions of a table, in order of their range."""
    rows = connection.execute(
        "select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass order by 1", [parent]
    )
    return tuple(name for (name,) in rows)


def missing(connection: Connection[Any], spans: Iterable[Span]) -> Cursor[tuple[str]]:
    """Asks for the names of the partitions among `spans` that do not exist.

    From the catalogue itself: `to_regclass` would answer from a cache that does not notice, within a transaction,
    what another one created meanwhile.
    """
    return connection.execute(
        "select name from unnest(%s::text[]) as name "
        "where not exists (select from pg_class where relname = name and pg_table_is_visible(oid))",
        [[span.name for span in spans]],
    )


def _ensure(connection: Connection[Any], parent: str, spans: set[Span]) -> tuple[str, ...]:
    if missing(connection, spans).fetchone() is None:
        return ()
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        absent = {name for (name,) in missing(connection, spans)}
        created = sorted((span for span in spans if span.name in absent), key=lambda span: span.first)
        for span in created:
            _create(connection, parent, span)
    return tuple(span.name for span in created)


def _create(connection: Connection[Any], parent: str, span: Span) -> None:
    names = {"child": sql.Identifier(span.name), "parent": sql.Identifier(parent)}
    bounds = {"first": sql.Literal(f"{span.first} 00:00:00+00"), "end": sql.Literal(f"{span.end} 00:00:00+00")}
    connection.execute(
        sql.SQL(
            "create table {child} (like {parent} including defaults including constraints including generated "
            "including indexes including storage)"
        ).format(**names)
    )
    connection.execute(
        sql.SQL("alter table {parent} attach partition {child} for values from ({first}) to ({end})").format(
            **names, **bounds
        )
    )


def _drop(connection: Connection[Any], parent: str, first_kept: str) -> tuple[str, ...]:
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(_MILLISECONDS_TO_LOCK)))
        dropped = tuple(name for name in partitions(connection, parent) if name < first_kept)
        for name in dropped:
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
    return dropped
