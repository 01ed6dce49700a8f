"""The stored account of calls to sources and of the quotes they delivered, by source and hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class CallRow:
    source: str
    hour: datetime
    outcome: str
    calls: int
    seconds: float
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class QuoteRow:
    source: str
    hour: datetime
    measure: str
    amount: float


@dataclass(frozen=True, slots=True)
class Account:
    """Everything since some hour. `latencies`: calls by source and bucket."""

    calls: Sequence[CallRow] = ()
    quotes: Sequence[QuoteRow] = ()
    latencies: dict[str, dict[int, int]] = field(default_factory=dict)


def add(
    connection: Connection[Any],
    *,
    calls: Sequence[tuple[str, datetime, str, int, float, float]],
    latencies: Sequence[tuple[str, datetime, int, int]],
    quotes: Sequence[tuple[str, datetime, str, float]],
) -> None:
    """Add sums to those stored. Rows in one order for all, so that writers wait for each other and never in a ring."""
    cursor = connection.cursor()
    cursor.executemany(
        """
        insert into source_calls as stored values (%s, %s, %s, %s, %s, %s)
        on conflict (source, hour, outcome) do update set calls = stored.calls + excluded.calls,
            seconds = stored.seconds + excluded.seconds,
            waited_seconds = stored.waited_seconds + excluded.waited_seconds
        """,
        sorted(calls),
    )
    cursor.executemany(
        """
        insert into source_latencies as stored values (%s, %s, %s, %s)
        on conflict (source, hour, bucket) do update set calls = stored.calls + excluded.calls
        """,
        sorted(latencies),
    )
    cursor.executemany(
        """
        insert into source_quotes as stored values (%s, %s, %s, %s)
        on conflict (source, hour, measure) do update set amount = stored.amount + excluded.amount
        """,
        sorted(quotes),
    )


def since(connection: Connection[Any], hour: datetime) -> Account:
    """The account from `hour` on, by source and hour."""
    latencies: dict[str, dict[int, int]] = defaultdict(dict)
    for source, bucket, calls in connection.execute(
        "select source, bucket, sum(calls)::bigint from source_latencies where hour >= %s group by source, bucket",
        [hour],
    ):
        latencies[source][bucket] = calls
    return Account(
        calls=connection.cursor(row_factory=class_row(CallRow))
        .execute("select * from source_calls where hour >= %s order by source, hour, outcome", [hour])
        .fetchall(),
        quotes=connection.cursor(row_factory=class_row(QuoteRow))
        .execute("select * from source_quotes where hour >= %s order by source, hour, measure", [hour])
        .fetchall(),
        latencies=dict(latencies),
    )


def drop_before(connection: Connection[Any], hour: datetime) -> None:
    """Forget what is older."""
    for table in ("source_calls", "source_latencies", "source_quotes"):
        connection.execute(sql.SQL("delete from {} where hour < %s").format(sql.Identifier(table)), [hour])
