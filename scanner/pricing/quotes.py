"""A chain's quotes as arrays: expirations numbered, calls and puts paired, mids and clean quotes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanner.conventions import SECONDS_PER_YEAR
from scanner.model import ChainSnapshot, OptionType
from scanner.pricing.arrays import Flags, Floats

Indices = NDArray[np.intp]
Instants = NDArray[np.datetime64]

CLEAN_SPREAD_OF_MID: Final = 0.20
CLEAN_SPREAD_USD: Final = 0.10
"""A quote is clean up to a spread of 20 % of its mid or $0.10."""

_INSTANT: Final = "datetime64[us]"
_YEAR: Final = np.timedelta64(SECONDS_PER_YEAR * 1_000_000, "us")


@dataclass(frozen=True, slots=True)
class Expirations:
    """The (root, expiration) groups of a chain; `of_row` numbers them for each contract.

    Adjusted contracts form groups of their own, so that they are never paired with standard ones.
    """

    of_row: Indices
    root: tuple[str, ...]
    day: tuple[date, ...]
    adjusted: Flags

    def __len__(self) -> int:
        return len(self.root)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows of calls and puts with the same group and strike, ascending by group, then strike.

    `order` sorts all rows by group, strike and side; `partner` is the row of the other side, -1 where it is not listed.
    """

    call: Indices
    put: Indices
    order: Indices
    partner: Indices


@dataclass(frozen=True, slots=True)
class QuoteArrays:
    """$/share; NaN and NaT unknown. `mid` only where `two_sided`: 0 < bid <= ask. `clean`: with a sane spread, too."""

    is_call: Flags
    strike: Floats
    bid: Floats
    ask: Floats
    mid: Floats
    two_sided: Flags
    clean: Flags
    quote_time: Instants
    expirations: Expirations
    pairs: Pairs


def read_quotes(snapshot: ChainSnapshot) -> QuoteArrays:
    """The quotes of a snapshot whose `contracts` are a `schema.CHAIN` frame."""
    contracts = snapshot.contracts
    is_call = np.asarray(contracts["option_type"].to_numpy() == OptionType.CALL.value, dtype=np.bool_)
    strike, bid, ask = (contracts[name].to_numpy() for name in ("strike", "bid", "ask"))
    expirations = _expirations(contracts)
    with np.errstate(invalid="ignore"):
        two_sided = (bid > 0) & (ask >= bid)
        mid = np.where(two_sided, 0.5 * (bid + ask), np.nan)
        clean = two_sided & (ask - bid <= np.maximum(CLEAN_SPREAD_OF_MID * mid, CLEAN_SPREAD_USD))
    return QuoteArrays(
        is_call=is_call,
        strike=strike,
        bid=bid,
        ask=ask,
        mid=mid,
        two_sided=two_sided,
        clean=clean,
        quote_time=contracts["quote_time"].to_numpy(dtype=_INSTANT),
        expirations=expirations,
        pairs=pair(expirations.of_row, strike, is_call),
    )


def pair(group: Indices, strike: Floats, is_call: Flags) -> Pairs:
    """Find the call and the put of each (group, strike)."""
    order = np.lexsort((is_call, strike, group))
    before, after = order[:-1], order[1:]
    same = (group[before] == group[after]) & (strike[before] == strike[after]) & (is_call[before] != is_call[after])
    put, call = before[same], after[same]
    partner = np.full(len(group), -1, dtype=np.intp)
    partner[put] = call
    partner[call] = put
    return Pairs(call=call, put=put, order=order, partner=partner)


def instant64(instant: datetime | None) -> np.datetime64:
    """An aware instant as datetime64[us] in UTC; None as NaT."""
    if instant is None:
        return np.datetime64("NaT", "us")
    return np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "us")


def years_between(earlier: Instants, later: Instants) -> Floats:
    """Elapsed time in years of 365 days; NaN where either is unknown."""
    return np.asarray((later - earlier) / _YEAR, dtype=np.float64)


def _expirations(contracts: pd.DataFrame) -> Expirations:
    roots = contracts["root"].to_numpy()
    days = contracts["expiration"].to_numpy()
    adjusted = contracts["adjusted"].to_numpy()
    one_root = len(roots) > 0 and bool((roots == roots[0]).all())
    codes, names = (0, roots[:1]) if one_root else pd.factorize(roots)
    key = days.view(np.int64) * (2 * max(len(names), 1)) + 2 * codes + adjusted
    _, first, of_row = np.unique(key, return_index=True, return_inverse=True)
    return Expirations(
        of_row=of_row,
        root=tuple(roots[first].tolist()),
        day=tuple(days[first].astype("datetime64[D]").tolist()),
        adjusted=adjusted[first],
    )
