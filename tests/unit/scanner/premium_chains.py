"""Chains and their rows, for the tests of what follows from them and of their ranking."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd

from scanner.calendar import MarketCalendar
from scanner.model import (
    BasisKind,
    ChainSnapshot,
    PriceBasis,
    Strategy,
)
from scanner.premium_facts import premium_facts
from scanner.pricing.rates import RateCurve

NEW_YORK = ZoneInfo("America/New_York")
RATES = RateCurve.flat(0.04)
MID = PriceBasis(BasisKind.MID)
BOTH = tuple(Strategy)
NOW = datetime(2025, 6, 4, 11, 30, tzinfo=NEW_YORK)
SYMBOLS = ("SNOW", "TEAM", "APP", "IBIT", "ZPROWS", "ZPNONE")


def facts_of(chain: ChainSnapshot, calendar: MarketCalendar, basis: PriceBasis | None = None) -> pd.DataFrame:
    return premium_facts(chain, calendar=calendar, rates=RATES, basis=basis or PriceBasis())


def one(frame: pd.DataFrame, strike: float, option_type: str) -> pd.Series:
    return frame[(frame["strike"] == strike) & (frame["option_type"] == option_type)].iloc[0]
