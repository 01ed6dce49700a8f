"""The premium scan of definitions 4 in plain Python, one contract at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from math import isnan
from typing import Any
from zoneinfo import ZoneInfo

from scanner.model import PremiumFilters

Row = Mapping[str, Any]


READ_BY_REFERENCE = (
    *("symbol", "root", "expiration", "option_type", "strike", "occ_symbol", "expiry_instant", "adjusted"),
    *("spot", "bid", "ask", "iv", "delta", "volume", "open_interest", "grade", "premium_pct", "monthly_return"),
)


def first_reason(
    row: Row,
    filters: PremiumFilters,
    as_of: datetime,
    targets: Collection[date],
    earnings: Mapping[str, date | str] | None = None,
) -> str | None:
    """Why a contract is not in the result, None where it is.

    `row` is one row of a scan frame as a dictionary, `targets` the expirations the filters' target DTEs take,
    `earnings` the next earnings by symbol: a day, or "none" for a fund.
    """
    today = as_of.astimezone(ZoneInfo("America/New_York")).date()
    expiration = row["expiration"].date()
    days = (expiration - today).days
    put = row["option_type"] == "put"
    if row["expiry_instant"].to_pydatetime() <= as_of:
        return "expired"
    if ("cash_secured_put" if put else "covered_call") not in [str(one) for one in filters.strategies]:
        return "other_strategy"
    if expiration not in targets:
        return "not_target_expiration"
    if not filters.dte_min <= days <= filters.dte_max:
        return "outside_dte_window"
    return (
        quote_reason(row, put=put)
        or limit_reason(row, filters, put=put)
        or earnings_reason(str(filters.earnings), (earnings or {}).get(row["symbol"]), expiration, today)
    )


def earnings_reason(wanted: str, coming: date | str | None, expiration: date, today: date) -> str | None:
    if coming == "none":
        outcome = "after"
    elif not isinstance(coming, date) or coming < today:
        outcome = "unknown"
    else:
        outcome = "after" if coming > expiration else "before"
    accepted = {
        "any": ("before", "after", "unknown"),
        "exclude": ("after",),
        "exclude_known": ("after", "unknown"),
        "only": ("before",),
    }
    if outcome in accepted[wanted]:
        return None
    return "earnings_unknown" if outcome == "unknown" else f"earnings_{outcome}_expiration"


def quote_reason(row: Row, *, put: bool) -> str | None:
    spot, strike, bid, ask = row["spot"], row["strike"], row["bid"], row["ask"]
    if row["adjusted"]:
        return "adjusted"
    if isnan(spot):
        return "no_spot"
    if not (strike < spot if put else strike > spot):
        return "not_out_of_the_money"
    if isnan(bid) or bid == 0:
        return "no_bid"
    if isnan(ask) or ask == 0:
        return "no_ask"
    if bid > ask:
        return "crossed"
    return "no_implied_volatility" if isnan(row["iv"]) else None


def limit_reason(row: Row, filters: PremiumFilters, *, put: bool) -> str | None:
    volume, interest, spot = row["volume"], row["open_interest"], row["spot"]
    premium = row["bid"] + filters.basis.fraction * (row["ask"] - row["bid"])
    if isnan(volume) and isnan(interest):
        return "liquidity_unknown"
    if not (volume >= filters.volume_min or interest >= filters.open_interest_min):
        return "illiquid"
    if not filters.delta_min <= abs(row["delta"]) <= filters.delta_max:
        return "delta_out_of_range"
    if filters.max_stock_price is not None and spot > filters.max_stock_price:
        return "stock_price_too_high"
    if (
        filters.min_premium_pct is not None
        and premium / (row["strike"] if put else spot) * 100 < filters.min_premium_pct
    ):
        return "premium_too_low"
    mid = (row["bid"] + row["ask"]) / 2
    if filters.max_spread_pct is not None and (row["ask"] - row["bid"]) / mid * 100 > filters.max_spread_pct:
        return "spread_too_wide"
    if filters.min_grade is not None and row["grade"] > filters.min_grade:
        return "grade_too_low"
    return None


def best_and_ranked(rows: Sequence[Row], *, best_per_expiration: bool) -> list[str]:
    """The OCC codes in the order of the list."""
    kept: dict[Any, Row] = {}
    for row in rows:
        key: Any = (row["symbol"], row["root"], row["expiration"], row["option_type"])
        key = key if best_per_expiration else (*key, row["strike"])
        if key not in kept or _merit(row) < _merit(kept[key]):
            kept[key] = row
    ordered = sorted(kept.values(), key=lambda row: (*_monthly(row), row["symbol"], row["occ_symbol"]))
    return [row["occ_symbol"] for row in ordered]


def _merit(row: Row) -> tuple[Any, ...]:
    interest = -1.0 if isnan(row["open_interest"]) else row["open_interest"]
    return (-row["premium_pct"], -interest, abs(abs(row["delta"]) - 0.30), row["occ_symbol"])


def _monthly(row: Row) -> tuple[bool, float]:
    value = row["monthly_return"]
    return (isnan(value), 0.0 if isnan(value) else -value)
