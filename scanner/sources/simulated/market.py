"""The simulated prices of underlyings: a path by trading day and, inside a session, continuous in time.

Log price = a slowly forgetting sum of daily shocks around the company's level, so it never drifts away and any day is
found from the shocks of the days before it. Shocks are keyed by weekday number, not by session, so that the path does
not depend on the exchange calendar's range. Inside a session a Brownian bridge (Karhunen-Loeve expansion, 40 terms)
joins the open to the close; overnight there is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

import numpy as np

from scanner.sources.simulated.companies import Company
from scanner.sources.simulated.hashing import Floats, Integers, normals, stream

_SESSIONS_PER_YEAR: Final = 252
_WINDOW: Final = 512
_FORGETTING: Final = 1.0 - 1.0 / 100.0
_WEIGHTS: Final = _FORGETTING ** np.arange(_WINDOW - 1, -1, -1)
_VOLATILITY_WINDOW: Final = 128
_VOLATILITY_WEIGHTS: Final = 0.06 * 0.95 ** np.arange(_VOLATILITY_WINDOW - 1, -1, -1)
_LEVERAGE: Final = -0.6

_WAVES: Final = np.arange(1, 41)
_WAVE_SIZES: Final = np.sqrt(2.0) / (np.pi * _WAVES)
_GAP_SHARE: Final = 0.3
_GAP_SIZE: Final = 0.4
_BRIDGE_SIZE: Final = 0.85


@dataclass(frozen=True, slots=True)
class SessionPath:
    """One underlying on one session. Prices in $, `volatility` the decimal at-the-money level of the day.

    `previous_close` is the close of the session before, unrounded.
    """

    previous_close: float
    open: float
    close: float
    volatility: float
    bridge: Floats

    def price_at(self, elapsed: float) -> float:
        """$ per share to the cent after the part `elapsed` of the session, 0 at the open and 1 at the close."""
        drift = np.log(self.close / self.open) * elapsed
        wave = float(self.bridge @ np.sin(np.pi * elapsed * _WAVES))
        return max(0.01, round(self.open * float(np.exp(drift + wave)), 2))


def weekday_number(day: date) -> int:
    """Weekdays counted through; a Saturday or Sunday counts as the Friday before."""
    weeks, weekday = divmod(day.toordinal() - 1, 7)
    return weeks * 5 + min(weekday, 4)


@lru_cache(maxsize=256)
def _market_shocks(seed: int, last: int, count: int) -> Floats:
    return normals(stream(seed, "market"), _days(last, count))


def _days(last: int, count: int) -> Integers:
    return np.arange(last - count + 1, last + 1, dtype=np.int64)


def shocks(seed: int, company: Company, last: int, count: int) -> Floats:
    """Daily shocks of unit variance of the `count` weekdays ending at number `last`, market part included."""
    own = normals(stream(seed, company.symbol, "day"), _days(last, count))
    part = company.correlation
    return part * _market_shocks(seed, last, count) + float(np.sqrt(1.0 - part * part)) * own


def closes(seed: int, company: Company, last: int, count: int) -> Floats:
    """$ closes of the `count` weekdays ending at number `last`, unrounded."""
    moves = shocks(seed, company, last, count + _WINDOW - 1)
    windows = np.lib.stride_tricks.sliding_window_view(moves, _WINDOW)
    return company.price * np.exp(_daily(company) * (windows @ _WEIGHTS))


def session_path(seed: int, company: Company, session: date, previous: date) -> SessionPath:
    """The path of one session, given the session before it."""
    today, before = weekday_number(session), weekday_number(previous)
    moves = shocks(seed, company, today, today - before + _WINDOW)
    daily = _daily(company)
    level = np.log(company.price)
    previous_log = level + daily * float(moves[:_WINDOW] @ _WEIGHTS)
    close_log = level + daily * float(moves[-_WINDOW:] @ _WEIGHTS)
    gap = _GAP_SHARE * (close_log - previous_log) + _GAP_SIZE * daily * _draw(seed, company, "gap", today)
    waves = normals(stream(seed, company.symbol, "bridge", today), _WAVES)
    return SessionPath(
        previous_close=float(np.exp(previous_log)),
        open=float(np.exp(previous_log + gap)),
        close=float(np.exp(close_log)),
        volatility=_volatility(seed, company, before, moves[:_WINDOW]),
        bridge=_BRIDGE_SIZE * daily * _WAVE_SIZES * waves,
    )


def _volatility(seed: int, company: Company, last: int, moves: Floats) -> float:
    """The day's volatility level: it rises when prices fall and forgets within weeks."""
    own = normals(stream(seed, company.symbol, "volatility"), _days(last, _VOLATILITY_WINDOW))
    mixed = _LEVERAGE * moves[-_VOLATILITY_WINDOW:] + float(np.sqrt(1.0 - _LEVERAGE**2)) * own
    return company.volatility * float(np.exp(mixed @ _VOLATILITY_WEIGHTS))


def _draw(seed: int, company: Company, what: str, day: int) -> float:
    return float(normals(stream(seed, company.symbol, what), np.array([day]))[0])


def _daily(company: Company) -> float:
    return company.volatility / float(np.sqrt(_SESSIONS_PER_YEAR))
