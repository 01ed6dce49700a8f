"""Rows that contradict one another or the day: found and counted, never repaired by a guess."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, LiteralString

from psycopg import Connection

STALE_AFTER: Final = timedelta(days=4)
"""A symbol without a flow scan for so long is stale: no weekend and holiday together are longer."""

_ORPHANS: Final[Mapping[str, LiteralString]] = {
    "whale_flows": "select count(*) from whale_flows as found where not exists "
    "(select from scan_run_symbols as part where part.run_id = found.run_id and part.symbol = found.symbol)",
    "oi_flows": "select count(*) from oi_flows as found where not exists "
    "(select from scan_run_symbols as part where part.run_id = found.run_id and part.symbol = found.symbol)",
    "skew_metrics": "select count(*) from skew_metrics as found where not exists "
    "(select from scan_run_symbols as part where part.run_id = found.run_id and part.symbol = found.symbol)",
    "opportunities": "select count(*) from opportunities as found where not exists "
    "(select from scan_run_symbols as part where part.run_id = found.run_id and part.symbol = found.symbol)",
}


def orphans(connection: Connection[Any]) -> dict[str, int]:
    """Rows of flow scans whose run or symbol is gone, by table; tables without any are left out."""
    counted = {table: _count(connection, query) for table, query in _ORPHANS.items()}
    return {table: count for table, count in counted.items() if count}


def expired(connection: Connection[Any], *, today: date) -> int:
    """Current rows of contracts that expired before `today`, which the nightly deletion should have taken."""
    return _count(connection, "select count(*) from stock_premiums where expiration < %s", [today])


def impossible_deltas(connection: Connection[Any]) -> tuple[str, ...]:
    """Symbols with current rows whose delta has the wrong sign for their side, or is beyond 1."""
    rows = connection.execute(
        "select distinct symbol from stock_premiums "
        "where (option_type = 'call' and delta not between 0 and 1) "
        "or (option_type = 'put' and delta not between -1 and 0) order by symbol"
    )
    return tuple(symbol for (symbol,) in rows)


def stale(connection: Connection[Any], *, now: datetime) -> tuple[str, ...]:
    """Symbols that are shown with a flow scan older than `STALE_AFTER`."""
    rows = connection.execute(
        "select symbol from current_flow where timestamp < %s order by symbol", [now - STALE_AFTER]
    )
    return tuple(symbol for (symbol,) in rows)


def _count(connection: Connection[Any], query: LiteralString, values: list[Any] | None = None) -> int:
    row = connection.execute(query, values).fetchone()
    return 0 if row is None else int(row[0])
