"""Volatility of a symbol over the sessions: 30 days ahead, its rank and its percentile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import stdev
from typing import Final

from scanner.errors import InputError

SESSIONS: Final = 252
"""A year of sessions: what rank and percentile are of."""

DAYS_AHEAD: Final = 30
_YEARS: Final = DAYS_AHEAD / 365


@dataclass(frozen=True, slots=True)
class AtmVolatility:
    """`atm_iv` (decimal) of one expiration, `years` from its quotes to its expiry."""

    expiration: date
    years: float
    atm_iv: float


@dataclass(frozen=True, slots=True)
class Iv30:
    """`value` is decimal, None with a `reason`; `near` and `far` are the expirations it lies between."""

    value: float | None
    near: date | None = None
    far: date | None = None
    reason: str | None = None


NOT_BRACKETED: Final = "not_bracketed"
"""No expiration with a volatility on one of the two sides of thirty days."""


def iv30(points: Sequence[AtmVolatility]) -> Iv30:
    """At-the-money volatility thirty days ahead: total variance iv^2 x t linear in time between two expirations.

    Between the last one not after thirty days and the first not before; nothing is extrapolated. The method of the
    VIX (Cboe, "Volatility Index Methodology", step 3) on at-the-money volatility instead of variance strips. Raises
    InputError for years or volatilities that are not positive.
    """
    if any(not (point.years > 0 and 0 < point.atm_iv < math.inf) for point in points):
        raise InputError("years and volatilities must be positive")
    near = max((one for one in points if one.years <= _YEARS), key=lambda one: one.years, default=None)
    far = min((one for one in points if one.years >= _YEARS), key=lambda one: one.years, default=None)
    if near is None or far is None:
        return Iv30(None, reason=NOT_BRACKETED)
    width = far.years - near.years
    weight = (_YEARS - near.years) / width if width > 0 else 0.0
    low, high = near.atm_iv**2 * near.years, far.atm_iv**2 * far.years
    return Iv30(math.sqrt((low + weight * (high - low)) / _YEARS), near.expiration, far.expiration)


def realised_volatility(closes: Sequence[float], days: int) -> float | None:
    """Close-to-close volatility of the last `days` sessions, decimal a year: the sample standard deviation of their
    log returns x sqrt(252) (Hull, "Options, Futures and Other Derivatives", estimating volatility from historical
    data). None with fewer than `days` + 1 closes. Dividends are in it as price changes.

    Raises InputError for closes that are not positive and fewer than two days.
    """
    if days < 2 or any(not 0 < close < math.inf for close in closes):
        raise InputError("closes must be positive, and a volatility needs two days")
    if len(closes) <= days:
        return None
    last = closes[-days - 1 :]
    moves = [math.log(after / before) for before, after in pairwise(last)]
    return stdev(moves) * math.sqrt(SESSIONS)


@dataclass(frozen=True, slots=True)
class VolatilityPlace:
    """Where the latest `iv30` (decimal) lies among those of the last 252 sessions. `sessions` of them are known.

    `rank` and `percentile` are in %, None until all 252 are known, and `rank` where all are the same.
    """

    iv30: float | None
    sessions: int
    rank: float | None = None
    percentile: float | None = None


def place(values: Sequence[float | None]) -> VolatilityPlace:
    """Of the volatilities of consecutive sessions, the latest last; None is unknown and counts as no session.

    IV rank = (latest - lowest) / (highest - lowest) x 100; IV percentile = sessions with a lower volatility / the
    other sessions x 100. The latest session takes part in the range and not in the count.
    """
    known = [value for value in values if value is not None][-SESSIONS:]
    latest = values[-1] if values else None
    if latest is None or len(known) < SESSIONS:
        return VolatilityPlace(latest, len(known))
    lowest, highest = min(known), max(known)
    return VolatilityPlace(
        iv30=latest,
        sessions=len(known),
        rank=None if highest == lowest else 100 * (latest - lowest) / (highest - lowest),
        percentile=100 * sum(value < latest for value in known) / (len(known) - 1),
    )
