"""The scan of everything stored: the filters of the Premium Scanner in SQL, with the same rows and the same counts.

Speed comes from four things. Conditions name only columns of the covering indexes `stock_premiums_puts` and `_calls`,
so whole rows are read for the result alone. Expirations are literals, so only their partitions are opened. Deltas are
looked up by band. And a floor is found first: within one expiration and band the order of the index is the order by
monthly return, so a look at the end of one band of each expiration yields as many good rows as are wanted; whatever
returns less than the last of those cannot be among the best, and is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pandas as pd

from db.engine import Database
from db.frames import columns_cursor, select_columns, to_frame
from db.funnel import count, count_by_symbol
from db.scan_conditions import (
    BANDS,
    ROUNDING,
    Leg,
    delta_bands,
    legs,
    most_over_bid,
    parameters,
    passes,
    premium_pct,
)
from scanner.conventions import PREFERRED_DELTA, RETURN_DAYS_MONTHLY
from scanner.model import AgeCutoffs, ExpirationWindow, PremiumFilters, SymbolCount
from scanner.schema import PREMIUM

_END_ROWS: Final = 4
"""Rows looked at over all legs to find the floor, as a multiple of the rows wanted: many legs have few or none."""

_UNKNOWN: Final = -1.0
"""Stands for the unknown monthly return of a contract's last day: it ranks behind all others."""

SETTINGS: Final = (
    "select set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true), "
    "set_config('enable_bitmapscan', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)"
)
"""The planner's statistics lag behind a sync; they must not talk it out of the covering index."""


class DatabaseScanner:
    """Scans the current rows of a database. Safe to share among threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def scan(
        self,
        filters: PremiumFilters,
        windows: Sequence[ExpirationWindow],
        *,
        as_of: datetime,
        cutoffs: AgeCutoffs,
        limit: int,
    ) -> pd.DataFrame:
        """The best `limit` rows that pass, a `schema.PREMIUM` frame ordered by monthly return, symbol, OCC code.

        `windows` are the target windows of the stored expirations at `as_of`, `cutoffs` the age grades. Rows are
        chosen and ranked on the filters' price basis; their own premium columns are on the stored one.
        """
        wanted = legs(filters, windows)
        if not wanted or limit < 1:
            return PREMIUM.empty()
        values = {**parameters(filters, as_of=as_of, cutoffs=cutoffs), "limit": limit}
        with self._database.connection() as connection:
            connection.execute(SETTINGS)
            row = columns_cursor(connection).execute(statement(filters, wanted), values, prepare=False).fetchone()
        return PREMIUM.empty() if row is None or row[0] is None else to_frame(PREMIUM, row)

    def funnel(
        self, filters: PremiumFilters, windows: Sequence[ExpirationWindow], *, as_of: datetime, cutoffs: AgeCutoffs
    ) -> SymbolCount:
        """How every stored contract fares, in total: the account of `PremiumScanner`, without a symbol.

        `windows` are the target windows of the stored expirations at `as_of`, whatever their days to expiry.
        """
        with self._database.connection() as connection:
            return count(connection, filters, windows, parameters(filters, as_of=as_of, cutoffs=cutoffs))

    def funnel_by_symbol(
        self, filters: PremiumFilters, windows: Sequence[ExpirationWindow], *, as_of: datetime, cutoffs: AgeCutoffs
    ) -> tuple[SymbolCount, ...]:
        """The same for each symbol with a stored chain, alphabetically."""
        with self._database.connection() as connection:
            return count_by_symbol(connection, filters, windows, parameters(filters, as_of=as_of, cutoffs=cutoffs))


def statement(filters: PremiumFilters, wanted: Sequence[Leg]) -> str:
    """One row: every column of the result as an array. `floor` holds no row where fewer than the limit were found."""
    ends = " union all ".join(_end(filters, leg, len(wanted)) for leg in wanted if leg.dte)
    candidates = " union all ".join(_candidates(filters, leg) for leg in wanted)
    return f"""
        with ends as ({ends or _NO_ENDS}),
        floor as materialized (
            select monthly_return as lowest
            from ({_ENDS_BY_GROUP if filters.best_per_expiration else "select monthly_return from ends"}) as groups
            order by monthly_return desc
            offset %(limit)s - 1
            limit 1
        ),
        candidates as materialized ({candidates}),
        best as ({_BEST if filters.best_per_expiration else "select * from candidates"}),
        top as materialized (select * from best order by monthly_return desc fetch first %(limit)s rows with ties)
        {_RESULT}
    """  # noqa: S608 our own text


def _end(filters: PremiumFilters, leg: Leg, legs_in_all: int) -> str:
    """The best rows of one leg in one band."""
    most = f"least(%(limit)s, %(limit)s * {_END_ROWS} / {legs_in_all} + 1)"
    return f"({_rows(filters, leg)} and delta_band = {_richest_band(filters)} order by premium_pct desc limit {most})"


def _candidates(filters: PremiumFilters, leg: Leg) -> str:
    """All rows of one leg from the floor on. The second condition, in the index's key, follows from the first."""
    bands = ", ".join(str(band) for band in delta_bands(filters))
    rows = f"{_rows(filters, leg)} and delta_band in ({bands})"
    lowest = "(select lowest from floor)"
    if not leg.dte:
        return f"{rows} and {lowest} is null"
    least = f"coalesce({lowest}, 0) * {leg.dte / RETURN_DAYS_MONTHLY * ROUNDING!r}"
    floor = f"{rows} and {premium_pct(filters, leg.option_type)} >= {least}"
    most = most_over_bid(filters)
    return floor if most is None or most == 1 else f"{floor} and premium_pct >= {least} / {most!r}"


def _rows(filters: PremiumFilters, leg: Leg) -> str:
    percent = premium_pct(filters, leg.option_type)
    monthly = f"{percent} / {leg.dte} * {RETURN_DAYS_MONTHLY}" if leg.dte else f"{_UNKNOWN}::float8"
    return (
        f"select symbol, root, expiration, '{leg.option_type.value}' as option_type, strike, open_interest, delta, "  # noqa: S608 our own text
        f"{percent} as percent, {monthly} as monthly_return "
        f"from stock_premiums where {leg.condition} and {passes(filters, leg.option_type)}"
    )


def _richest_band(filters: PremiumFilters) -> int:
    """The highest band that the delta range covers at least half: premiums grow with delta."""
    bands = delta_bands(filters)
    half_covered = filters.delta_max * BANDS - bands[-1] >= 0.5
    return bands[-1] if half_covered or len(bands) == 1 else bands[-2]


_NO_ENDS: Final = (
    "select null as symbol, null as root, null as expiration, null as option_type, 0.0 as monthly_return where false"
)

_ENDS_BY_GROUP: Final = (
    "select max(monthly_return) as monthly_return from ends group by symbol, root, expiration, option_type"
)

_BEST: Final = f"""
    select distinct on (symbol, root, expiration, option_type) *
    from candidates
    order by symbol, root, expiration, option_type, percent desc, coalesce(open_interest, -1) desc,
        abs(abs(delta) - {PREFERRED_DELTA}), strike
"""  # noqa: S608 our own text

_RESULT: Final = select_columns(
    PREMIUM,
    """
    select premium.*
    from top join stock_premiums as premium using (symbol, root, expiration, option_type, strike)
    order by top.monthly_return desc, premium.symbol, premium.occ_symbol
    limit %(limit)s
    """,
)
