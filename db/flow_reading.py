"""What flow scans found, for pages and API: declared frames with the time of each row's scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pandas as pd
from psycopg import Connection

from db.frames import read_frame
from scanner.errors import InputError
from scanner.schema import FLOW_ROWS, OPPORTUNITY_ROWS, SKEW_HISTORY, SKEW_ROWS, TOP_OPPORTUNITY

_CURRENT: Final = (
    "select found.* from current_flow as chain join {table} as found on found.symbol = chain.symbol "
    "and found.timestamp = chain.timestamp and found.run_id = chain.run_id "
)


@dataclass(frozen=True, slots=True)
class OpportunityFilters:
    """Which opportunities are wanted; `None` switches a condition off. At most `limit`, the best first."""

    limit: int = 50
    min_composite_score: int = 0
    signal_types: tuple[str, ...] | None = None
    expirations: tuple[date, ...] | None = None
    symbols: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= 10_000:
            raise InputError(f"limit must be between 1 and 10,000, not {self.limit}")
        if not 0 <= self.min_composite_score <= 100:
            raise InputError(f"min_composite_score must be between 0 and 100, not {self.min_composite_score}")


def opportunities(connection: Connection[Any], filters: OpportunityFilters) -> pd.DataFrame:
    """Rows of `top_opportunities`, a `schema.TOP_OPPORTUNITY` frame, best first.

    `score_percentile`: of the composite scores that the symbol's opportunities had in the 30 days before the row's
    scan, how many % are lower, ties half; unknown where there are none.
    """
    return read_frame(
        connection,
        TOP_OPPORTUNITY,
        """
        select best.*, history.score_percentile
        from (
            select * from top_opportunities
            where composite_score >= %(least)s
                and (%(signals)s::text[] is null or signal_type = any(%(signals)s::text[]))
                and (%(expirations)s::date[] is null or expiration = any(%(expirations)s::date[]))
                and (%(symbols)s::text[] is null or symbol = any(%(symbols)s::text[]))
            order by composite_score desc, whale_exact desc, symbol, occ_symbol
            limit %(limit)s
        ) as best
        cross join lateral (
            select (count(*) filter (where earlier.composite_score < best.composite_score)
                + 0.5 * count(*) filter (where earlier.composite_score = best.composite_score))
                * 100.0 / nullif(count(*), 0) as score_percentile
            from opportunities as earlier
            where earlier.symbol = best.symbol and earlier.timestamp < best.timestamp
                and earlier.timestamp >= best.timestamp - interval '30 days'
        ) as history
        order by composite_score desc, whale_exact desc, symbol, occ_symbol
        """,
        {
            "least": filters.min_composite_score,
            "signals": _list(filters.signal_types),
            "expirations": _list(filters.expirations),
            "symbols": _list(filters.symbols),
            "limit": filters.limit,
        },
    )


def whale_flows(connection: Connection[Any], *, symbols: Sequence[str] | None = None) -> pd.DataFrame:
    """Of each symbol's newest scan that succeeded, the contracts with whale flow, largest score first: `FLOW_ROWS`."""
    source = _CURRENT.format(table="whale_flows") + (
        "where %(symbols)s::text[] is null or found.symbol = any(%(symbols)s::text[]) "
        "order by found.whale_exact desc, found.symbol, found.occ_symbol"
    )
    return read_frame(connection, FLOW_ROWS, source, {"symbols": _list(symbols)})


def oi_flows(connection: Connection[Any], *, new_strikes: bool, symbols: Sequence[str] | None = None) -> pd.DataFrame:
    """The same of fresh open interest, or of new strikes alone, largest score, then most traded first: `FLOW_ROWS`."""
    source = _CURRENT.format(table="oi_flows") + (
        "where (found.flags = 'new_strike') = %(new_strikes)s "
        "and (%(symbols)s::text[] is null or found.symbol = any(%(symbols)s::text[])) "
        "order by found.oi_score desc nulls last, found.notional desc nulls last, found.symbol, found.occ_symbol"
    )
    return read_frame(connection, FLOW_ROWS, source, {"symbols": _list(symbols), "new_strikes": new_strikes})


def current_skew(connection: Connection[Any], *, symbols: Sequence[str] | None = None) -> pd.DataFrame:
    """Of each symbol's newest scan that succeeded, every (root, expiration): `SKEW_ROWS`."""
    source = _CURRENT.format(table="skew_metrics") + (
        "where %(symbols)s::text[] is null or found.symbol = any(%(symbols)s::text[]) "
        "order by found.symbol, found.expiration, found.root"
    )
    return read_frame(connection, SKEW_ROWS, source, {"symbols": _list(symbols)})


def skew_of_run(connection: Connection[Any], run_id: int, slot: datetime) -> pd.DataFrame:
    """What one scan stored in `skew_metrics`: `SKEW_ROWS`."""
    return read_frame(
        connection,
        SKEW_ROWS,
        "select * from skew_metrics where timestamp = %(slot)s and run_id = %(run_id)s "
        "order by symbol, expiration, root",
        {"slot": slot, "run_id": run_id},
    )


def opportunities_of_run(connection: Connection[Any], run_id: int, slot: datetime) -> pd.DataFrame:
    """What one scan stored in `opportunities`, best first: `OPPORTUNITY_ROWS`."""
    return read_frame(
        connection,
        OPPORTUNITY_ROWS,
        "select * from opportunities where timestamp = %(slot)s and run_id = %(run_id)s "
        "order by composite_score desc, whale_exact desc, symbol, occ_symbol",
        {"slot": slot, "run_id": run_id},
    )


def skew_history(
    connection: Connection[Any], symbol: str, *, since: datetime, expiration: date | None = None
) -> pd.DataFrame:
    """Rows of `stock_skew_history` of a symbol, ascending in time: `SKEW_HISTORY`."""
    return read_frame(
        connection,
        SKEW_HISTORY,
        "select * from stock_skew_history where symbol = %(symbol)s and timestamp >= %(since)s "
        "and (%(expiration)s::date is null or expiration = %(expiration)s::date) "
        "order by timestamp, expiration, root",
        {"symbol": symbol, "since": since, "expiration": expiration},
    )


def _list(values: Sequence[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)
