"""From a chain to premium rows, and from premium rows to a ranked list with an account of everything left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from scanner import quality, returns, schema
from scanner.calendar import MarketCalendar, market_date, target_windows
from scanner.conventions import PREFERRED_DELTA, RETURN_DAYS_ANNUAL, RETURN_DAYS_MONTHLY
from scanner.earnings import earnings_tests
from scanner.errors import InputError
from scanner.model import (
    ChainSnapshot,
    Dividend,
    ExpirationWindow,
    Grade,
    OptionType,
    PremiumFilters,
    PriceBasis,
    RejectionReason,
    ScanResult,
    Strategy,
    SymbolCount,
)
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.chain import price_chain
from scanner.pricing.probabilities import prob_profit
from scanner.pricing.quotes import instant64
from scanner.pricing.rates import RateCurve

REASONS: Final = tuple(RejectionReason)
"""The codes of `rejections`: positions in this tuple."""


EXPIRES_TODAY: Final = "expires_today"
"""Flag of rows on their expiration day, the reason why they have no return per day."""

_EVERY_DTE: Final = 10_000

_TEXT: Final[Any] = pd.StringDtype(na_value=np.nan)
_ARROW_TEXT: Final = pa.large_string()
_INSTANT: Final = pd.DatetimeTZDtype("us", "UTC")
_STRATEGIES: Final = np.array([Strategy.COVERED_CALL.value, Strategy.CASH_SECURED_PUT.value], dtype=object)
_GRADES: Final = np.array([grade.value for grade in Grade], dtype=object)


def premium_facts(
    snapshot: ChainSnapshot,
    *,
    calendar: MarketCalendar,
    rates: RateCurve,
    dividends: Sequence[Dividend] = (),
    basis: PriceBasis = PriceBasis(),  # noqa: B008 frozen
) -> pd.DataFrame:
    """Everything that follows from one chain's quotes, a `schema.PREMIUM` frame in the order of its contracts.

    Nothing in it depends on when it is asked for: see `as_of_columns`. Raises UnknownIndexRootError and CalendarError.
    """
    columns = premium_columns(snapshot, calendar=calendar, rates=rates, dividends=dividends, basis=basis)
    return pd.DataFrame(columns, copy=False)


def premium_columns(
    snapshot: ChainSnapshot,
    *,
    calendar: MarketCalendar,
    rates: RateCurve,
    dividends: Sequence[Dividend] = (),
    basis: PriceBasis = PriceBasis(),  # noqa: B008 frozen
) -> schema.Columns:
    """The columns of `premium_facts`, some shared with the chain."""
    priced = price_chain(snapshot, calendar=calendar, rates=rates, dividends=dividends)
    contracts = {str(name): _array(values) for name, values in snapshot.contracts.items()}
    arrays = {name: contracts[name] for name in _JUDGED}
    judged = quality.judge(quality.QuoteColumns(root=contracts["root"].tolist(), **arrays), priced, snapshot.underlying)
    count = len(snapshot.contracts)
    previous, following = _listed_neighbours(arrays["expiration"], snapshot.listed_expirations)
    priced_columns = {name: _declared(name, values) for name, values in priced.columns.items()}
    columns = {
        **contracts,
        "symbol": _repeated(snapshot.symbol, count),
        "source": _repeated(snapshot.source, count),
        "fetched_at": _instants(np.full(count, instant64(snapshot.fetched_at))),
        "answer_time": _instants(np.full(count, instant64(snapshot.answer_time))),
        "previous_expiration": previous,
        "next_expiration": following,
        **priced_columns,
        "flags": _texts(judged.flags),
        "quote_reason": _texts(judged.quote_reason),
        "quote_grade": _texts(judged.quote_grade),
        "grade_reasons": _texts(judged.grade_reasons),
        **_premium_columns({**arrays, **priced.columns}, ~priced.is_call, contracts["multiplier"], basis),
        "price_basis": _repeated(str(basis), count),
    }
    return {name: columns[name] for name in _PREMIUM_NAMES}


_JUDGED: Final = ("expiration", "strike", "adjusted", "bid", "ask", "volume", "open_interest", "vendor_iv")
_PREMIUM_NAMES: Final = schema.PREMIUM.names
_KINDS: Final = {column.name: column.kind for column in schema.SCAN.columns}


def _premium_columns(
    facts: Mapping[str, Floats], is_put: Flags, multiplier: NDArray[np.int64], basis: PriceBasis
) -> dict[str, Floats]:
    spot, strike = facts["spot"], facts["strike"]
    premium = returns.seller_premium(bid=facts["bid"], ask=facts["ask"], fraction=basis.fraction)
    collateral = returns.collateral(strike=strike, spot=spot, is_put=is_put)
    break_even = returns.break_even(premium=premium, collateral=collateral)
    return {
        "premium": premium,
        "premium_usd": premium * multiplier,
        "premium_pct": returns.premium_pct(premium=premium, collateral=collateral),
        "collateral_usd": collateral * multiplier,
        "break_even": break_even,
        "downside_protection": returns.downside_protection(spot=spot, break_even=break_even),
        "if_called_return": returns.if_called_return(premium=premium, strike=strike, spot=spot, is_put=is_put),
        "prob_profit": prob_profit(
            forward=facts["forward"], break_even=break_even, years=facts["years_to_expiry"], volatility=facts["iv"]
        ),
    }


def _listed_neighbours(
    expiration: NDArray[np.datetime64], listed: Sequence[date]
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """The listed expirations before and after each contract's own, NaT where there is none."""
    days = np.union1d(np.array(listed, dtype="datetime64[s]"), expiration)
    framed = np.concatenate((_NO_DAY, days, _NO_DAY))
    position = np.searchsorted(days, expiration)
    return framed[position], framed[position + 2]


_NO_DAY: Final = np.array(["NaT"], dtype="datetime64[s]")


def as_of_columns(facts: pd.DataFrame, *, as_of: datetime, basis: PriceBasis, calendar: MarketCalendar) -> pd.DataFrame:
    """`schema.PREMIUM` rows as seen at one instant on one price basis: a new `schema.SCAN` frame, same rows and order.

    Adds days to expiry, returns, ages and the final grade, and what the instant adds to `flags` and `grade_reasons`;
    where the rows hold another basis their premium columns are computed anew from bid and ask. Raises InputError for
    a naive instant, CalendarError outside the calendar.
    """
    frame = facts.copy(deep=False)
    is_put = facts["option_type"].to_numpy() == OptionType.PUT.value
    if bool((facts["price_basis"] != str(basis)).any()):
        needed = ("bid", "ask", "spot", "strike", "forward", "years_to_expiry", "iv")
        arrays = {name: facts[name].to_numpy() for name in needed}
        for name, values in _premium_columns(arrays, is_put, facts["multiplier"].to_numpy(), basis).items():
            frame[name] = values
        frame["price_basis"] = _repeated(str(basis), len(facts))
    days = (facts["expiration"].to_numpy().astype("datetime64[D]") - np.datetime64(market_date(as_of))).astype(np.int64)
    percent, dte = frame["premium_pct"].to_numpy(), days.astype(np.float64)
    frame["strategy"] = _texts(_STRATEGIES[is_put.astype(np.intp)])
    frame["dte"] = days
    frame["daily_return"] = returns.scaled_return(premium_pct=percent, dte=dte, days=1)
    frame["monthly_return"] = returns.scaled_return(premium_pct=percent, dte=dte, days=RETURN_DAYS_MONTHLY)
    frame["annual_return"] = returns.scaled_return(premium_pct=percent, dte=dte, days=RETURN_DAYS_ANNUAL)
    for name, column in _age_columns(facts, as_of, calendar).items():
        frame[name] = column
    frame["flags"] = _texts(_with_flag(facts["flags"].tolist(), EXPIRES_TODAY, days == 0))
    return frame


def _with_flag(flags: list[str], flag: str, rows: Flags) -> list[str]:
    for row in np.flatnonzero(rows).tolist():
        flags[row] = f"{flags[row]},{flag}" if flags[row] else flag
    return flags


def _age_columns(facts: pd.DataFrame, as_of: datetime, calendar: MarketCalendar) -> dict[str, Any]:
    ages = quality.quote_ages(
        facts["quote_time"].to_numpy(dtype="datetime64[us]"),
        facts["answer_time"].to_numpy(dtype="datetime64[us]"),
        as_of=as_of,
        cutoffs=quality.age_cutoffs(as_of, calendar),
    )
    reasons = facts["grade_reasons"].tolist()
    for row in np.flatnonzero(ages.grade).tolist():
        reasons[row] = "; ".join(filter(None, (reasons[row], quality.AGE_REASONS[ages.grade[row]])))
    return {
        "quote_age_seconds": ages.seconds,
        "age_is_minimum": ages.is_minimum,
        "age_state": _texts(ages.state),
        "grade": _texts(_GRADES[np.maximum(ages.grade, quality.grade_codes(facts["quote_grade"].tolist()))]),
        "grade_reasons": _texts(reasons),
    }


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


def _array(values: pd.Series) -> Any:
    return values.array if _KINDS[str(values.name)] in ("text", "instant") else values.to_numpy()


def _texts(values: Sequence[str | None] | NDArray[Any]) -> Any:
    return _TEXT.__from_arrow__(pa.array(values, type=_ARROW_TEXT))


def _repeated(text: str, count: int) -> Any:
    return _TEXT.__from_arrow__(pa.repeat(pa.scalar(text, type=_ARROW_TEXT), count))


def _instants(values: NDArray[np.datetime64]) -> Any:
    return pd.array(values, dtype=_INSTANT)


def _declared(name: str, values: NDArray[Any]) -> Any:
    """A priced column in its declared type: texts and instants come as plain arrays."""
    kind = _KINDS[name]
    return _texts(values) if kind == "text" else _instants(values) if kind == "instant" else values
