"""Volatility thirty days ahead by symbol and session, and what it is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class StoredAtm:
    """The at-the-money volatility (decimal) of one expiration among the current rows, and the time of its quotes."""

    symbol: str
    expiration: date
    years: float
    atm_iv: float
    quoted_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class IvOfSession:
    symbol: str
    session: date
    iv30: float | None
    reason: str | None
    near_expiration: date | None
    far_expiration: date | None
    quoted_at: datetime
    source: str


def at_the_money(connection: Connection[Any], *, first: date, last: date) -> tuple[StoredAtm, ...]:
    """Of every symbol and expiration of its standard root, by symbol and expiration.

    `atm_iv` is stored as `upper_1sd` = spot x exp(atm_iv x sqrt(years_to_expiry)).
    """
    cursor = connection.cursor(row_factory=class_row(StoredAtm))
    cursor.execute(
        """
        select distinct on (symbol, expiration) symbol, expiration, years_to_expiry as years,
            ln(upper_1sd / spot) / sqrt(years_to_expiry) as atm_iv,
            coalesce(quote_time, answer_time) as quoted_at, source
        from stock_premiums
        where expiration between %s and %s and upper_1sd > spot and years_to_expiry > 0
            and root = replace(symbol, '.', '') and not adjusted and coalesce(quote_time, answer_time) is not null
        order by symbol, expiration, coalesce(quote_time, answer_time) desc, strike
        """,
        [first, last],
    )
    return tuple(cursor)


def store(connection: Connection[Any], rows: Sequence[IvOfSession]) -> None:
    """Store a value for each symbol and session, unless one of later quotes is stored."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into iv_history
                (symbol, session, iv30, reason, near_expiration, far_expiration, quoted_at, source)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (symbol, session) do update set
                iv30 = excluded.iv30, reason = excluded.reason, near_expiration = excluded.near_expiration,
                far_expiration = excluded.far_expiration, quoted_at = excluded.quoted_at, source = excluded.source
            where iv_history.quoted_at <= excluded.quoted_at
            """,
            [
                (
                    *(one.symbol, one.session, one.iv30, one.reason),
                    *(one.near_expiration, one.far_expiration, one.quoted_at, one.source),
                )
                for one in rows
            ],
        )


def history(connection: Connection[Any], symbols: Sequence[str], *, since: date) -> tuple[IvOfSession, ...]:
    """The values of these symbols, by symbol and session."""
    cursor = connection.cursor(row_factory=class_row(IvOfSession))
    cursor.execute(
        "select symbol, session, iv30, reason, near_expiration, far_expiration, quoted_at, source from iv_history "
        "where symbol = any(%s::text[]) and session >= %s order by symbol, session",
        [list(symbols), since],
    )
    return tuple(cursor)
