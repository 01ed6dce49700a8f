"""How every stored contract fares in a scan, counted without looking at every stored contract.

What concerns a whole expiration and side, and what is wrong with a quote whatever the filters say, is summed from
`stock_premium_counts`; only rows with a good quote on a target expiration are tested one by one, in one pass over the
narrow tables of the scan. Both come from one statement, so that they add up while a sync writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import Connection

from db.scan_conditions import Leg, among, every_leg, legs, limit_tests, scan_table
from scanner.model import (
    QUOTE_REASONS,
    ExpirationWindow,
    OptionType,
    PremiumFilters,
    RejectionReason,
    SymbolCount,
)

ALL_SYMBOLS: Final = "*"
_REASONS: Final = tuple(RejectionReason)
_PASSED: Final = -1
_GOOD: Final = -2
"""Rows with a good quote on a target expiration: their sum from the counts is replaced by the rows' own tests."""

_SETTINGS: Final = (
    "select set_config('jit', 'off', true), set_config('enable_seqscan', 'on', true), "
    "set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true), "
    "set_config('enable_bitmapscan', 'off', true), set_config('max_parallel_workers_per_gather', '1', true), "
    "set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true), "
    "set_config('min_parallel_table_scan_size', '4MB', true)"
)
"""One helper process, for the counts of a large universe too: the rows are too many for one core in the time a page may
take."""


def count(
    connection: Connection[Any],
    filters: PremiumFilters,
    windows: Sequence[ExpirationWindow],
    values: Mapping[str, Any],
) -> SymbolCount:
    """The account of all stored contracts together. `values` are those of `scan_conditions.parameters`."""
    (total,) = _accounts(_answers(connection, filters, windows, values, by_symbol=False)) or (
        SymbolCount(ALL_SYMBOLS, 0, 0, {}),
    )
    return total


def count_by_symbol(
    connection: Connection[Any],
    filters: PremiumFilters,
    windows: Sequence[ExpirationWindow],
    values: Mapping[str, Any],
) -> tuple[SymbolCount, ...]:
    """The account of each symbol with a stored chain, alphabetically."""
    return _accounts(_answers(connection, filters, windows, values, by_symbol=True))


def _answers(
    connection: Connection[Any],
    filters: PremiumFilters,
    windows: Sequence[ExpirationWindow],
    values: Mapping[str, Any],
    *,
    by_symbol: bool,
) -> list[tuple[Any, ...]]:
    """Rows of (symbol, code, contracts, contracts by quote reason); the reasons are 0 but for the code `_GOOD`."""
    symbol, groups = ("symbol", "symbol, ") if by_symbol else (f"'{ALL_SYMBOLS}'", "")
    universe = among(values["symbols"])
    reasons = ", ".join(f"sum({reason.value})" for reason in QUOTE_REASONS)
    none = ", 0" * len(QUOTE_REASONS)
    statement = f"""
        select {symbol}, stage, sum(contracts), {reasons}
        from (select *, {_stage(filters, windows)} as stage from stock_premium_counts where {universe}) as staged
        group by {groups}stage
        union all
        select {symbol}, code, count(*){none}
        from ({_tested(filters, windows, groups, universe)}) as tested group by {groups}code
        union all
        select {symbol}, {_code(RejectionReason.UNREADABLE)}, sum(unreadable){none}
        from stock_chains where {universe} {"group by symbol" if by_symbol else ""}
    """  # noqa: S608 our own text
    connection.execute(_SETTINGS)
    return connection.execute(statement, values, prepare=False).fetchall()


def _stage(filters: PremiumFilters, windows: Sequence[ExpirationWindow]) -> str:
    """What concerns a whole expiration and side, in the documented order."""
    sides = ", ".join(f"'{strategy.option_type.value}'" for strategy in filters.strategies)
    return f"""
        case
            when expiry_instant <= %(as_of)s then {_code(RejectionReason.EXPIRED)}
            when option_type not in ({sides}) then {_code(RejectionReason.OTHER_STRATEGY)}
            when {_on(legs(filters, windows))} then {_GOOD}
            when {_on(every_leg(windows))} then {_code(RejectionReason.OUTSIDE_DTE_WINDOW)}
            else {_code(RejectionReason.NOT_TARGET_EXPIRATION)}
        end
    """


def _tested(filters: PremiumFilters, windows: Sequence[ExpirationWindow], groups: str, universe: str) -> str:
    """The rows with a good quote in one pass over each side, none of a side that is not asked for.

    Both sides are named always: over a union the planner expects few groups, and lets each process count its own rows.
    """
    wanted = _on(legs(filters, windows))
    asked = {strategy.option_type for strategy in filters.strategies}
    return " union all ".join(
        f"select {groups}{_tests(filters, side)} as code from {scan_table(side)} "  # noqa: S608 our own text
        f"where {universe} and ({wanted if side in asked else 'false'})"
        for side in OptionType
    )


def _on(some: Sequence[Leg]) -> str:
    return " or ".join(f"({leg.condition})" for leg in some) or "false"


def _tests(filters: PremiumFilters, option_type: OptionType) -> str:
    """The first failing limit. Liquidity comes first and fails seldom less than half: one look decides both reasons."""
    unknown, illiquid, *others = limit_tests(filters, option_type)
    failing = " ".join(f"when ({condition}) is not true then {_code(reason)}" for reason, condition in others)
    return (
        f"case when {illiquid[1]} then case {failing} else {_PASSED} end "
        f"when {unknown[1]} then {_code(illiquid[0])} else {_code(unknown[0])} end"
    )


def _code(reason: RejectionReason) -> int:
    return _REASONS.index(reason)


def _accounts(answers: Sequence[tuple[Any, ...]]) -> tuple[SymbolCount, ...]:
    tallies: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for symbol, code, contracts, *by_reason in answers:
        tally = tallies[symbol]
        if code == _GOOD:
            for reason, number in zip(QUOTE_REASONS, by_reason, strict=True):
                tally[_code(reason)] += int(number)
        else:
            tally[code] += int(contracts or 0)
    return tuple(_account(symbol, tally) for symbol, tally in sorted(tallies.items()))


def _account(symbol: str, tally: Mapping[int, int]) -> SymbolCount:
    rejected = {reason: tally[code] for code, reason in enumerate(_REASONS) if tally.get(code)}
    passed = tally.get(_PASSED, 0)
    return SymbolCount(symbol, fetched=passed + sum(rejected.values()), passed=passed, rejected=rejected)
