"""Saved scans and their runs as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db.frames import frame_of, pack, to_batch, unpack
from scanner.errors import DatabaseError, InputError
from scanner.schema import SCAN

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class StoredScan:
    """`definition` is JSON of scanner.saved_scans; `last_due` the instant the latest scheduled run was due at."""

    scan_id: int
    owner_id: int | None
    name: str
    definition: str
    schedule: str | None
    watched: bool
    runs: int
    last_run: datetime | None
    last_due: datetime | None


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run without its rows. `symbols` None: all stocks. `entered`: OCC symbols that were not in the run before."""

    scan_run_id: int
    scan_id: int
    as_of: datetime
    due_at: datetime | None
    definition: str
    symbols: list[str] | None
    rates: Mapping[str, float]
    data_version: int
    fetched: int
    passed: int
    rejected: Mapping[str, int]
    oldest_quote: datetime | None
    newest_quote: datetime | None
    sources: list[str]
    shown: int
    entered: list[str]


@dataclass(frozen=True, slots=True)
class WatchedRun:
    """The latest run of a watched scan with contracts that entered."""

    scan_run_id: int
    name: str
    as_of: datetime
    entered: list[str]


_HEAD: Final = ", ".join(RunHead.__dataclass_fields__)
_SCANS: Final = """
    select scan.scan_id, scan.owner_id, scan.name, scan.definition, scan.schedule, scan.watched,
        count(run.scan_run_id)::int as runs, max(run.as_of) as last_run, max(run.due_at) as last_due
    from saved_scans as scan left join saved_scan_runs as run using (scan_id)
"""


def scans(connection: Connection[Any], owner_id: int | None) -> tuple[StoredScan, ...]:
    """The scans of an owner by name."""
    cursor = connection.cursor(row_factory=class_row(StoredScan))
    cursor.execute(
        f"{_SCANS} where owner_id is not distinct from %s group by scan.scan_id order by lower(name)".encode(),
        [owner_id],
    )
    return tuple(cursor)


def scheduled(connection: Connection[Any]) -> tuple[StoredScan, ...]:
    """Every scan with a schedule, whoever owns it."""
    cursor = connection.cursor(row_factory=class_row(StoredScan))
    cursor.execute(f"{_SCANS} where scan.schedule is not null group by scan.scan_id order by scan.scan_id".encode())
    return tuple(cursor)


def find(connection: Connection[Any], scan_id: int, owner_id: int | None) -> StoredScan:
    """Raises InputError where the owner has no such scan."""
    cursor = connection.cursor(row_factory=class_row(StoredScan))
    cursor.execute(
        f"{_SCANS} where scan.scan_id = %s and scan.owner_id is not distinct from %s group by scan.scan_id".encode(),
        [scan_id, owner_id],
    )
    found = cursor.fetchone()
    if found is None:
        raise InputError("there is no such scan any more. Choose another one")
    return found


def save(connection: Connection[Any], name: str, definition: str, *, owner_id: int | None, now: datetime) -> int:
    """Store a new scan and return its id. Raises InputError for a name that is taken."""
    try:
        row = connection.execute(
            "insert into saved_scans (owner_id, name, definition, created_at, changed_at) values (%s, %s, %s, %s, %s) "
            "returning scan_id",
            [owner_id, name, definition, now, now],
        ).fetchone()
    except UniqueViolation as error:
        raise InputError(f"there is a scan named {name} already. Choose another name, or delete that one") from error
    if row is None:
        raise LookupError("the scan was not stored")
    return int(row[0])


def set_schedule(
    connection: Connection[Any],
    scan_id: int,
    schedule: str | None,
    watched: bool,
    *,
    owner_id: int | None,
    now: datetime,
) -> None:
    connection.execute(
        "update saved_scans set schedule = %s, watched = %s, changed_at = %s "
        "where scan_id = %s and owner_id is not distinct from %s",
        [schedule, watched, now, scan_id, owner_id],
    )


def delete(connection: Connection[Any], scan_id: int, *, owner_id: int | None) -> None:
    connection.execute(
        "delete from saved_scans where scan_id = %s and owner_id is not distinct from %s", [scan_id, owner_id]
    )


def add_run(connection: Connection[Any], run: Mapping[str, Any], rows: pd.DataFrame) -> int | None:
    """Store a run with its `schema.SCAN` rows; its id, None where another process has this due run already."""
    row = connection.execute(
        """
        insert into saved_scan_runs (scan_id, as_of, due_at, definition, symbols, rates, data_version, fetched, passed,
            rejected, oldest_quote, newest_quote, sources, shown, entered, rows, schema_version)
        values (%(scan_id)s, %(as_of)s, %(due_at)s, %(definition)s, %(symbols)s, %(rates)s, %(data_version)s,
            %(fetched)s, %(passed)s, %(rejected)s, %(oldest_quote)s, %(newest_quote)s, %(sources)s, %(shown)s,
            %(entered)s, %(rows)b, %(schema_version)s)
        on conflict (scan_id, due_at) where due_at is not null do nothing
        returning scan_run_id
        """,
        {
            **run,
            "rates": Jsonb(run["rates"]),
            "rejected": Jsonb(run["rejected"]),
            "rows": pack(to_batch(rows, SCAN)),
            "schema_version": SCHEMA_VERSION,
        },
    ).fetchone()
    return None if row is None else int(row[0])


def runs(connection: Connection[Any], scan_id: int, *, limit: int) -> tuple[RunHead, ...]:
    """The runs of a scan, newest first."""
    cursor = connection.cursor(row_factory=class_row(RunHead))
    statement = f"select {_HEAD} from saved_scan_runs where scan_id = %s order by as_of desc, scan_run_id desc limit %s"  # noqa: S608 our own text
    cursor.execute(statement.encode(), [scan_id, limit])
    return tuple(cursor)


def rows(connection: Connection[Any], scan_run_id: int) -> pd.DataFrame:
    """The ranked rows of a run, a `schema.SCAN` frame. Raises InputError where the run is not kept any more."""
    row = connection.execute(
        "select rows, schema_version from saved_scan_runs where scan_run_id = %s", [scan_run_id], binary=True
    ).fetchone()
    if row is None:
        raise InputError("this run is not kept any more. Choose another one")
    if row[1] != SCHEMA_VERSION:
        raise DatabaseError(f"a run has format {row[1]}, this program reads {SCHEMA_VERSION}. Update the program")
    return frame_of(unpack(row[0]), SCAN)


def watched(connection: Connection[Any]) -> tuple[WatchedRun, ...]:
    """The latest run of each watched scan, where contracts entered in it."""
    cursor = connection.cursor(row_factory=class_row(WatchedRun))
    cursor.execute(
        """
        select last.scan_run_id, scan.name, last.as_of, last.entered
        from saved_scans as scan
        cross join lateral (
            select scan_run_id, as_of, entered from saved_scan_runs as run
            where run.scan_id = scan.scan_id order by as_of desc, scan_run_id desc limit 1
        ) as last
        where scan.watched and cardinality(last.entered) > 0
        order by scan.scan_id
        """
    )
    return tuple(cursor)


def drop_runs(connection: Connection[Any], *, before: datetime) -> None:
    connection.execute("delete from saved_scan_runs where as_of < %s", [before])
