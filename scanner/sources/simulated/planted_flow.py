"""Unusual flow on the simulated market: single contracts with far more volume than open interest.

Each lies in the last expiration listed in the week after the session's, which every flow scan takes, on the first
strike out of the money for its side, seen from the close of the session before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from scanner.model import OptionType
from scanner.sources.simulated.quotes import Habits

_WEEK: Final = timedelta(days=7)
_TYPICAL: Final = 100_000.0 * 0.12
"""1000 x 100 shares x |delta| x volatility of a contract near the money."""


@dataclass(frozen=True, slots=True)
class FlowPlant:
    """At the session's end volume is `ratio` times the open interest, and the whale score about `whale`."""

    side: OptionType
    ratio: float
    whale: float


_PUT, _CALL = OptionType.PUT, OptionType.CALL

FLOW_CASES: Final[Mapping[str, FlowPlant]] = {
    "AAPL": FlowPlant(_CALL, 10.0, 700.0),
    "AMD": FlowPlant(_PUT, 12.0, 900.0),
    "CAT": FlowPlant(_PUT, 22.0, 1500.0),
    "COIN": FlowPlant(_CALL, 14.0, 1200.0),
    "CRM": FlowPlant(_CALL, 20.0, 1100.0),
    "GS": FlowPlant(_PUT, 9.5, 600.0),
    "JPM": FlowPlant(_CALL, 11.0, 800.0),
    "LLY": FlowPlant(_CALL, 13.0, 900.0),
    "META": FlowPlant(_CALL, 14.0, 700.0),
    "NVDA": FlowPlant(_CALL, 11.0, 900.0),
    "PLTR": FlowPlant(_PUT, 16.0, 1400.0),
    "SPY": FlowPlant(_PUT, 9.0, 900.0),
    "TSLA": FlowPlant(_PUT, 12.0, 1000.0),
    "UNH": FlowPlant(_CALL, 18.0, 1200.0),
    "XOM": FlowPlant(_CALL, 10.0, 900.0),
}


def flow_expiration(listed: Sequence[date], session: date) -> date | None:
    """The expiration that carries a symbol's flow; None where that week has none."""
    monday = session - timedelta(days=session.weekday()) + _WEEK
    return max((day for day in listed if monday <= day < monday + _WEEK), default=None)


def busy_habits(known: Habits, plant: FlowPlant, index: int, *, share_volume: float) -> Habits:
    """The habits where the contract at `index` has the flow; `share_volume`: shares a session of the underlying."""
    interest, volume = known.open_interest.copy(), known.day_volume.copy()
    contracts = plant.whale * share_volume / (_TYPICAL * plant.ratio)
    volume[index] = round(contracts)
    interest[index] = round(contracts / plant.ratio)
    return replace(known, open_interest=interest, day_volume=volume)
