"""Accepted chains as they were delivered: immutable, one compressed Arrow value each, by UTC day.

The value is an Arrow stream of the contracts, with everything else of the `ChainSnapshot` in its metadata.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, Final

import pandas as pd
from psycopg import Connection

from db.frames import frame_of, pack, to_batch, unpack
from db.run_kinds import SYNC
from scanner.errors import DatabaseError
from scanner.model import ChainSnapshot, Mode, SkippedSource, UnderlyingQuote
from scanner.schema import CHAIN

SCHEMA_VERSION: Final = 1
_KEY: Final = b"snapshot"


def encode(snapshot: ChainSnapshot) -> bytes:
    """The snapshot as one value. Raises SchemaError where its contracts are no `schema.CHAIN` frame."""
    batch = to_batch(snapshot.contracts, CHAIN)
    facts = json.dumps(_facts(snapshot), separators=(",", ":"), allow_nan=False).encode()
    return pack(batch.replace_schema_metadata({_KEY: facts}))


def decode(body: bytes, schema_version: int) -> ChainSnapshot:
    """The snapshot that was encoded. Raises DatabaseError for a version this program does not know."""
    if schema_version != SCHEMA_VERSION:
        raise DatabaseError(
            f"a snapshot has format {schema_version}, this program reads {SCHEMA_VERSION}. Update the program"
        )
    table = unpack(body)
    return _snapshot(json.loads(table.schema.metadata[_KEY]), frame_of(table, CHAIN))


def append(
    connection: Connection[Any], snapshot: ChainSnapshot, body: bytes, *, scan_id: int | None, kind: str = SYNC
) -> None:
    """Store a snapshot with its encoded body for a kind of run. One stored already (same time too) stays as it is."""
    connection.execute(
        """
        insert into chain_snapshots
            (symbol, source, fetched_at, answer_time, scan_id, contracts, schema_version, body, kind)
        values (%s, %s, %s, %s, %s, %s, %s, %b, %s)
        on conflict do nothing
        """,
        [
            snapshot.symbol,
            snapshot.source,
            snapshot.fetched_at,
            snapshot.answer_time,
            scan_id,
            len(snapshot.contracts),
            SCHEMA_VERSION,
            body,
            kind,
        ],
    )


def latest(connection: Connection[Any], symbol: str, *, as_of: datetime, kind: str = SYNC) -> ChainSnapshot | None:
    """The newest chain of a symbol that a kind of run fetched at or before `as_of`; None where there is none."""
    row = connection.execute(
        "select body, schema_version from chain_snapshots where symbol = %s and kind = %s and fetched_at <= %s "
        "order by fetched_at desc limit 1",
        [symbol, kind, as_of],
        binary=True,
    ).fetchone()
    return None if row is None else decode(*row)


def _facts(snapshot: ChainSnapshot) -> dict[str, Any]:
    quote = snapshot.underlying
    return {
        "symbol": snapshot.symbol,
        "source": snapshot.source,
        "mode": snapshot.mode.value,
        "fetched_at": _text(snapshot.fetched_at),
        "answer_time": _text(snapshot.answer_time),
        "underlying": [quote.bid, quote.ask, quote.last, _text(quote.quote_time), _text(quote.last_time), quote.volume],
        "listed_expirations": [day.isoformat() for day in snapshot.listed_expirations],
        "unreadable": dict(snapshot.unreadable),
        "missing_expirations": [day.isoformat() for day in snapshot.missing_expirations],
        "notes": dict(snapshot.notes),
        "skipped": [[one.source, one.error_class, one.detail] for one in snapshot.skipped],
    }


def _snapshot(facts: dict[str, Any], contracts: pd.DataFrame) -> ChainSnapshot:
    bid, ask, last, quote_time, last_time, *volume = facts["underlying"]  # older snapshots have no volume
    fetched_at = _instant(facts["fetched_at"])
    if fetched_at is None:
        raise DatabaseError(f"the stored snapshot of {facts['symbol']} has no time")
    return ChainSnapshot(
        symbol=facts["symbol"],
        source=facts["source"],
        mode=Mode(facts["mode"]),
        fetched_at=fetched_at,
        answer_time=_instant(facts["answer_time"]),
        underlying=UnderlyingQuote(bid, ask, last, _instant(quote_time), _instant(last_time), *volume),
        listed_expirations=tuple(date.fromisoformat(day) for day in facts["listed_expirations"]),
        contracts=contracts,
        unreadable=facts["unreadable"],
        missing_expirations=tuple(date.fromisoformat(day) for day in facts["missing_expirations"]),
        skipped=tuple(SkippedSource(*one) for one in facts.get("skipped", ())),
        notes=facts.get("notes", {}),
    )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
