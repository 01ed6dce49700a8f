"""Yahoo's company facts (`/v10/finance/quoteSummary`) read into `ReferenceData`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from scanner.model import EarningsState, ReferenceData
from scanner.sources.payload import PayloadError
from scanner.sources.yahoo.options import positive

MODULES: Final = ("price", "summaryDetail", "calendarEvents", "assetProfile", "defaultKeyStatistics")
"""What one call asks for."""

_FUNDS: Final = ("ETF", "MUTUALFUND")
_PERCENT: Final = 100.0


def read_reference(body: object, *, symbol: str, source: str, fetched_at: datetime) -> ReferenceData | None:
    """The facts of one answer, None where Yahoo does not know the symbol. Raises PayloadError.

    Yahoo gives changes and yields as fractions; ours are percent.
    """
    facts = _result(body)
    if facts is None:
        return None
    price, detail = _module(facts, "price"), _module(facts, "summaryDetail")
    events, profile = _module(facts, "calendarEvents"), _module(facts, "assetProfile")
    ex_dividend = _utc_date(events.get("exDividendDate")) or _utc_date(detail.get("exDividendDate"))
    next_earnings, state = read_earnings(_module(events, "earnings"), today=_new_york_date(fetched_at))
    if state is EarningsState.UNKNOWN and price.get("quoteType") in _FUNDS:
        state = EarningsState.NONE
    return ReferenceData(
        symbol=symbol,
        source=source,
        fetched_at=fetched_at,
        name=_text(price.get("longName")) or _text(price.get("shortName")),
        last_price=positive(price.get("regularMarketPrice")),
        change_pct=_percent(price.get("regularMarketChangePercent")),
        volume=_count(price.get("regularMarketVolume")),
        average_volume=_count(detail.get("averageVolume")),
        high_52_week=positive(detail.get("fiftyTwoWeekHigh")),
        low_52_week=positive(detail.get("fiftyTwoWeekLow")),
        sector=_text(profile.get("sector")),
        industry=_text(profile.get("industry")),
        market_cap=positive(price.get("marketCap")) or positive(detail.get("marketCap")),
        next_earnings=next_earnings,
        earnings_state=state,
        ex_dividend_date=ex_dividend,
        dividend_amount=_dividend_amount(_module(facts, "defaultKeyStatistics"), ex_dividend),
        dividend_yield_pct=_percent(detail.get("dividendYield")),
    )


def read_earnings(earnings: Mapping[str, Any], *, today: date) -> tuple[date | None, EarningsState]:
    """The next earnings date in New York and how sure it is.

    Only dates from today on count. Yahoo gives one date, or the two ends of a range it estimates. Confirmed is what
    Yahoo says is no estimate (`isEarningsDateEstimate` false) and a single date; anything else is estimated.
    """
    stamps = earnings.get("earningsDate")
    dates = sorted({day for day in map(_new_york_stamp, stamps if isinstance(stamps, list) else []) if day is not None})
    ahead = [day for day in dates if day >= today]
    if not ahead:
        return None, EarningsState.UNKNOWN
    certain = earnings.get("isEarningsDateEstimate") is False and len(dates) == 1
    return ahead[0], EarningsState.CONFIRMED if certain else EarningsState.ESTIMATED


def _result(body: object) -> Mapping[str, Any] | None:
    summary = body.get("quoteSummary") if isinstance(body, Mapping) else None
    if not isinstance(summary, Mapping):
        raise PayloadError("quoteSummary is not an object")
    error = summary.get("error")
    if error is not None and not (isinstance(error, Mapping) and error.get("code") == "Not Found"):
        raise PayloadError(f"error {error}")
    results = summary.get("result")
    if error is not None or results == []:
        return None
    if not isinstance(results, list) or not isinstance(results[0], Mapping):
        raise PayloadError("result is not a list of objects")
    return results[0]


def _dividend_amount(statistics: Mapping[str, Any], ex_dividend: date | None) -> float | None:
    """$ per share of the dividend of `ex_dividend`. Yahoo names the last amount only: unknown for any other date."""
    if ex_dividend is None or _utc_date(statistics.get("lastDividendDate")) != ex_dividend:
        return None
    return positive(statistics.get("lastDividendValue"))


def _module(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of the answer; Yahoo leaves out the parts a symbol does not have."""
    value = facts.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _percent(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
        return None
    return value * _PERCENT


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _utc_date(value: object) -> date | None:
    """Ex-dividend dates are midnight UTC of the date."""
    instant = _instant(value)
    return instant.date() if instant else None


def _new_york_stamp(value: object) -> date | None:
    """Earnings times are instants of the call or of the release."""
    instant = _instant(value)
    return _new_york_date(instant) if instant else None


def _new_york_date(instant: datetime) -> date:
    return instant.astimezone(ZoneInfo("America/New_York")).date()
