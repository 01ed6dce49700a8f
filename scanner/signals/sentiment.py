"""The market's mood: the mean 25-delta skew over symbols (definitions 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import pandas as pd

NEAREST_DTE: Final = 5
"""Each symbol counts with its nearest expiration that is at least so many days away."""


class Sentiment(StrEnum):
    EXTREME_FEAR = "EXTREME_FEAR"
    ELEVATED_FEAR = "ELEVATED_FEAR"
    NEUTRAL = "NEUTRAL"
    BULLISH = "BULLISH"
    EUPHORIA = "EUPHORIA"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class MarketSentiment:
    """`mean_skew` and `deviation` (of the sample; unknown below two) in vol points over `symbols` symbols.

    `without_skew` symbols were looked at and have no skew at that expiration.
    """

    sentiment: Sentiment
    mean_skew: float | None
    deviation: float | None
    symbols: int
    without_skew: int


def sentiment_of(mean_skew: float | None) -> Sentiment:
    """Above 5 extreme fear, above 3 elevated fear, above -1 neutral, above -3 bullish, else euphoria; None unknown."""
    if mean_skew is None or math.isnan(mean_skew):
        return Sentiment.UNKNOWN
    if mean_skew > 5:
        return Sentiment.EXTREME_FEAR
    if mean_skew > 3:
        return Sentiment.ELEVATED_FEAR
    if mean_skew > -1:
        return Sentiment.NEUTRAL
    return Sentiment.BULLISH if mean_skew > -3 else Sentiment.EUPHORIA


def market_sentiment(expirations: pd.DataFrame, *, today: date) -> MarketSentiment:
    """The sentiment of a `schema.EXPIRY_SIGNALS` frame of many symbols; `today` is the market's date.

    Only the nearest expiration of each symbol from `NEAREST_DTE` days on counts; one without a skew is left out of the
    mean and counted. Of two roots of one symbol on that day the first by name with a skew counts.
    """
    first = pd.Timestamp(today + timedelta(days=NEAREST_DTE))
    coming = expirations[expirations["expiration"] >= first]
    nearest = coming[coming["expiration"] == coming.groupby("symbol")["expiration"].transform("min")]
    skews = nearest.sort_values(["symbol", "root"]).groupby("symbol")["skew_25d"].first()
    known = skews.dropna()
    mean = float(known.mean()) if len(known) else None
    return MarketSentiment(
        sentiment=sentiment_of(mean),
        mean_skew=mean,
        deviation=float(known.std(ddof=1)) if len(known) > 1 else None,
        symbols=len(known),
        without_skew=len(skews) - len(known),
    )
