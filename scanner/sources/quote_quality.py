"""How good the quotes of one chain are, as sums that add up over chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from scanner.model import PLACEHOLDER_IV, ChainSnapshot
from scanner.pricing.quotes import instant64
from scanner.schema import Columns

FAR_IV: Final = 0.05
"""The vendor's volatility disagrees where it is further from ours than 5 points."""

CONTRACTS: Final = "contracts"
ZERO_QUOTES: Final = "zero_quotes"
CROSSED_QUOTES: Final = "crossed_quotes"
COMPARED_IV: Final = "compared_iv"
DISAGREEING_IV: Final = "disagreeing_iv"
AGED_QUOTES: Final = "aged_quotes"
AGE_SECONDS: Final = "age_seconds"
UNREADABLE: Final = "unreadable"


def quote_measures(snapshot: ChainSnapshot, facts: pd.DataFrame | Columns) -> Mapping[str, float]:
    """Counts and sums over a chain; `facts` are its priced rows (`schema.PRICED` columns), in the same order.

    A zero quote has no bid above zero. Ages are those of quotes with a time of their own, at the fetch.
    """
    bid, ask, ours, theirs = (np.asarray(facts[name]) for name in ("bid", "ask", "iv", "vendor_iv"))
    quoted = np.asarray(facts["quote_time"], dtype="datetime64[us]")
    waited = (instant64(snapshot.fetched_at) - quoted).astype("timedelta64[us]")
    age = np.where(np.isnat(waited), np.nan, waited.astype(np.int64) / 1e6)
    compared, aged = ~np.isnan(ours) & ~np.isnan(theirs), ~np.isnan(age)
    with np.errstate(invalid="ignore"):
        return {
            CONTRACTS: float(len(bid)),
            UNREADABLE: float(sum(snapshot.unreadable.values())),
            ZERO_QUOTES: float(np.sum(~(bid > 0))),
            CROSSED_QUOTES: float(np.sum(bid > ask)),
            PLACEHOLDER_IV: float(snapshot.notes.get(PLACEHOLDER_IV, 0)),
            COMPARED_IV: float(np.sum(compared)),
            DISAGREEING_IV: float(np.sum(np.abs(ours - theirs)[compared] > FAR_IV)),
            AGED_QUOTES: float(np.sum(aged)),
            AGE_SECONDS: float(np.sum(age[aged])),
        }
