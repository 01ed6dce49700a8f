"""The scan of everything stored: the filters of the Premium Scanner in SQL, with the same rows and the same counts.

Speed comes from four things. Conditions name only columns of the covering indexes of `scan_puts` and `scan_calls`, so
whole rows are read for the result alone. Expirations and limits are parameters, so one plan serves all scans of a form.
Deltas are looked up by band. And a floor is found first: within one expiration and band the order of the index is the
order by monthly return, so a look at the end of one band of each expiration yields as many good rows as are wanted;
whatever returns less than the last of those cannot be among the best, and is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd

from db.engine import Database
from db.frames import read_frame
from db.funnel import count, count_by_symbol
from db.scan_conditions import (
    BANDS,
    ROUNDING,
    Leg,
    among,
    delta_bands,
    legs,
    most_over_bid,
    parameters,
    passes,
    premium_pct,
    scan_table,
    taken_by_next,
    taken_by_previous,
)
from scanner.conventions import PREFERRED_DELTA, RETURN_DAYS_MONTHLY
from scanner.model import AgeCutoffs, ExpirationWindow, OptionType, PremiumFilters, SymbolCount
from scanner.schema import PREMIUM

_END_ROWS: Final = 4
"""Rows looked at over all legs to find the floor, as a multiple of the rows wanted: many legs have few or none."""

UNKNOWN: Final = -1.0
"""Stands for the unknown monthly return of a contract's last day: it ranks behind all others."""

SETTINGS: Final = (
    "select set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true), "
    "set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true), "
    "set_config('enable_mergejoin', 'off', true), set_config('max_parallel_workers_per_gather', '0', true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true)"
)
"""The planner's statistics lag behind a sync; they must not talk it out of the covering index. Planning took 2 to 3 ms
of 20, so a plan is made once per connection and form."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Legs of one kind on one side: the same tests and the same way to the return. `kind` names their parameters;
    `among` is the condition of the universe."""

    kind: str
    option_type: OptionType
    among: str = "true"

    @property
    def legs(self) -> str:
        """The legs as rows of a table `leg`."""
        columns = ", ".join(f"%({self.kind}_{name})s::{type_name}[]" for name, type_name in _LEG_COLUMNS.items())
        return f"unnest({columns}) as leg ({', '.join(_LEG_COLUMNS)})"


_LEG_COLUMNS: Final = {"expiration": "date", "dte": "int", "next_at_least": "date", "previous_before": "date"}
_TODAY: Final = "today"
"""Legs on their last day, without a return per day."""

_NEAR: Final = "near"
_LATER: Final = "later"


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
        most: float | None = None,
        symbols: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The best `limit` rows that pass, of `symbols` or of all stocks: a `schema.PREMIUM` frame ordered by monthly
        return, symbol, OCC code.

        `windows` are the target windows of the stored expirations at `as_of`, `cutoffs` the age grades. Rows are
        chosen and ranked on the filters' price basis; their own premium columns are on the stored one. With `most`,
        a monthly return, the best of those that return no more; everything that passes is read for it. At `UNKNOWN`
        these are the contracts on their last day.
        """
        wanted = legs(filters, windows)
        if not wanted or limit < 1:
            return PREMIUM.empty()
        values = {
            **parameters(filters, as_of=as_of, cutoffs=cutoffs, symbols=symbols),
            **leg_parameters(filters, wanted, limit),
            "most": most,
        }
        text = statement(filters, branches(filters, wanted, symbols), below=most is not None)
        with self._database.connection() as connection:
            connection.execute(SETTINGS)
            return read_frame(connection, PREMIUM, text, values, prepare=True)

    def funnel(
        self,
        filters: PremiumFilters,
        windows: Sequence[ExpirationWindow],
        *,
        as_of: datetime,
        cutoffs: AgeCutoffs,
        symbols: Sequence[str] | None = None,
    ) -> SymbolCount:
        """How every stored contract fares, in total: the account of `PremiumScanner`, without a symbol.

        `windows` are the target windows of the stored expirations at `as_of`, whatever their days to expiry.
        """
        with self._database.connection() as connection:
            values = parameters(filters, as_of=as_of, cutoffs=cutoffs, symbols=symbols)
            return count(connection, filters, windows, values)

    def funnel_by_symbol(
        self, filters: PremiumFilters, windows: Sequence[ExpirationWindow], *, as_of: datetime, cutoffs: AgeCutoffs
    ) -> tuple[SymbolCount, ...]:
        """The same for each symbol with a stored chain, alphabetically."""
        with self._database.connection() as connection:
            return count_by_symbol(connection, filters, windows, parameters(filters, as_of=as_of, cutoffs=cutoffs))


def branches(
    filters: PremiumFilters, wanted: Sequence[Leg], symbols: Sequence[str] | None = None
) -> tuple[Branch, ...]:
    """The parts of the statement: each kind of leg that occurs, on each side."""
    kinds = sorted({_kind(leg) for leg in wanted})
    return tuple(
        Branch(kind, strategy.option_type, among(symbols)) for kind in kinds for strategy in filters.strategies
    )


def leg_parameters(filters: PremiumFilters, wanted: Sequence[Leg], limit: int) -> dict[str, Any]:
    """The values that `statement` names beside those of the filters."""
    ends = limit * _END_ROWS // (len(wanted) * len(filters.strategies)) + 1
    values: dict[str, Any] = {"limit": limit, "ends": min(limit, ends), "bands": list(delta_bands(filters))}
    values["richest_band"] = _richest_band(filters)
    for leg in wanted:
        for name in _LEG_COLUMNS:
            values.setdefault(f"{_kind(leg)}_{name}", []).append(getattr(leg, name))
    return values


def _kind(leg: Leg) -> str:
    return _TODAY if leg.dte == 0 else _NEAR if leg.near else _LATER


def statement(filters: PremiumFilters, parts: Sequence[Branch], *, below: bool = False) -> str:
    """The rows of the result. `floor` holds no row where fewer than the limit were found, and with `below`: the best
    rows say nothing of those that return less than `most`.
    """
    ends = "" if below else " union all ".join(_ends(filters, branch) for branch in parts if branch.kind != _TODAY)
    candidates = " union all ".join(_candidates(filters, branch) for branch in parts)
    return f"""
        with ends as ({ends or _NO_ENDS}),
        floor as materialized (
            select monthly_return as lowest
            from ({_ENDS_BY_GROUP if filters.best_per_expiration else "select monthly_return from ends"}) as groups
            order by monthly_return desc
            offset %(limit)s::int - 1
            limit 1
        ),
        candidates as ({candidates}),
        best as ({_BEST if filters.best_per_expiration else "select * from candidates"}),
        top as (
            select * from best
            {"where monthly_return <= %(most)s::float8" if below else ""}
            order by monthly_return desc
            fetch first (%(limit)s::int) rows with ties
        )
        {_RESULT}
    """  # noqa: S608 our own text


def _ends(filters: PremiumFilters, branch: Branch) -> str:
    """The best rows of each leg in one band."""
    rows = f"{_rows(filters, branch)} and delta_band = %(richest_band)s::smallint"
    best = f"{rows} order by premium_pct desc limit %(ends)s::int"
    return f"select row.* from {branch.legs} cross join lateral ({best}) as row"  # noqa: S608 our own text


def _candidates(filters: PremiumFilters, branch: Branch) -> str:
    """All rows of the legs from the floor on. The second condition, in the index's key, follows from the first."""
    rows = f"{_rows(filters, branch)} and delta_band = any(%(bands)s::smallint[])"
    lowest = "(select lowest from floor)"
    if branch.kind == _TODAY:
        rows = f"{rows} and {lowest} is null"
    else:
        least = f"coalesce({lowest}, 0) * (leg.dte * {ROUNDING / RETURN_DAYS_MONTHLY!r})"
        rows = f"{rows} and {premium_pct(filters, branch.option_type)} >= {least}"
        most = most_over_bid(filters)
        if most is not None and most != 1:
            rows = f"{rows} and premium_pct >= {least} / {most!r}"
    return f"select row.* from {branch.legs} cross join lateral ({rows}) as row"  # noqa: S608 our own text


def _rows(filters: PremiumFilters, branch: Branch) -> str:
    percent = premium_pct(filters, branch.option_type)
    monthly = f"{UNKNOWN}::float8" if branch.kind == _TODAY else f"{percent} / leg.dte * {RETURN_DAYS_MONTHLY}"
    alive = "" if branch.kind == _LATER else " and expiry_instant > %(as_of)s"
    taken = f"({taken_by_next('leg.next_at_least')} or {taken_by_previous('leg.previous_before')})"
    return (
        f"select symbol, root, expiration, '{branch.option_type.value}' as option_type, strike, open_interest, "  # noqa: S608 our own text
        f"abs_delta, {percent} as percent, {monthly} as monthly_return "
        f"from {scan_table(branch.option_type)} "
        f"where expiration = leg.expiration and {branch.among} and {passes(filters, branch.option_type)} "
        f"and {taken}{alive}"
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
        abs(abs_delta - {PREFERRED_DELTA}), strike
"""  # noqa: S608 our own text

_RESULT: Final = """
    select premium.*
    from top join stock_premiums as premium using (symbol, root, expiration, option_type, strike)
    order by top.monthly_return desc, premium.symbol, premium.occ_symbol
    limit %(limit)s::int
"""
