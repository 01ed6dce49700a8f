from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from scanner.model import PLACEHOLDER_IV, ChainSnapshot, Mode, UnderlyingQuote
from scanner.schema import CHAIN
from scanner.sources import quote_quality
from scanner.sources.quote_quality import quote_measures

FETCHED_AT = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
NAN = float("nan")


def facts(*rows: tuple[float, float, float, float, str | None]) -> pd.DataFrame:
    """(bid, ask, our volatility, the vendor's, time of the quote) of each contract."""
    frame = pd.DataFrame(rows, columns=["bid", "ask", "iv", "vendor_iv", "quote_time"])
    frame["quote_time"] = pd.to_datetime(frame["quote_time"], utc=True)
    return frame.astype(dict.fromkeys(["bid", "ask", "iv", "vendor_iv"], "float64"))


def snapshot(notes: dict[str, int], unreadable: dict[str, int]) -> ChainSnapshot:
    return ChainSnapshot(
        symbol="KO",
        source="yahoo",
        mode=Mode.LIVE,
        fetched_at=FETCHED_AT,
        answer_time=FETCHED_AT,
        underlying=UnderlyingQuote(),
        listed_expirations=(),
        contracts=CHAIN.empty(),
        unreadable=unreadable,
        notes=notes,
    )


def test_a_chain_counted_by_hand() -> None:
    priced = facts(
        (1.0, 1.2, 0.30, 0.31, "2026-11-25T16:59:50Z"),  # good: 1 point apart, 10 s old
        (1.0, 1.2, 0.30, 0.36, "2026-11-25T16:59:30Z"),  # 6 points apart, 30 s old
        (0.0, 0.1, NAN, 0.40, None),  # zero quote, nothing to compare, no time
        (NAN, NAN, NAN, NAN, None),  # no quote at all
        (2.0, 1.9, 0.50, NAN, None),  # crossed
        (1.0, 1.0, 0.20, 0.2501, "2026-11-25T16:59:59Z"),  # locked is not crossed; 5.01 points apart, 1 s old
    )
    found = quote_measures(snapshot({PLACEHOLDER_IV: 7, "other": 3}, {"bad_bid": 2, "duplicate": 1}), priced)
    assert found == {
        quote_quality.CONTRACTS: 6.0,
        quote_quality.UNREADABLE: 3.0,
        quote_quality.ZERO_QUOTES: 2.0,
        quote_quality.CROSSED_QUOTES: 1.0,
        PLACEHOLDER_IV: 7.0,
        quote_quality.COMPARED_IV: 3.0,
        quote_quality.DISAGREEING_IV: 2.0,
        quote_quality.AGED_QUOTES: 3.0,
        quote_quality.AGE_SECONDS: 41.0,
    }


def test_a_chain_without_contracts_counts_nothing() -> None:
    found = quote_measures(snapshot({}, {}), facts())
    assert set(found.values()) == {0.0}


def test_nothing_is_compared_or_aged_where_the_vendor_gives_neither() -> None:
    found = quote_measures(snapshot({}, {}), facts((1.0, 1.1, 0.3, NAN, None)))
    assert (found[quote_quality.COMPARED_IV], found[quote_quality.AGED_QUOTES]) == (0.0, 0.0)
    assert found[quote_quality.AGE_SECONDS] == 0.0
