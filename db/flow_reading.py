"""What flow scans found, for pages and API: declared frames with the time of each row's scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pandas as pd
from psycopg import Connection
from psycopg.rows import class_row

from db import snapshots
from db.frames import read_frame
from db.run_kinds import FLOW
from scanner.errors import InputError
from scanner.model import ChainSnapshot
from scanner.schema import FLOW_ROWS, OPPORTUNITY_ROWS, SKEW_HISTORY, SKEW_ROWS, TOP_OPPORTUNITY

_CURRENT: Final = (
    "select found.* from current_flow as chain join {table} as found on found.symbol = chain.symbol "
    "and found.timestamp = chain.timestamp and found.run_id = chain.run_id "
)


@dataclass(frozen=True, slots=True)
class OpportunityFilters:
    """Which opportunities are wanted; `None` switches a condition off. At most `limit`, the best first."""

    limit: int | None = 50
    min_composite_score: int = 0
    signal_types: tuple[str, ...] | None = None
    expirations: tuple[date, ...] | None = None
    symbols: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and not 1 <= self.limit <= 10_000:
            raise InputError(f"limit must be between 1 and 10,000, not {self.limit}")
        if not 0 <= self.min_composite_score <= 100:
            raise InputError(f"min_composite_score must be between 0 and 100, not {self.min_composite_score}")


@dataclass(frozen=True, slots=True)
class FlowFreshness:
    """How new the flow data of the latest scan's symbols are, failed and open ones included.

    At least half of the `symbols` have data of a scan from `half_since` on; None while more than half have none.
    """

    symbols: int
    symbols_with_data: int
    newest: datetime | None
    half_since: datetime | None


def freshness(connection: Connection[Any]) -> FlowFreshness:
    """Of the symbols of the latest scan; none before the first."""
    cursor = connection.cursor(row_factory=class_row(FlowFreshness))
    found = cursor.execute(
        """
        select count(part.symbol) as symbols, count(chain.symbol) as symbols_with_data,
            max(chain.timestamp) as newest,
            nullif(
                percentile_disc(0.5) within group (order by coalesce(chain.timestamp, '-infinity') desc), '-infinity'
            ) as half_since
        from latest_scan as latest
        join scan_run_symbols as part on part.run_id = latest.run_id
        left join flow_chains as chain on chain.symbol = part.symbol
        """
    ).fetchone()
    return found or FlowFreshness(0, 0, None, None)


@dataclass(frozen=True, slots=True)
class LatestChain:
    """The chain of a scan: its slot, when it was fetched, the rates it was priced with by maturity in years."""

    timestamp: datetime
    fetched_at: datetime
    rates: Mapping[str, float]


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
            limit %(limit)s::int
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


def earlier_scores(connection: Connection[Any]) -> dict[str, int]:
    """How many opportunities each symbol had in the 30 days before its newest scan: what `score_percentile` is of."""
    rows = connection.execute(
        """
        select chain.symbol, count(earlier.symbol)
        from current_flow as chain
        left join opportunities as earlier on earlier.symbol = chain.symbol and earlier.timestamp < chain.timestamp
            and earlier.timestamp >= chain.timestamp - interval '30 days'
        group by chain.symbol
        """
    )
    return dict(rows.fetchall())


def latest_chain(connection: Connection[Any], symbol: str) -> LatestChain | None:
    """Which chain a symbol's newest scan that succeeded looked at; None before the first."""
    cursor = connection.cursor(row_factory=class_row(LatestChain))
    return cursor.execute(
        "select chain.timestamp, chain.fetched_at, run.rates from current_flow as chain "
        "join scan_runs as run on run.run_id = chain.run_id where chain.symbol = %s",
        [symbol],
    ).fetchone()


@dataclass(frozen=True, slots=True)
class KeptChain:
    """A chain of a past flow scan with the rates it was priced with by maturity in years."""

    snapshot: ChainSnapshot
    rates: Mapping[str, float]


def kept_chain(connection: Connection[Any], symbol: str, *, as_of: datetime) -> KeptChain | None:
    """The newest chain of a symbol that a flow scan fetched at or before `as_of` and kept; None where there is none."""
    row = connection.execute(
        "select chain.body, chain.schema_version, run.rates from chain_snapshots as chain "
        "join scan_runs as run on run.run_id = chain.scan_id "
        "where chain.symbol = %s and chain.kind = %s and chain.fetched_at <= %s order by chain.fetched_at desc limit 1",
        [symbol, FLOW, as_of],
        binary=True,
    ).fetchone()
    return None if row is None else KeptChain(snapshots.decode(row[0], row[1]), row[2])


def _list(values: Sequence[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)
