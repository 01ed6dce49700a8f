"""Where the fake Yahoo takes its answers from: recorded files, a source's snapshots, or bodies written by a test."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pandas as pd

from scanner.errors import NoOptionsError, SymbolNotFoundError
from scanner.model import ChainSnapshot, DailyClose, EarningsState, ReferenceData
from scanner.sources.base import ChainSource, ReferenceSource, nearest_only

EMPTY_CHAIN: dict[str, Any] = {"optionChain": {"result": [], "error": None}}
"""What Yahoo says of a symbol it does not know."""

PLACEHOLDER_VOLATILITY = 1.0000000000000003e-05

_IN_SESSION = timedelta(minutes=16)
"""An answer this fresh comes from an open market: Yahoo lags up to 15 minutes."""


class YahooAnswers(Protocol):
    """Bodies by Yahoo's spelling of a symbol; None where Yahoo does not know it."""

    def options(self, symbol: str, epoch: int | None) -> dict[str, Any] | None: ...

    def summary(self, symbol: str) -> dict[str, Any] | None: ...

    def chart(self, symbol: str) -> dict[str, Any] | None: ...


class WrittenAnswers:
    """Bodies as given. A dated request finds its expiration among the `options` blocks of the symbol's body.

    Without a date the first block is sent, as Yahoo does. A date without a block gets an empty one, which is what
    Yahoo answered when asked for a date in the past.
    """

    def __init__(
        self, options: Mapping[str, Mapping[str, Any]], summaries: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        self._options = dict(options)
        self._summaries = dict(summaries or {})

    def options(self, symbol: str, epoch: int | None) -> dict[str, Any] | None:
        body = self._options.get(symbol)
        if body is None or not body["optionChain"]["result"]:
            return None if body is None else dict(body)
        result = body["optionChain"]["result"][0]
        if epoch is None:
            blocks = result["options"][:1]
        else:
            empty = {"expirationDate": epoch, "hasMiniOptions": False, "calls": [], "puts": []}
            blocks = [block for block in result["options"] if block["expirationDate"] == epoch] or [empty]
        return {"optionChain": {"result": [{**result, "options": blocks}], "error": None}}

    def summary(self, symbol: str) -> dict[str, Any] | None:
        body = self._summaries.get(symbol)
        return None if body is None else dict(body)

    def chart(self, symbol: str) -> dict[str, Any] | None:
        return None


def recorded_body(path: Path) -> dict[str, Any]:
    """The body of a recorded answer, with or without its envelope."""
    recorded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    body: dict[str, Any] = recorded.get("body", recorded)
    return body


class SourceAnswers:
    """Answers written from another source's snapshots, usually the simulated market."""

    def __init__(self, chains: ChainSource, references: ReferenceSource | None = None) -> None:
        self._chains = chains
        self._references = references

    def options(self, symbol: str, epoch: int | None) -> dict[str, Any] | None:
        try:
            if epoch is None:
                return chain_body(self._chains.chain(_canonical(symbol), nearest_only), symbol)
            day = datetime.fromtimestamp(epoch, UTC).date()
            snapshot = self._chains.chain(_canonical(symbol), lambda listed: [day] if day in listed else [])
            return chain_body(snapshot, symbol, only=day)
        except SymbolNotFoundError:
            return None
        except NoOptionsError:
            return options_body(symbol, listed=(), quote={"symbol": symbol}, blocks=())

    def summary(self, symbol: str) -> dict[str, Any] | None:
        if self._references is None:
            return None
        try:
            return summary_body(self._references.reference(_canonical(symbol)))
        except SymbolNotFoundError:
            return None

    def chart(self, symbol: str) -> dict[str, Any] | None:
        if self._references is None:
            return None
        try:
            return chart_body(symbol, self._references.closes(_canonical(symbol)))
        except SymbolNotFoundError:
            return None


def _canonical(symbol: str) -> str:
    return symbol.removeprefix("^").replace("-", ".")


def midnight(day: date) -> int:
    """The epoch Yahoo names an expiration by."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def chart_body(symbol: str, closes: Sequence[DailyClose]) -> dict[str, Any]:
    """Bars whose times are the opens of their sessions, as Yahoo's are."""
    opens = [int(datetime(*one.session.timetuple()[:3], 9, 30, tzinfo=_NEW_YORK).timestamp()) for one in closes]
    meta = {"symbol": symbol, "exchangeTimezoneName": "America/New_York", "dataGranularity": "1d"}
    values = [one.close for one in closes]
    result = {"meta": meta, "timestamp": opens, "indicators": {"quote": [{"close": values}]}}
    return {"chart": {"result": [result], "error": None}}


_NEW_YORK = ZoneInfo("America/New_York")


def options_body(
    symbol: str, *, listed: Iterable[date], quote: Mapping[str, Any], blocks: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    result = {
        "underlyingSymbol": symbol,
        "expirationDates": [midnight(day) for day in listed],
        "strikes": [],
        "hasMiniOptions": False,
        "quote": dict(quote),
        "options": [dict(block) for block in blocks],
    }
    return {"optionChain": {"result": [result], "error": None}}


def chain_body(snapshot: ChainSnapshot, symbol: str, *, only: date | None = None) -> dict[str, Any]:
    """A snapshot as Yahoo would send it: first expiration, or `only`. What Yahoo cannot say is lost: quote times."""
    frame = snapshot.contracts
    days = [day.date() for day in pd.to_datetime(frame["expiration"]).drop_duplicates().sort_values()]
    days = [only] if only is not None else days[:1]
    blocks = [_block(frame[frame["expiration"] == pd.Timestamp(day)], day) for day in days]
    return options_body(symbol, listed=snapshot.listed_expirations, quote=_quote(snapshot, symbol), blocks=blocks)


def _quote(snapshot: ChainSnapshot, symbol: str) -> dict[str, Any]:
    underlying = snapshot.underlying
    time = snapshot.answer_time or underlying.last_time
    in_session = time is not None and snapshot.fetched_at - time < _IN_SESSION
    quote: dict[str, Any] = {
        "symbol": symbol,
        "quoteType": "EQUITY",
        "currency": "USD",
        "marketState": "REGULAR" if in_session else "CLOSED",
        "regularMarketPrice": underlying.last,
        "regularMarketTime": int(time.timestamp()) if time else None,
        "regularMarketVolume": underlying.volume,
        "bid": underlying.bid,
        "ask": underlying.ask,
    }
    return {key: value for key, value in quote.items() if value is not None}


def _block(rows: pd.DataFrame, day: date) -> dict[str, Any]:
    records = rows.to_dict("records")
    sides = {
        key: [
            _row({str(name): value for name, value in record.items()})
            for record in records
            if record["option_type"] == side
        ]
        for key, side in (("calls", "call"), ("puts", "put"))
    }
    return {"expirationDate": midnight(day), "hasMiniOptions": False, **sides}


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Yahoo's habits: an unknown volume or open interest is a missing key, no quote is 0/0, no volatility 1e-05."""
    row: dict[str, Any] = {
        "contractSymbol": record["occ_symbol"],
        "strike": record["strike"],
        "currency": "USD",
        "lastPrice": _or(record["last"], 0.0),
        "bid": record["bid"] if _known(record["bid"]) else (None if _known(record["ask"]) else 0.0),
        "ask": _or(record["ask"], 0.0),
        "volume": _count(record["volume"]),
        "openInterest": _count(record["open_interest"]),
        "contractSize": _size(record),
        "expiration": midnight(record["expiration"].date()),
        "impliedVolatility": _or(record["vendor_iv"], PLACEHOLDER_VOLATILITY),
    }
    return {key: value for key, value in row.items() if value is not None}


def _size(record: Mapping[str, Any]) -> str:
    if record["multiplier"] == 10:
        return "MINI"
    return "REGULAR" if not record["adjusted"] or record["root"][-1].isdigit() else "NONSTANDARD"


def _known(value: float) -> bool:
    return not math.isnan(value)


def _or(value: float, instead: float) -> float:
    return value if _known(value) else instead


def _count(value: float) -> int | None:
    return int(value) if _known(value) else None


def summary_body(reference: ReferenceData) -> dict[str, Any]:
    """A quoteSummary answer with the modules the scanner asks for. Fractions where Yahoo has fractions."""
    earnings = {
        "earningsDate": [_noon(reference.next_earnings)] if reference.next_earnings else [],
        "isEarningsDateEstimate": reference.earnings_state is not EarningsState.CONFIRMED,
    }
    ex_dividend = midnight(reference.ex_dividend_date) if reference.ex_dividend_date else None
    modules: dict[str, dict[str, Any]] = {
        "price": {
            "symbol": reference.symbol,
            "quoteType": "ETF" if reference.earnings_state is EarningsState.NONE else "EQUITY",
            "longName": reference.name,
            "regularMarketPrice": reference.last_price,
            "regularMarketChangePercent": _fraction(reference.change_pct),
            "regularMarketVolume": reference.volume,
            "marketCap": reference.market_cap,
        },
        "summaryDetail": {
            "averageVolume": reference.average_volume,
            "fiftyTwoWeekHigh": reference.high_52_week,
            "fiftyTwoWeekLow": reference.low_52_week,
            "dividendYield": _fraction(reference.dividend_yield_pct),
        },
        "calendarEvents": {"earnings": earnings, "exDividendDate": ex_dividend},
        "assetProfile": {"sector": reference.sector, "industry": reference.industry},
        "defaultKeyStatistics": {
            "lastDividendDate": ex_dividend,
            "lastDividendValue": reference.dividend_amount,
        },
    }
    known = {name: {key: value for key, value in facts.items() if value is not None} for name, facts in modules.items()}
    return {"quoteSummary": {"result": [known], "error": None}}


def _noon(day: date) -> int:
    """Noon in New York or an hour beside it: the same date there in summer and winter."""
    return midnight(day) + 17 * 3600


def _fraction(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
