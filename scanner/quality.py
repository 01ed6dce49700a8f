"""How far a quote can be trusted: flags, the first failing quote test, the grade and its reasons.

The grade is the worst of its conditions (definitions 4). What follows from the quote alone is decided once and stored;
the age part depends on the instant of the question and is decided by `age_cutoffs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scanner.calendar import MarketCalendar
from scanner.model import QUOTE_REASONS, AgeCutoffs, Grade, RejectionReason, UnderlyingQuote
from scanner.pricing.arbitrage import ExecutableQuotes, Integers, executable_arbitrage
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.chain import PricedChain
from scanner.pricing.quotes import instant64
from scanner.symbols import is_index_root

FAR_FROM_MONEY_DEVIATIONS: Final = 2.0
"""|ln(strike / forward)| / (iv sqrt(years)) beyond which an approximate forward costs the grade (delta under 0.025)."""

VENDOR_IV_TOLERANCE: Final = 0.05
_NOISE: Final = 1e-9

_GRADES: Final = tuple(Grade)
_REASON_TEXTS: Final = np.array([*(reason.value for reason in QUOTE_REASONS), None], dtype=object)
"""The last, at -1, says that nothing fails."""


@dataclass(frozen=True, slots=True)
class _Condition:
    grade: Grade
    reason: str
    flag: str | None = None


_CONDITIONS: Final[Mapping[str, _Condition]] = {
    "adjusted": _Condition(Grade.F, "adjusted contract", "adjusted"),
    "spot_skew": _Condition(Grade.F, "stock and option prices of different times", "spot_skew"),
    "arbitrage": _Condition(Grade.F, "executable arbitrage against other quotes", "arbitrage"),
    "no_bid": _Condition(Grade.F, "zero or missing bid", "no_bid"),
    "no_ask": _Condition(Grade.F, "zero or missing ask", "no_ask"),
    "crossed": _Condition(Grade.F, "bid above ask", "crossed"),
    "no_iv": _Condition(Grade.F, "no implied volatility"),
    "spread_f": _Condition(Grade.F, "spread over 50 %"),
    "spread_d": _Condition(Grade.D, "spread over 20 %"),
    "approximate_forward": _Condition(Grade.D, "approximate forward far from the money", "approximate_forward"),
    "spread_c": _Condition(Grade.C, "spread over 10 % and $0.10"),
    "quote_time_unknown": _Condition(Grade.C, "time of the quote unknown", "quote_time_unknown"),
    "vendor_iv_differs": _Condition(Grade.C, "vendor's IV more than 5 points away", "vendor_iv_differs"),
    "open_interest_unknown": _Condition(Grade.C, "open interest unknown", "open_interest_unknown"),
    "thin": _Condition(Grade.C, "open interest under 50 and volume under 100"),
    "spread_b": _Condition(Grade.B, "spread over 5 % and $0.05"),
    "modest": _Condition(Grade.B, "open interest under 100"),
}
"""Everything that costs a grade, worst first. The flags among them are the whole vocabulary of the column `flags`."""


@dataclass(frozen=True, slots=True)
class QuoteQuality:
    """Columns of `schema.PRICED`: lists of texts that run parallel to the contracts, None where nothing is said."""

    flags: list[str]
    quote_reason: list[str | None]
    quote_grade: list[str]
    grade_reasons: list[str]


@dataclass(frozen=True, slots=True)
class QuoteColumns:
    """The columns of a `schema.CHAIN` frame that quality looks at, as arrays."""

    root: list[str]
    expiration: NDArray[np.datetime64]
    strike: Floats
    adjusted: Flags
    bid: Floats
    ask: Floats
    volume: Floats
    open_interest: Floats
    vendor_iv: Floats


def judge(quotes: QuoteColumns, priced: PricedChain, underlying: UnderlyingQuote) -> QuoteQuality:
    """Flags, quote reason, and grade without the age part, of every contract of one chain."""
    root_names, root = _numbered(quotes.root)
    is_index = np.array([is_index_root(name) for name in root_names], dtype=bool)[root]
    facts = _facts(quotes, priced)
    facts["arbitrage"] = executable_arbitrage(
        _executable(quotes, root, priced, underlying, american=~is_index), ~quotes.adjusted
    )
    bits = np.zeros(len(root), dtype=np.int64)
    for position, name in enumerate(_CONDITIONS):
        bits |= facts[name].astype(np.int64) << position
    masks, which = np.unique(bits, return_inverse=True)
    described = np.array([_described(mask) for mask in masks.tolist()], dtype=object).reshape(-1, 3)[which]
    return QuoteQuality(
        flags=described[:, 0].tolist(),
        quote_reason=_REASON_TEXTS[_quote_reasons(facts, priced, is_index)].tolist(),
        quote_grade=described[:, 1].tolist(),
        grade_reasons=described[:, 2].tolist(),
    )


def _numbered(texts: list[str]) -> tuple[list[str], Integers]:
    """The different texts, and for each of `texts` its position among them. Most chains have one root only."""
    if texts and texts.count(texts[0]) == len(texts):
        return texts[:1], np.zeros(len(texts), dtype=np.int64)
    position = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return list(position), np.fromiter(map(position.__getitem__, texts), dtype=np.int64, count=len(texts))


@cache
def _described(mask: int) -> tuple[str, str, str]:
    """Flags, grade and reasons of one combination of conditions; bit n is the n-th of `_CONDITIONS`."""
    met = [condition for position, condition in enumerate(_CONDITIONS.values()) if mask >> position & 1]
    flags = ",".join(condition.flag for condition in met if condition.flag)
    worst = max((condition.grade for condition in met), default=Grade.A)
    return flags, worst.value, "; ".join(condition.reason for condition in met)


def _facts(quotes: QuoteColumns, priced: PricedChain) -> dict[str, Flags]:
    bid, ask, volume, interest = quotes.bid, quotes.ask, quotes.volume, quotes.open_interest
    columns = priced.columns
    spread, iv = columns["spread_pct"], columns["iv"]
    with np.errstate(invalid="ignore", divide="ignore"):
        width = ask - bid
        over = {limit: spread > limit + _NOISE for limit in (5, 10, 20, 50)}
        over[5] &= width > 0.05 + _NOISE
        over[10] &= width > 0.10 + _NOISE
        over[20] &= over[10]
        over[50] &= over[10]
        deviations = np.abs(np.log(quotes.strike / columns["forward"])) / (iv * np.sqrt(columns["years_to_expiry"]))
        busy = volume >= 100
        return {
            "adjusted": quotes.adjusted,
            "spot_skew": priced.spot_skew,
            "no_bid": ~(bid > 0),
            "no_ask": ~(ask > 0),
            "crossed": (bid > ask) & (ask > 0),
            "no_iv": np.isnan(iv),
            "spread_f": over[50],
            "spread_d": over[20] & ~over[50],
            "spread_c": over[10] & ~over[20],
            "spread_b": over[5] & ~over[10],
            "approximate_forward": _approximate(columns["forward_method"]) & (deviations > FAR_FROM_MONEY_DEVIATIONS),
            "quote_time_unknown": priced.quote_time_unknown,
            "vendor_iv_differs": np.abs(iv - quotes.vendor_iv) > VENDOR_IV_TOLERANCE + _NOISE,
            "open_interest_unknown": np.isnan(interest),
            "thin": (interest < 50) & ~busy,
            "modest": (interest < 100) & ((interest >= 50) | busy),
        }


def _approximate(forward_method: NDArray[Any]) -> Flags:
    """Every forward except the one from European parity is an estimate."""
    return np.asarray(forward_method != "parity", dtype=bool)


def _quote_reasons(facts: Mapping[str, Flags], priced: PricedChain, is_index: Flags) -> Integers:
    """Position of the first failing test in `QUOTE_REASONS`, -1 where none fails."""
    with np.errstate(invalid="ignore"):
        failing = {
            RejectionReason.ADJUSTED: facts["adjusted"],
            RejectionReason.INDEX_ROOT: is_index,
            RejectionReason.NO_SPOT: np.isnan(priced.columns["spot"]),
            RejectionReason.NOT_OUT_OF_THE_MONEY: ~(priced.columns["otm_pct"] > 0),
            RejectionReason.NO_BID: facts["no_bid"],
            RejectionReason.NO_ASK: facts["no_ask"],
            RejectionReason.CROSSED: facts["crossed"],
            RejectionReason.NO_IMPLIED_VOLATILITY: facts["no_iv"],
        }
    first = np.full(len(is_index), -1, dtype=np.int64)
    for code in range(len(QUOTE_REASONS) - 1, -1, -1):
        first[failing[QUOTE_REASONS[code]]] = code
    return first


def _executable(
    quotes: QuoteColumns, root: Integers, priced: PricedChain, underlying: UnderlyingQuote, *, american: Flags
) -> ExecutableQuotes:
    stock_bid, stock_ask = underlying.bid or np.nan, underlying.ask or np.nan
    same_time = (0 < stock_bid <= stock_ask) & ~priced.spot_skew
    return ExecutableQuotes(
        group=_group(quotes.expiration, root),
        strike=quotes.strike,
        is_call=priced.is_call,
        bid=quotes.bid,
        ask=quotes.ask,
        american=american,
        years=priced.columns["years_to_expiry"],
        rate=priced.columns["rate"],
        stock_bid=np.where(same_time, stock_bid, np.nan),
        stock_ask=np.where(same_time, stock_ask, np.nan),
    )


def _group(expiration: NDArray[np.datetime64], root: Integers) -> Integers:
    """Numbers the (root, expiration) from 0."""
    _, dates = np.unique(expiration, return_inverse=True)
    return np.asarray(dates * (root.max(initial=0) + 1) + root, dtype=np.int64)


def age_cutoffs(as_of: datetime, calendar: MarketCalendar) -> AgeCutoffs:
    """The earliest quote times that still earn each grade at `as_of`; see `AgeCutoffs`.

    In session ages count back from `as_of`, and a quote from before the open is of an earlier session. While the
    market is closed they count back from the last close. Raises InputError for a naive instant, CalendarError outside
    the calendar.
    """
    clock = calendar.clock(as_of)
    reference = as_of if clock.is_open else clock.closes_at

    def back(seconds: int) -> datetime:
        return max(reference - timedelta(seconds=seconds), clock.opens_at)

    return AgeCutoffs(
        reference=reference, market_open=clock.is_open, a=back(60), b=back(300), c=back(900), d=clock.opens_at
    )


AGE_REASONS: Final[tuple[str, ...]] = (
    "",
    "quote older than 60 seconds",
    "quote older than 5 minutes",
    "quote older than 15 minutes",
    "quote of an earlier session or of unknown time",
)
"""Why the age part of the grade is not A, by its code."""


def age_grades(effective_time: NDArray[np.datetime64], cutoffs: AgeCutoffs) -> NDArray[np.int8]:
    """The age part of the grade as codes 0 (A) to 4 (F) of UTC times without a zone; NaT is F."""
    grades = np.full(len(effective_time), 4, dtype=np.int8)
    for code, cutoff in ((3, cutoffs.d), (2, cutoffs.c), (1, cutoffs.b), (0, cutoffs.a)):
        grades[effective_time >= instant64(cutoff)] = code
    return grades


AGE_STATES: Final = np.array(["fresh", "delayed", "stale", "closed", "unknown"], dtype=object)


@dataclass(frozen=True, slots=True)
class QuoteAges:
    """How old quotes are at one instant. All arrays run parallel to the quotes.

    `seconds` is NaN where no time is known; it is the least possible where `is_minimum`: the quote's own time is
    unknown and that of the whole answer stands for it. `state` is one of `AGE_STATES`; `grade` as of `age_grades`.
    """

    seconds: Floats
    is_minimum: Flags
    state: NDArray[Any]
    grade: NDArray[np.int8]


def quote_ages(
    quote_time: NDArray[np.datetime64], answer_time: NDArray[np.datetime64], *, as_of: datetime, cutoffs: AgeCutoffs
) -> QuoteAges:
    """The ages at `as_of` of quotes with these UTC times without a zone, NaT where unknown. `cutoffs` are of `as_of`.

    In session: fresh up to a minute with a time of its own, delayed up to 15 minutes, else stale. While the market is
    closed the same counts back from the close, and says closed.
    """
    own_unknown = np.isnat(quote_time)
    effective = np.where(own_unknown, answer_time, quote_time)
    grade = age_grades(effective, cutoffs)
    state = np.full(len(effective), 2)
    state[grade <= 2] = 1 if cutoffs.market_open else 3
    if cutoffs.market_open:
        state[(grade == 0) & ~own_unknown] = 0
    state[np.isnat(effective)] = 4
    return QuoteAges(
        seconds=np.subtract(instant64(as_of), effective) / np.timedelta64(1, "s"),
        is_minimum=own_unknown & ~np.isnat(effective),
        state=AGE_STATES[state],
        grade=grade,
    )


def grade_codes(grades: list[str]) -> NDArray[np.int8]:
    """Letters A to F as codes 0 to 4, so that the worse of two is the larger."""
    codes = {grade.value: code for code, grade in enumerate(_GRADES)}
    return np.array([codes[grade] for grade in grades], dtype=np.int8)
