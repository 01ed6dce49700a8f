"""Watchlists as they are stored: entry by entry, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from scanner.errors import InputError


@dataclass(frozen=True, slots=True)
class WatchlistHead:
    """A list without its entries. `symbols` have options here, `others` do not. `synced_at`: asked for."""

    watchlist_id: int
    name: str
    colour: str
    symbols: int
    others: int
    synced_at: datetime | None
    run_id: int | None


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry: `kind` symbol or section; `symbol` canonical, None with a `reason` or for a section."""

    kind: str
    text: str
    before: str
    symbol: str | None
    reason: str | None


def heads(connection: Connection[Any], owner_id: int | None) -> tuple[WatchlistHead, ...]:
    """The lists of an owner in their order."""
    cursor = connection.cursor(row_factory=class_row(WatchlistHead))
    cursor.execute(
        """
        select list.watchlist_id, list.name, list.colour,
            (select count(distinct symbol) from tv_watchlist_symbols as one
                where one.watchlist_id = list.watchlist_id)::int as symbols,
            (select count(*) from tv_watchlist_symbols as one
                where one.watchlist_id = list.watchlist_id and one.reason is not null)::int as others,
            last.requested_at as synced_at, last.run_id
        from tv_watchlists as list
        left join lateral (
            select requested_at, run_id from tv_sync_history as history
            where history.watchlist_id = list.watchlist_id order by requested_at desc limit 1
        ) as last on true
        where list.owner_id is not distinct from %s and list.deleted_at is null
        order by list.position, list.watchlist_id
        """,
        [owner_id],
    )
    return tuple(cursor)


def create(connection: Connection[Any], name: str, *, owner_id: int | None, now: datetime) -> int:
    """Make an empty list at the end and return its id. Raises InputError for a name that is taken."""
    try:
        row = connection.execute(
            "insert into tv_watchlists (owner_id, name, position, created_at, changed_at) values (%(owner)s, %(name)s, "
            "(select coalesce(max(position), 0) + 1 from tv_watchlists where owner_id is not distinct from %(owner)s), "
            "%(now)s, %(now)s) returning watchlist_id",
            {"owner": owner_id, "name": name, "now": now},
        ).fetchone()
    except UniqueViolation as error:
        raise InputError(f"there is a list named {name} already. Choose another name") from error
    if row is None:
        raise LookupError("the list was not made")
    return int(row[0])


def rename(connection: Connection[Any], watchlist_id: int, name: str, *, owner_id: int | None, now: datetime) -> None:
    """Raises InputError for a name that is taken."""
    try:
        _change(connection, "name = %s", name, watchlist_id, owner_id, now)
    except UniqueViolation as error:
        raise InputError(f"there is a list named {name} already. Choose another name") from error


def set_colour(
    connection: Connection[Any], watchlist_id: int, colour: str, *, owner_id: int | None, now: datetime
) -> None:
    _change(connection, "colour = %s", colour, watchlist_id, owner_id, now)


def set_deleted(
    connection: Connection[Any], watchlist_id: int, deleted_at: datetime | None, *, owner_id: int | None, now: datetime
) -> None:
    """Delete a list, or with None take that back. Raises InputError where its name was taken meanwhile."""
    try:
        _change(connection, "deleted_at = %s", deleted_at, watchlist_id, owner_id, now)
    except UniqueViolation as error:
        raise InputError("another list has its name now. Rename that one first") from error


def reorder(connection: Connection[Any], ids: Sequence[int], *, owner_id: int | None) -> None:
    """Put lists in this order; those not named come after, as they were."""
    connection.execute(
        "update tv_watchlists set position = given.place "
        "from unnest(%s::bigint[]) with ordinality as given (id, place) "
        "where watchlist_id = given.id and owner_id is not distinct from %s",
        [list(ids), owner_id],
    )


def entries(connection: Connection[Any], watchlist_id: int, *, owner_id: int | None) -> tuple[StoredEntry, ...]:
    """The entries of a list in order; none where the owner has no such list."""
    cursor = connection.cursor(row_factory=class_row(StoredEntry))
    cursor.execute(
        "select one.kind, one.text, one.before, one.symbol, one.reason from tv_watchlist_symbols as one "
        "join tv_watchlists as list using (watchlist_id) "
        "where watchlist_id = %s and list.owner_id is not distinct from %s and list.deleted_at is null "
        "order by one.position",
        [watchlist_id, owner_id],
    )
    return tuple(cursor)


def tail(connection: Connection[Any], watchlist_id: int) -> str:
    row = connection.execute("select tail from tv_watchlists where watchlist_id = %s", [watchlist_id]).fetchone()
    return "" if row is None else str(row[0])


def replace(
    connection: Connection[Any],
    watchlist_id: int,
    found: Sequence[StoredEntry],
    *,
    tail: str,
    owner_id: int | None,
    now: datetime,
) -> None:
    """Let a list have these entries."""
    _change(connection, "tail = %s", tail, watchlist_id, owner_id, now)
    connection.execute("delete from tv_watchlist_symbols where watchlist_id = %s", [watchlist_id])
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into tv_watchlist_symbols (watchlist_id, position, owner_id, kind, text, before, symbol, reason) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (watchlist_id, place, owner_id, one.kind, one.text, one.before, one.symbol, one.reason)
                for place, one in enumerate(found)
            ],
        )


def note_sync(
    connection: Connection[Any], watchlist_id: int, run_id: int, symbols: int, *, owner_id: int | None, now: datetime
) -> None:
    connection.execute(
        "insert into tv_sync_history (watchlist_id, run_id, owner_id, requested_at, symbols) "
        "values (%s, %s, %s, %s, %s) on conflict (watchlist_id, run_id) "
        "do update set requested_at = excluded.requested_at, symbols = excluded.symbols",
        [watchlist_id, run_id, owner_id, now, symbols],
    )


def drop_deleted(connection: Connection[Any], *, before: datetime) -> None:
    connection.execute("delete from tv_watchlists where deleted_at < %s", [before])


def _change(
    connection: Connection[Any], change: str, value: object, watchlist_id: int, owner_id: int | None, now: datetime
) -> None:
    """Raises InputError where the owner has no such list."""
    cursor = connection.execute(
        f"update tv_watchlists set {change}, changed_at = %s "  # noqa: S608 our own text
        "where watchlist_id = %s and owner_id is not distinct from %s".encode(),
        [value, now, watchlist_id, owner_id],
    )
    if cursor.rowcount != 1:
        raise InputError("there is no such list any more. Choose another one")
