from __future__ import annotations

import math
import statistics
from datetime import date

import pandas as pd
import pytest

from scanner.signals.sentiment import Sentiment, market_sentiment, sentiment_of

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("mean", "sentiment"),
    [
        (5.01, "EXTREME_FEAR"),
        (5.0, "ELEVATED_FEAR"),
        (3.0, "NEUTRAL"),
        (-0.99, "NEUTRAL"),
        (-1.0, "BULLISH"),
        (-2.99, "BULLISH"),
        (-3.0, "EUPHORIA"),
        (None, "UNKNOWN"),
        (math.nan, "UNKNOWN"),
    ],
)
def test_bands(mean: float | None, sentiment: str) -> None:
    assert sentiment_of(mean) is Sentiment(sentiment)


def frame(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["symbol", "root", "expiration", "skew_25d"])
    return made.assign(expiration=pd.to_datetime(made["expiration"]))


def test_each_symbol_counts_once_with_its_nearest_expiration_from_five_days_on() -> None:
    found = market_sentiment(
        frame(
            ("KO", "KO", "2026-11-27", 50.0),
            ("KO", "KO", "2026-11-30", 4.0),
            ("KO", "KO", "2026-12-18", 90.0),
            ("PEP", "PEP", "2026-12-04", 7.0),
            ("AAPL", "AAPL", "2026-12-04", math.nan),
            ("SPX", "SPX", "2026-12-18", math.nan),
            ("SPX", "SPXW", "2026-12-18", 10.0),
        ),
        today=TODAY,
    )
    assert found.mean_skew == pytest.approx(7.0)
    assert found.deviation == pytest.approx(statistics.stdev([4.0, 7.0, 10.0]))
    assert (found.symbols, found.without_skew) == (3, 1)
    assert found.sentiment is Sentiment.EXTREME_FEAR


@pytest.mark.parametrize("rows", [(), (("KO", "KO", "2026-11-27", 4.0),), (("KO", "KO", "2026-12-18", math.nan),)])
def test_without_a_skew_the_mood_is_unknown(rows: tuple[tuple[str, str, str, float], ...]) -> None:
    found = market_sentiment(frame(*rows), today=TODAY)
    assert (found.sentiment, found.mean_skew, found.deviation, found.symbols) == (Sentiment.UNKNOWN, None, None, 0)


def test_one_symbol_has_no_deviation() -> None:
    assert market_sentiment(frame(("KO", "KO", "2026-12-18", 2.0)), today=TODAY).deviation is None
