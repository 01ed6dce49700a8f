"""Alerts: open while their cause lasts, told once by whoever claims them first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from psycopg import Connection
from psycopg.rows import class_row

LEASE: Final = timedelta(minutes=5)
"""Who claimed an alert and has not told it by then is taken for dead."""

MAX_ATTEMPTS: Final = 3
_LOCK: Final = 7_240_303
"""Key of the advisory lock held while alerts are claimed: two claims at once would both be within the limit."""


class Cause(Protocol):
    """What `note` keeps of an alert (app.services.alert_rules.Alert)."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def daily(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """One episode. `targets`: kinds that were told, never an address. `state`: new, sending, told, failed, muted."""

    alert_id: int
    kind: str
    title: str
    body: str
    first_seen: datetime
    ended_at: datetime | None
    state: str
    attempts: int
    told_at: datetime | None
    targets: str
    error: str | None


def note(connection: Connection[Any], causes: Sequence[Cause], *, now: datetime, muted: bool) -> None:
    """Open an episode for each cause that has none, and end those whose cause is gone. `muted`: none is to be told."""
    keys = [cause.key for cause in causes]
    connection.execute(
        "update alerts set ended_at = %s where ended_at is null and not (key = any(%s::text[]))", [now, keys]
    )
    for cause in causes:
        connection.execute(
            "update alerts set last_seen = %(now)s, ended_at = null "
            "where key = %(key)s and (ended_at is null or %(daily)s)",
            {"now": now, "key": cause.key, "daily": cause.daily},
        )
        connection.execute(
            """
            insert into alerts (key, kind, title, body, first_seen, last_seen, state)
            select %(key)s, %(kind)s, %(title)s, %(body)s, %(now)s, %(now)s, %(state)s
            where not exists (select from alerts where key = %(key)s and (ended_at is null or %(daily)s))
            on conflict do nothing
            """,
            {
                "key": cause.key,
                "kind": cause.kind,
                "title": cause.title,
                "body": cause.body,
                "daily": cause.daily,
                "now": now,
                "state": "muted" if muted else "new",
            },
        )


def claim(connection: Connection[Any], *, now: datetime, most_an_hour: int) -> tuple[StoredAlert, ...]:
    """All alerts that are to be told, for this caller alone; nothing while the messages of an hour are used up."""
    connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
    row = connection.execute(
        "select count(distinct told_at) from alerts where told_at > %s", [now - timedelta(hours=1)]
    ).fetchone()
    if row is None or row[0] >= most_an_hour:
        return ()
    cursor = connection.cursor(row_factory=class_row(StoredAlert))
    cursor.execute(
        f"""
        update alerts set state = 'sending', sending_since = %(now)s, attempts = attempts + 1
        where state = 'new' or (state = 'sending' and sending_since < %(dead)s)
        returning {_COLUMNS}
        """,  # noqa: S608 our own text
        {"now": now, "dead": now - LEASE},
    )
    return tuple(sorted(cursor, key=lambda alert: alert.alert_id))


def told(connection: Connection[Any], ids: Sequence[int], *, targets: str, error: str | None, now: datetime) -> None:
    """At least one target was reached; `error` says what became of others."""
    connection.execute(
        "update alerts set state = 'told', told_at = %s, targets = %s, error = %s where alert_id = any(%s)",
        [now, targets, error, list(ids)],
    )


def not_told(connection: Connection[Any], ids: Sequence[int], *, error: str) -> None:
    """No target was reached: again later, at most `MAX_ATTEMPTS` times."""
    connection.execute(
        "update alerts set state = case when attempts >= %s then 'failed' else 'new' end, error = %s "
        "where alert_id = any(%s)",
        [MAX_ATTEMPTS, error, list(ids)],
    )


def latest(connection: Connection[Any], *, limit: int) -> tuple[StoredAlert, ...]:
    """The latest episodes, newest first."""
    cursor = connection.cursor(row_factory=class_row(StoredAlert))
    return tuple(cursor.execute(f"select {_COLUMNS} from alerts order by alert_id desc limit %s", [limit]))  # noqa: S608


def drop_before(connection: Connection[Any], before: datetime) -> None:
    connection.execute("delete from alerts where ended_at < %s", [before])


_COLUMNS: Final = "alert_id, kind, title, body, first_seen, ended_at, state, attempts, told_at, targets, error"
