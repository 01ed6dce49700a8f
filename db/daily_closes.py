"""Daily closes as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from scanner.model import DailyClose


@dataclass(frozen=True, slots=True)
class ClosesOrigin:
    source: str
    fetched_at: datetime


def replace(
    connection: Connection[Any], symbol: str, closes: Sequence[DailyClose], *, source: str, fetched_at: datetime
) -> None:
    """Let a symbol have these closes and no others: those of before a split would not fit to them."""
    connection.execute("delete from daily_closes where symbol = %s", [symbol])
    connection.execute(
        "insert into daily_closes (symbol, session, close, source, fetched_at) "
        "select %s, session, close, %s, %s from unnest(%s::date[], %s::float8[]) as one (session, close)",
        [symbol, source, fetched_at, [one.session for one in closes], [one.close for one in closes]],
    )


def latest(connection: Connection[Any], symbols: Sequence[str], *, since: date) -> dict[str, tuple[DailyClose, ...]]:
    """Symbol -> its closes since a day, ascending; those without any are left out."""
    rows = connection.execute(
        "select symbol, session, close from daily_closes where symbol = any(%s::text[]) and session >= %s "
        "order by symbol, session",
        [list(symbols), since],
    )
    found: dict[str, list[DailyClose]] = {}
    for symbol, session, close in rows:
        found.setdefault(symbol, []).append(DailyClose(session, close))
    return {symbol: tuple(closes) for symbol, closes in found.items()}


def origin(connection: Connection[Any], symbol: str) -> ClosesOrigin | None:
    """Where the closes of a symbol come from and since when; None without any. They are always of one answer."""
    row = connection.execute(
        "select source, fetched_at from daily_closes where symbol = %s order by session desc limit 1", [symbol]
    ).fetchone()
    return None if row is None else ClosesOrigin(*row)
