"""From premium rows to a ranked list with an account of everything left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanner import quality, schema
from scanner.calendar import MarketCalendar, market_date, target_windows
from scanner.conventions import PREFERRED_DELTA
from scanner.earnings import earnings_tests
from scanner.errors import InputError
from scanner.model import (
    ChainSnapshot,
    Dividend,
    ExpirationWindow,
    PremiumFilters,
    RejectionReason,
    ScanResult,
    SymbolCount,
)
from scanner.premium_facts import as_of_columns, premium_facts
from scanner.pricing.arrays import Flags
from scanner.pricing.quotes import instant64
from scanner.pricing.rates import RateCurve

REASONS: Final = tuple(RejectionReason)
"""The codes of `rejections`: positions in this tuple."""


_EVERY_DTE: Final = 10_000


def rejections(
    rows: pd.DataFrame, filters: PremiumFilters, *, as_of: datetime, earnings: Mapping[str, date] | None = None
) -> NDArray[np.int8]:
    """The first failing test of each `schema.SCAN` row: its position in `REASONS`, -1 where the row passes.

    `rows` come from `as_of_columns` with the same instant and the filters' basis. Limits are inclusive and apply to
    unrounded values; an unknown value fails the limit it meets. `earnings` as `earnings.next_earnings` gives them.
    """
    if bool((rows["price_basis"] != str(filters.basis)).any()):
        raise InputError(f"the rows are not on the price basis {filters.basis} of the filters")
    failing = {
        **_expiration_tests(rows, filters, as_of),
        **_limit_tests(rows, filters),
        **earnings_tests(rows, filters.earnings, earnings or {}),
    }
    stored = {reason.value: code for code, reason in enumerate(REASONS)}
    quote = np.array([stored.get(reason, -1) for reason in rows["quote_reason"].tolist()], dtype=np.int8)
    first = np.full(len(rows), -1, dtype=np.int8)
    for code in range(len(REASONS) - 1, -1, -1):
        first[quote == code] = code
        if REASONS[code] in failing:
            first[failing[REASONS[code]]] = code
    return first


def _expiration_tests(rows: pd.DataFrame, filters: PremiumFilters, as_of: datetime) -> dict[RejectionReason, Flags]:
    dte, strategy = rows["dte"].to_numpy(), rows["strategy"].to_numpy()
    wanted = np.isin(strategy.astype(str), [one.value for one in filters.strategies])
    return {
        RejectionReason.EXPIRED: rows["expiry_instant"].to_numpy(dtype="datetime64[us]") <= instant64(as_of),
        RejectionReason.OTHER_STRATEGY: ~wanted,
        RejectionReason.NOT_TARGET_EXPIRATION: ~_on_target(rows, filters.target_dtes, market_date(as_of)),
        RejectionReason.OUTSIDE_DTE_WINDOW: (dte < filters.dte_min) | (dte > filters.dte_max),
    }


def _on_target(rows: pd.DataFrame, targets: Sequence[int], today: date) -> Flags:
    expiration = rows["expiration"].to_numpy()
    days: list[date] = np.unique(expiration.astype("datetime64[D]")).tolist()
    windows = target_windows(days, today=today, targets=targets, dte_min=0, dte_max=_EVERY_DTE)
    previous, following = rows["previous_expiration"].to_numpy(), rows["next_expiration"].to_numpy()
    taken = np.zeros(len(rows), dtype=bool)
    for window in windows:
        taken |= (expiration == np.datetime64(window.expiration)) & _window_holds(window, previous, following)
    return taken


def _window_holds(
    window: ExpirationWindow, previous: NDArray[np.datetime64], following: NDArray[np.datetime64]
) -> Flags:
    holds = np.ones(len(previous), dtype=bool)
    if window.next_at_least is not None:
        holds &= np.isnat(following) | (following >= np.datetime64(window.next_at_least))
    if window.previous_before is not None:
        holds &= np.isnat(previous) | (previous < np.datetime64(window.previous_before))
    return holds


def _limit_tests(rows: pd.DataFrame, filters: PremiumFilters) -> dict[RejectionReason, Flags]:
    volume, interest = rows["volume"].to_numpy(), rows["open_interest"].to_numpy()
    delta = np.abs(rows["delta"].to_numpy())
    liquid = (volume >= filters.volume_min) | (interest >= filters.open_interest_min)
    tests = {
        RejectionReason.LIQUIDITY_UNKNOWN: np.isnan(volume) & np.isnan(interest),
        RejectionReason.ILLIQUID: ~liquid,
        RejectionReason.DELTA_OUT_OF_RANGE: ~((delta >= filters.delta_min) & (delta <= filters.delta_max)),
    }
    if filters.max_stock_price is not None:
        tests[RejectionReason.STOCK_PRICE_TOO_HIGH] = ~(rows["spot"].to_numpy() <= filters.max_stock_price)
    if filters.min_premium_pct is not None:
        tests[RejectionReason.PREMIUM_TOO_LOW] = ~(rows["premium_pct"].to_numpy() >= filters.min_premium_pct)
    if filters.max_spread_pct is not None:
        tests[RejectionReason.SPREAD_TOO_WIDE] = ~(rows["spread_pct"].to_numpy() <= filters.max_spread_pct)
    if filters.min_grade is not None:
        worst = quality.grade_codes([filters.min_grade.value])[0]
        tests[RejectionReason.GRADE_TOO_LOW] = quality.grade_codes(rows["grade"].tolist()) > worst
    return tests


def rank(rows: pd.DataFrame, *, best_per_expiration: bool) -> pd.DataFrame:
    """Order passed `schema.SCAN` rows by monthly return, highest first, unknown last.

    With `best_per_expiration` only one row per (symbol, root, expiration, strategy) stays: the highest premium_pct,
    then the higher open interest (unknown is lowest), then |delta| nearer 0.30, then the OCC code. Rows of one monthly
    return are ordered by symbol, then OCC code, so the order never depends on the order of the input.
    """
    codes = {name: np.unique(rows[name].to_numpy().astype(str), return_inverse=True)[1] for name in _RANK_TEXTS}
    if best_per_expiration:
        best = _best(rows, codes)
        rows, codes = rows.iloc[best], {name: values[best] for name, values in codes.items()}
    order = np.lexsort((codes["occ_symbol"], codes["symbol"], -rows["monthly_return"].to_numpy()))
    return rows.iloc[order].reset_index(drop=True)


_RANK_TEXTS: Final = ("symbol", "root", "strategy", "occ_symbol")


def _best(rows: pd.DataFrame, codes: Mapping[str, NDArray[np.intp]]) -> NDArray[np.intp]:
    group = (rows["expiration"].to_numpy().view(np.int64), codes["strategy"], codes["root"], codes["symbol"])
    interest = np.nan_to_num(rows["open_interest"].to_numpy(), nan=-1.0)
    away = np.abs(np.abs(rows["delta"].to_numpy()) - PREFERRED_DELTA)
    order = np.lexsort((codes["occ_symbol"], away, -interest, -rows["premium_pct"].to_numpy(), *group))
    first = np.zeros(len(rows), dtype=bool)
    first[:1] = True
    for key in group:
        first[1:] |= key[order[1:]] != key[order[:-1]]
    return order[first]


@dataclass(frozen=True, slots=True)
class PremiumScanner:
    """Scans chains held in memory. `rates` price them; `calendar` must reach past their last expiration."""

    calendar: MarketCalendar
    rates: RateCurve

    def scan(
        self,
        snapshots: Sequence[ChainSnapshot],
        filters: PremiumFilters,
        *,
        as_of: datetime,
        symbols: Sequence[str] = (),
        dividends: Mapping[str, Sequence[Dividend]] | None = None,
        earnings: Mapping[str, date] | None = None,
    ) -> ScanResult:
        """Price, filter and rank chains, one per symbol, and account for every contract of theirs.

        `symbols` are those asked for; the ones without a chain are listed in the result. `earnings`: symbol -> day, as
        `earnings.next_earnings` gives them. Raises InputError where a
        symbol comes twice, UnknownIndexRootError, CalendarError.
        """
        known = dividends or {}
        facts = {
            one.symbol: premium_facts(
                one, calendar=self.calendar, rates=self.rates, dividends=known.get(one.symbol, ()), basis=filters.basis
            )
            for one in snapshots
        }
        if len(facts) != len(snapshots):
            raise InputError("a symbol has more than one chain in the same scan")
        unreadable = {one.symbol: sum(one.unreadable.values()) for one in snapshots}
        return self.scan_facts(facts, filters, as_of=as_of, symbols=symbols, unreadable=unreadable, earnings=earnings)

    def scan_facts(
        self,
        facts: Mapping[str, pd.DataFrame],
        filters: PremiumFilters,
        *,
        as_of: datetime,
        symbols: Sequence[str] = (),
        unreadable: Mapping[str, int] | None = None,
        earnings: Mapping[str, date] | None = None,
    ) -> ScanResult:
        """The same for `schema.PREMIUM` frames by symbol; `unreadable` counts vendor rows that are in none of them."""
        frames = [frame for frame in facts.values() if len(frame)]
        table = pd.concat(frames, ignore_index=True) if frames else schema.PREMIUM.empty()
        rows = as_of_columns(table, as_of=as_of, basis=filters.basis, calendar=self.calendar)
        codes = rejections(rows, filters, as_of=as_of, earnings=earnings)
        passed = rows.iloc[np.flatnonzero(codes < 0)]
        return ScanResult(
            rows=rank(passed, best_per_expiration=filters.best_per_expiration),
            filters=filters,
            as_of=as_of,
            counts=_counts({symbol: len(frame) for symbol, frame in facts.items()}, codes, unreadable or {}),
            without_data=tuple(symbol for symbol in dict.fromkeys(symbols) if symbol not in facts),
        )


def _counts(
    sizes: Mapping[str, int], codes: NDArray[np.int8], unreadable: Mapping[str, int]
) -> tuple[SymbolCount, ...]:
    """One account per symbol; `codes` are the rejections of all rows, symbol after symbol."""
    counts = []
    start = 0
    for symbol, size in sizes.items():
        tally = np.bincount(codes[start : start + size].astype(np.intp) + 1, minlength=len(REASONS) + 1).tolist()
        start += size
        rejected = {reason: number for reason, number in zip(REASONS, tally[1:], strict=True) if number}
        lost = unreadable.get(symbol, 0)
        if lost:
            rejected = {RejectionReason.UNREADABLE: lost, **rejected}
        counts.append(SymbolCount(symbol, fetched=size + lost, passed=tally[0], rejected=rejected))
    return tuple(counts)
