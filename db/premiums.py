"""The current row of every contract: read back as the frames that were stored, counted, kept in order.

They are written symbol by symbol: `premium_writing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
from psycopg import Connection

from db.frames import read_frame
from scanner.schema import PREMIUM


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is stored. Quote times are the answer's where a quote has none of its own."""

    symbols: int
    symbols_with_data: int
    contracts: int
    oldest_quote: datetime | None
    newest_quote: datetime | None
    sources: tuple[str, ...]


def of_symbols(connection: Connection[Any], symbols: Sequence[str]) -> pd.DataFrame:
    """All stored rows of these symbols, a `schema.PREMIUM` frame ordered by symbol and contract."""
    return read_frame(
        connection,
        PREMIUM,
        "select * from stock_premiums where symbol = any(%(symbols)s::text[]) "
        "order by symbol, root, expiration, option_type, strike",
        {"symbols": list(symbols)},
    )


def of_expiration(connection: Connection[Any], symbol: str, root: str, expiration: date) -> pd.DataFrame:
    """Both sides of one (root, expiration), a `schema.PREMIUM` frame ordered by side and strike."""
    return read_frame(
        connection,
        PREMIUM,
        "select * from stock_premiums where symbol = %(symbol)s and root = %(root)s and expiration = %(expiration)s "
        "order by option_type, strike",
        {"symbol": symbol, "root": root, "expiration": expiration},
    )


def unreadable(connection: Connection[Any], symbols: Sequence[str]) -> dict[str, int]:
    """Vendor rows of each stored chain that could not be read; symbols without a chain are left out."""
    rows = connection.execute(
        "select symbol, unreadable from stock_chains where symbol = any(%s::text[]) order by symbol", [list(symbols)]
    )
    return dict(rows.fetchall())


def expirations(connection: Connection[Any]) -> tuple[date, ...]:
    """Every expiration with stored rows, in order: the candidates of `calendar.target_windows`."""
    rows = connection.execute(
        """
        with recursive stored as (
            (select expiration from stock_premium_counts order by expiration limit 1)
            union all
            select (
                select later.expiration
                from stock_premium_counts as later
                where later.expiration > stored.expiration
                order by later.expiration
                limit 1
            )
            from stored
            where stored.expiration is not null
        )
        select expiration from stored where expiration is not null
        """
    )
    return tuple(expiration for (expiration,) in rows)


def coverage(connection: Connection[Any]) -> Coverage:
    """How much is stored, from where and how old."""
    row = connection.execute(
        """
        select (select count(*) from stocks where active), count(*), coalesce(sum(contracts), 0), min(oldest_quote),
            max(newest_quote), coalesce(array_agg(distinct source order by source), '{}')
        from stock_chains
        """
    ).fetchone()
    symbols, with_data, contracts, oldest, newest, sources = row or (0, 0, 0, None, None, ())
    return Coverage(symbols, with_data, int(contracts), oldest, newest, tuple(sources))


def top_premiums(connection: Connection[Any], *, limit: int, symbols: Sequence[str] | None = None) -> pd.DataFrame:
    """The best row of each symbol, of all or of these, in the view `top_premiums`, best first: `schema.PREMIUM`."""
    return read_frame(
        connection,
        PREMIUM,
        "select * from top_premiums where rank = 1 and (%(symbols)s::text[] is null or symbol = any(%(symbols)s)) "
        "order by monthly_return desc, symbol limit %(limit)s",
        {"limit": limit, "symbols": None if symbols is None else list(symbols)},
    )


def refresh_top_premiums(connection: Connection[Any], *, today: date) -> None:
    """Compute the view anew for the market's date; readers go on with the old rows meanwhile."""
    connection.execute("select set_config('scanner.market_date', %s, true)", [today.isoformat()])
    connection.execute("refresh materialized view concurrently top_premiums")


def delete_expired(connection: Connection[Any], *, today: date) -> int:
    """Remove contracts that expired before `today`, also of symbols whose syncs fail; return how many."""
    deleted = connection.execute("delete from stock_premiums where expiration < %s", [today]).rowcount
    connection.execute("delete from scan_puts where expiration < %s", [today])
    connection.execute("delete from scan_calls where expiration < %s", [today])
    connection.execute("delete from stock_premium_counts where expiration < %s", [today])
    connection.execute(
        """
        update stock_chains as chain set contracts = stored.contracts
        from (
            select symbol, coalesce(sum(counts.contracts), 0) as contracts
            from stock_chains left join stock_premium_counts as counts using (symbol)
            group by symbol
        ) as stored
        where stored.symbol = chain.symbol and stored.contracts <> chain.contracts
        """
    )
    return deleted


def vacuum(connection: Connection[Any]) -> None:
    """After a run: mark what is visible to everybody and count anew, so that scans read the index alone.

    The connection must be idle; it is in autocommit meanwhile, as VACUUM runs in no transaction. Symbols are stored
    without waiting for the disk, and nothing is marked before it is there: one commit that waits comes first, and
    those of the tables before wait too. What scans read comes first.
    """
    before = connection.autocommit
    connection.autocommit = True
    try:
        connection.execute("set synchronous_commit = on")
        connection.execute("select pg_logical_emit_message(true, 'options-scanner', 'vacuum')")
        connection.execute(
            "vacuum (analyze) scan_puts, scan_calls, stock_premium_counts, stock_chains, scan_run_symbols, "
            "stock_premiums"
        )
    finally:
        connection.execute("reset synchronous_commit")
        connection.autocommit = before
