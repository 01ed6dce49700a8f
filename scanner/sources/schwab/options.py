"""Schwab's answer about option chains (`/marketdata/v1/chains`) taken apart, and the underlying's quote in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from scanner.errors import SymbolError
from scanner.model import OptionType, UnderlyingQuote
from scanner.sources.payload import PayloadError
from scanner.sources.schwab.contracts import LAST_MILLISECOND, SentRow
from scanner.symbols import normalise

_MAPS: Final = (("callExpDateMap", OptionType.CALL), ("putExpDateMap", OptionType.PUT))
_FAILED: Final = "FAILED"
_NEW_YORK: Final = ZoneInfo("America/New_York")
_OPEN: Final = time(9, 30)
_CLOSED: Final = time(16, 1)
"""Quotes of the close are stamped up to some seconds after it."""


@dataclass(frozen=True, slots=True)
class ChainAnswer:
    """One answer taken apart. `known`: Schwab knows the symbol; `truncated`: it left contracts out for their number."""

    known: bool
    truncated: bool
    underlying: Mapping[str, Any]
    listed: tuple[date, ...]
    rows: tuple[SentRow, ...]


def read_answer(body: Mapping[str, Any], symbol: str) -> ChainAnswer:
    """Take a chain apart. `symbol` in our spelling. Raises PayloadError where its frame is not as documented.

    Schwab answers a symbol it does not know, and one without options, with the status FAILED or with empty maps. It
    knows a symbol that it has a quote or a price of.
    """
    _require_symbol(body.get("symbol"), symbol)
    failed = body.get("status") == _FAILED
    listed: set[date] = set()
    rows: list[SentRow] = []
    for key, option_type in _MAPS:
        for name, strikes in _mapping(body.get(key, {} if failed else None), key).items():
            expiration = _expiration(name)
            listed.add(expiration)
            rows += (SentRow(expiration, option_type, row) for row in _strike_rows(strikes, key))
    if body.get("status") not in (None, "SUCCESS") and listed:
        raise PayloadError(f"a chain with the status {str(body['status'])[:20]!r}")
    underlying = body.get("underlying")
    quoted = underlying if isinstance(underlying, Mapping) else {}
    return ChainAnswer(
        known=bool(quoted) or positive(body.get("underlyingPrice")) is not None,
        truncated=body.get("isChainTruncated") is True,
        underlying=quoted,
        listed=tuple(sorted(listed)),
        rows=tuple(rows),
    )


def _require_symbol(answered: object, symbol: str) -> None:
    if answered is None:
        return
    try:
        if isinstance(answered, str) and normalise(answered) == normalise(symbol):
            return
    except SymbolError as error:
        raise PayloadError(f"answered for {answered!r}, asked for {symbol}") from error
    raise PayloadError(f"answered for {answered!r}, asked for {symbol}")


def _strike_rows(strikes: object, what: str) -> Iterable[object]:
    for rows in _mapping(strikes, f"an expiration of {what}").values():
        if not isinstance(rows, list):
            raise PayloadError(f"a strike of {what} is not a list")
        yield from rows


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PayloadError(f"{what} is not an object")
    return value


def _expiration(name: str) -> date:
    """The date of a key such as `2025-01-17:1` (date and days to expiration)."""
    try:
        return datetime.strptime(name.partition(":")[0], "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise PayloadError(f"{name[:40]!r} is not an expiration") from error


def underlying_quote(quote: Mapping[str, Any]) -> UnderlyingQuote:
    """The underlying's prices, $/share, with their own times.

    Schwab goes on with extended-hours prices after the close. Bid and ask stamped outside 09:30-16:00 in New York are
    left out; the last price keeps its own time, so that pricing sees where it does not belong to the option quotes.
    """
    quote_time, last_time = instant(quote.get("quoteTime")), instant(quote.get("tradeTime"))
    regular = quote_time is None or _in_regular_hours(quote_time)
    bid, ask, last = (positive(quote.get(key)) for key in ("bid", "ask", "last"))
    return UnderlyingQuote(
        bid=bid if regular else None,
        ask=ask if regular else None,
        last=last,
        quote_time=quote_time if regular and (bid is not None or ask is not None) else None,
        last_time=last_time if last is not None else None,
        volume=positive(quote.get("totalVolume")),
    )


def _in_regular_hours(moment: datetime) -> bool:
    local = moment.astimezone(_NEW_YORK)
    return local.weekday() < 5 and _OPEN <= local.time() < _CLOSED


def instant(value: object) -> datetime | None:
    """The instant of epoch milliseconds; None for what is none (0, -999, text)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LAST_MILLISECOND:
        return None
    return datetime.fromtimestamp(value / 1000.0, UTC)


def positive(value: object) -> float | None:
    """A finite number above zero; anything else is unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        return None
    return float(value)
