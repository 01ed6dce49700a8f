"""Known bad quotes and extreme skew on the simulated market, and where they are: the truth for tests.

Cases of quotes lie in one expiration of the symbol, the listed one nearest to 30 days ahead (the earlier on a tie), on
the `rank`-th strike out of the money for its side, counted from the close of the session before. Everything not in
these tables is clean. An arbitrage involves its neighbours too: a test that flags both legs is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import numpy as np

from scanner.model import OptionType
from scanner.sources.simulated.companies import Company
from scanner.sources.simulated.hashing import Floats, Integers
from scanner.sources.simulated.quotes import Habits, Quotes

_TARGET_DAYS: Final = 30


class Case(StrEnum):
    """What is wrong or unusual. The first group concerns one contract, the second a whole symbol.

    Where there is unusual flow says `planted_flow`.
    """

    ZERO_BID = "zero_bid"
    NO_BID = "no_bid"
    NO_ASK = "no_ask"
    NO_QUOTE = "no_quote"
    CROSSED = "crossed"
    WIDE_SPREAD = "wide_spread"
    STALE_QUOTE = "stale_quote"
    PREVIOUS_SESSION_QUOTE = "previous_session_quote"
    QUOTE_TIME_UNKNOWN = "quote_time_unknown"
    VENDOR_IV_FAR = "vendor_iv_far"
    VENDOR_IV_UNKNOWN = "vendor_iv_unknown"
    ADJUSTED = "adjusted"
    VOLUME_UNKNOWN = "volume_unknown"
    OPEN_INTEREST_UNKNOWN = "open_interest_unknown"
    LIQUIDITY_UNKNOWN = "liquidity_unknown"
    NEW_STRIKE = "new_strike"
    EXECUTABLE_ARBITRAGE = "executable_arbitrage"
    UNUSUAL_FLOW = "unusual_flow"

    SPOT_SKEW = "spot_skew"
    NO_SPOT = "no_spot"
    UNREADABLE_ROWS = "unreadable_rows"
    MISSING_EXPIRATION = "missing_expiration"
    EXTREME_PUT_SKEW = "extreme_put_skew"
    EXTREME_CALL_SKEW = "extreme_call_skew"


@dataclass(frozen=True, slots=True)
class Plant:
    """One case on one contract of a symbol: the side and the number of strikes out of the money, 1 the nearest."""

    case: Case
    side: OptionType
    rank: int


@dataclass(frozen=True, slots=True)
class PlantedCase:
    """One row of the truth. `expiration` and `occ_symbol` are None where the case concerns the whole symbol."""

    symbol: str
    case: Case
    expiration: date | None = None
    occ_symbol: str | None = None


_PUT, _CALL = OptionType.PUT, OptionType.CALL

CONTRACT_CASES: Final[Mapping[str, tuple[Plant, ...]]] = {
    "SNOW": (
        Plant(Case.ZERO_BID, _PUT, 3),
        Plant(Case.NO_BID, _PUT, 4),
        Plant(Case.NO_ASK, _PUT, 5),
        Plant(Case.NO_QUOTE, _CALL, 3),
        Plant(Case.CROSSED, _CALL, 4),
        Plant(Case.WIDE_SPREAD, _CALL, 5),
    ),
    "TEAM": (
        Plant(Case.STALE_QUOTE, _PUT, 3),
        Plant(Case.PREVIOUS_SESSION_QUOTE, _PUT, 4),
        Plant(Case.QUOTE_TIME_UNKNOWN, _PUT, 5),
        Plant(Case.VENDOR_IV_FAR, _CALL, 3),
        Plant(Case.VENDOR_IV_UNKNOWN, _CALL, 4),
    ),
    "APP": (
        Plant(Case.ADJUSTED, _PUT, 3),
        Plant(Case.VOLUME_UNKNOWN, _PUT, 4),
        Plant(Case.NEW_STRIKE, _PUT, 5),
        Plant(Case.OPEN_INTEREST_UNKNOWN, _CALL, 3),
        Plant(Case.LIQUIDITY_UNKNOWN, _CALL, 4),
    ),
    "IBIT": (Plant(Case.EXECUTABLE_ARBITRAGE, _PUT, 4),),
}

SYMBOL_CASES: Final[Mapping[str, Case]] = {
    "UNH": Case.EXTREME_PUT_SKEW,
    "PLTR": Case.EXTREME_CALL_SKEW,
    "ZPSPOT": Case.SPOT_SKEW,
    "ZPNONE": Case.NO_SPOT,
    "ZPROWS": Case.UNREADABLE_ROWS,
    "ZPMISS": Case.MISSING_EXPIRATION,
}

UNREADABLE: Final[Mapping[str, int]] = {"contract symbol": 2, "strike": 1}
"""Rows a vendor would have sent without saying which contract they are, by reason."""

SPOT_SKEW: Final = timedelta(minutes=10)
"""How far the underlying's quote lies before the options'."""

_STALE_MICROSECONDS: Final = 40 * 60 * 1_000_000
_UNKNOWN_TIME: Final = np.iinfo(np.int64).min
_VENDOR_ERROR: Final = 0.12


def planted_company(company: Company) -> Company:
    """The company with extreme skew where that is planted; still without arbitrage: smile (1 + |skew|) <= 2."""
    case = SYMBOL_CASES.get(company.symbol)
    if case is Case.EXTREME_PUT_SKEW:
        return replace(company, skew=-0.9, smile=1.0)
    if case is Case.EXTREME_CALL_SKEW:
        return replace(company, skew=0.6, smile=1.0)
    return company


def planted_expiration(listed: Sequence[date], session: date) -> date:
    """The expiration that carries a symbol's cases."""
    return min(listed, key=lambda day: (abs((day - session).days - _TARGET_DAYS), day))


def position(side: OptionType, rank: int, ladder: Floats, previous_close: float) -> int | None:
    """Where the contract stands in its expiration (puts, then calls, by strike); None beyond the last strike."""
    below = int(np.searchsorted(ladder, previous_close))
    index = below - rank if side is OptionType.PUT else below + rank - 1
    if not 0 <= index < len(ladder):
        return None
    return index if side is OptionType.PUT else len(ladder) + index


def spoil_habits(known: Habits, cases: Sequence[tuple[Case, int]]) -> Habits:
    """The habits with new strikes and unknown open interest; `cases` name the positions in the arrays."""
    interest, volume = known.open_interest.copy(), known.day_volume.copy()
    for case, index in cases:
        if case is Case.NEW_STRIKE:
            interest[index], volume[index] = 0.0, max(500.0, float(volume[index]))
        elif case in (Case.OPEN_INTEREST_UNKNOWN, Case.LIQUIDITY_UNKNOWN):
            interest[index] = np.nan
    return replace(known, open_interest=interest, day_volume=volume)


def spoil_quotes(quoted: Quotes, cases: Sequence[tuple[Case, int]], *, opened: int, previous_close: int) -> None:
    """Change quotes in place; `opened` and `previous_close` in microseconds since 1970."""
    for case, index in cases:
        _spoil_price(quoted.bid, quoted.ask, case, index)
        _spoil_time(quoted.time, case, index, opened, previous_close)
        if case is Case.VENDOR_IV_FAR:
            quoted.vendor_iv[index] += _VENDOR_ERROR
        elif case is Case.VENDOR_IV_UNKNOWN:
            quoted.vendor_iv[index] = np.nan
        elif case in (Case.VOLUME_UNKNOWN, Case.LIQUIDITY_UNKNOWN):
            quoted.volume[index] = np.nan


def _spoil_price(bid: Floats, ask: Floats, case: Case, index: int) -> None:
    if case is Case.ZERO_BID:
        bid[index] = 0.0
    if case in (Case.NO_BID, Case.NO_QUOTE):
        bid[index] = np.nan
    if case in (Case.NO_ASK, Case.NO_QUOTE):
        ask[index] = np.nan
    if case is Case.CROSSED:
        bid[index], ask[index] = round(ask[index] + 0.05, 2), bid[index]
    if case is Case.WIDE_SPREAD:
        bid[index], ask[index] = np.floor(bid[index] * 10.0) / 20.0, np.ceil(ask[index] * 35.0) / 20.0
    if case is Case.EXECUTABLE_ARBITRAGE:
        # A put bid above the ask of the put at the next higher strike.
        bid[index] = round(ask[index + 1] + 0.1, 2)
        ask[index] = round(ask[index + 1] + 0.15, 2)


def _spoil_time(time: Integers, case: Case, index: int, opened: int, previous_close: int) -> None:
    if case is Case.STALE_QUOTE:
        time[index] = max(opened, int(time[index]) - _STALE_MICROSECONDS)
    elif case is Case.PREVIOUS_SESSION_QUOTE:
        time[index] = previous_close
    elif case is Case.QUOTE_TIME_UNKNOWN:
        time[index] = _UNKNOWN_TIME
