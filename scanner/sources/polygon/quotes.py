"""Polygon's option snapshots read into our columns. What cannot be read is counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from scanner.model import PLACEHOLDER_IV
from scanner.sources.base import Capabilities
from scanner.sources.polygon.contracts import Question, SizedContract, UnreadableError, identified, read, read_part
from scanner.sources.polygon.listing import Listing
from scanner.sources.polygon.values import count, instant, number
from scanner.symbols import Contract

UNUSABLE_QUOTE_TIME: Final = "unusable_quote_time"
"""A key of `ChainSnapshot.notes`: times of quotes that are none, or later than the answer."""

OTHER_VOLUME: Final = "volume_of_another_day"
"""A key of `ChainSnapshot.notes`: volumes of a day before the answer's session, or of no day."""

NEW_YORK: Final = ZoneInfo("America/New_York")
UNKNOWN_PLAN: Final = Capabilities(quote_times=True, open_interest=True, vendor_iv=True, delay_seconds=None)
"""Before an answer shows what the plan of the key includes."""

_NUMBERS: Final = 6
_DELAYS: Final = {"REAL-TIME": 0.0, "DELAYED": 900.0}
"""Seconds by the `timeframe` of a quote or trade."""


@dataclass(frozen=True, slots=True)
class QuotedContract:
    """One snapshot. `numbers` are bid, ask, last, volume, open interest and volatility, NaN where unknown.

    `traded_on` is the day in New York that the volume is of, `newest` the latest time of anything in it.
    """

    sized: SizedContract
    numbers: tuple[float, ...]
    quote_time: datetime | None
    quote_time_unusable: bool
    traded_on: date | None
    newest: datetime | None
    delay_seconds: float | None


def quoted_contracts(
    answers: Iterable[tuple[Question, Sequence[Any]]], listing: Listing, *, until: datetime
) -> tuple[list[QuotedContract], Counter[str]]:
    """Contracts with their quotes, and how many rows could not be used, by reason. Times after `until` are unknown.

    Raises PayloadError where a row belongs to another underlying: then the question was not understood.
    """
    quoted: dict[Contract, QuotedContract] = {}
    unreadable: Counter[str] = Counter()
    for question, rows in answers:
        for row in rows:
            try:
                one = _quoted(row, question, listing, until)
                if one.sized.contract in quoted:
                    raise UnreadableError("duplicate")
            except UnreadableError as error:
                unreadable[str(error)] += 1
                continue
            quoted[one.sized.contract] = one
    return list(quoted.values()), unreadable


def _quoted(row: Any, question: Question, listing: Listing, until: datetime) -> QuotedContract:
    if not isinstance(row, Mapping):
        raise UnreadableError("not_an_object")
    sized = identified(row, question, listing)
    quote, trade, bar = (read_part(row, key) for key in ("last_quote", "last_trade", "day"))
    price, close = read(number, trade, "price"), read(number, bar, "close")
    quote_time = instant(quote.get("last_updated"), until=until)
    bar_time = instant(bar.get("last_updated"), until=until)
    trade_time = instant(trade.get("sip_timestamp"), until=until)
    spot_time = instant(read_part(row, "underlying_asset").get("last_updated"), until=until)
    return QuotedContract(
        sized=sized,
        numbers=(
            read(number, quote, "bid"),
            read(number, quote, "ask"),
            price if price > 0 else close,
            read(count, bar, "volume"),
            read(count, row, "open_interest"),
            read(number, row, "implied_volatility"),
        ),
        quote_time=quote_time,
        quote_time_unusable=quote_time is None and quote.get("last_updated") is not None,
        traded_on=None if bar_time is None else _day(bar_time),
        newest=max(filter(None, (quote_time, bar_time, trade_time, spot_time)), default=None),
        delay_seconds=_DELAYS.get(str(quote.get("timeframe") or trade.get("timeframe"))),
    )


def _day(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()


def chain_frame(quoted: Sequence[QuotedContract]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The `schema.CHAIN` frame, and what was taken out of it, by kind.

    A bid of 0 is a fact only beside an ask; an ask, a last price or a volatility of 0 is none. The daily bar is the
    latest there is: a volume counts where its day is the one of the newest time in the whole answer.
    """
    contracts = [one.sized.contract for one in quoted]
    table = np.array([one.numbers for one in quoted], dtype=np.float64).reshape(-1, _NUMBERS)
    bid, ask, last, volume, open_interest, volatility = table.T
    other_day = ~np.isnan(volume) & ~_of_the_session(quoted)
    notes = {
        UNUSABLE_QUOTE_TIME: sum(one.quote_time_unusable for one in quoted),
        OTHER_VOLUME: int(np.sum(other_day)),
        PLACEHOLDER_IV: int(np.sum(volatility == 0)),
    }
    frame = pd.DataFrame(
        {
            "root": pd.Series([contract.root for contract in contracts], dtype="str"),
            "expiration": np.array([contract.expiration for contract in contracts], dtype="datetime64[s]"),
            "option_type": pd.Series([contract.option_type.value for contract in contracts], dtype="str"),
            "strike": np.array([contract.strike for contract in contracts], dtype=np.float64),
            "occ_symbol": pd.Series([contract.occ for contract in contracts], dtype="str"),
            "multiplier": np.array([one.sized.multiplier for one in quoted], dtype=np.int64),
            "adjusted": np.array([one.sized.adjusted for one in quoted], dtype=bool),
            "bid": np.where((bid == 0) & ~(ask > 0), np.nan, bid),
            "ask": np.where(ask == 0, np.nan, ask),
            "last": np.where(last == 0, np.nan, last),
            "volume": np.where(other_day, np.nan, volume),
            "open_interest": open_interest,
            "vendor_iv": np.where(volatility == 0, np.nan, volatility),
            "quote_time": pd.Series([one.quote_time for one in quoted], dtype="datetime64[us, UTC]"),
        }
    )
    return frame, {kind: number for kind, number in notes.items() if number}


def _of_the_session(quoted: Sequence[QuotedContract]) -> np.ndarray:
    newest = max((one.newest for one in quoted if one.newest is not None), default=None)
    session = None if newest is None else _day(newest)
    return np.array([one.traded_on is not None and one.traded_on == session for one in quoted], dtype=bool)


def seen_capabilities(quoted: Sequence[QuotedContract]) -> Capabilities:
    """What the plan includes, as far as these contracts show: quotes, their times, and how late they are."""
    delays = [one.delay_seconds for one in quoted if one.delay_seconds is not None]
    return Capabilities(
        quote_times=any(one.quote_time is not None for one in quoted),
        open_interest=True,
        vendor_iv=True,
        delay_seconds=max(delays, default=None),
        bid_ask=any(not math.isnan(one.numbers[0]) or not math.isnan(one.numbers[1]) for one in quoted),
    )
