"""Whether earnings come before a contract expires, after it, or nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from scanner.model import EarningsFilter, EarningsState, ReferenceData, RejectionReason
from scanner.pricing.arrays import Flags

NEVER: Final = date.max
"""The next earnings of what reports none."""


def next_earnings(references: Iterable[ReferenceData], *, today: date) -> dict[str, date]:
    """Symbol -> the day of its next earnings, `NEVER` for funds. Unknown and past days are left out."""
    days = {one.symbol: NEVER if one.earnings_state is EarningsState.NONE else one.next_earnings for one in references}
    return {symbol: day for symbol, day in days.items() if day is not None and day >= today}


def earnings_tests(
    rows: pd.DataFrame, wanted: EarningsFilter, coming: Mapping[str, date]
) -> dict[RejectionReason, Flags]:
    """The rows of a scan that fail the filter, by reason.

    Earnings on the expiration day count as before it: of a company that reports at the open they are. `coming` as
    `next_earnings` gives it; symbols that it leaves out are unknown.
    """
    if wanted is EarningsFilter.ANY:
        return {}
    days = np.array([coming.get(symbol) for symbol in rows["symbol"].tolist()], dtype="datetime64[s]")
    unknown, before = np.isnat(days), days <= rows["expiration"].to_numpy()
    match wanted:
        case EarningsFilter.EXCLUDE:
            return {RejectionReason.EARNINGS_BEFORE_EXPIRATION: before, RejectionReason.EARNINGS_UNKNOWN: unknown}
        case EarningsFilter.EXCLUDE_KNOWN:
            return {RejectionReason.EARNINGS_BEFORE_EXPIRATION: before}
        case _:
            return {
                RejectionReason.EARNINGS_UNKNOWN: unknown,
                RejectionReason.EARNINGS_AFTER_EXPIRATION: ~before & ~unknown,
            }
