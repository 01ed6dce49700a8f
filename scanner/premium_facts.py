"""From a chain to premium rows: what follows from its quotes, and how that looks at one instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from scanner import quality, returns, schema
from scanner.calendar import MarketCalendar, market_date
from scanner.conventions import RETURN_DAYS_ANNUAL, RETURN_DAYS_MONTHLY
from scanner.model import ChainSnapshot, Dividend, Grade, OptionType, PriceBasis, Strategy
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.chain import price_chain
from scanner.pricing.probabilities import prob_profit
from scanner.pricing.quotes import instant64
from scanner.pricing.rates import RateCurve

EXPIRES_TODAY: Final = "expires_today"
"""Flag of rows on their expiration day, the reason why they have no return per day."""

_TEXT: Final[Any] = pd.StringDtype(na_value=np.nan)
_ARROW_TEXT: Final = pa.large_string()
_INSTANT: Final = pd.DatetimeTZDtype("us", "UTC")
_STRATEGIES: Final = np.array([Strategy.COVERED_CALL.value, Strategy.CASH_SECURED_PUT.value], dtype=object)
_GRADES: Final = np.array([grade.value for grade in Grade], dtype=object)


def premium_facts(
    snapshot: ChainSnapshot,
    *,
    calendar: MarketCalendar,
    rates: RateCurve,
    dividends: Sequence[Dividend] = (),
    basis: PriceBasis = PriceBasis(),  # noqa: B008 frozen
) -> pd.DataFrame:
    """Everything that follows from one chain's quotes, a `schema.PREMIUM` frame in the order of its contracts.

    Nothing in it depends on when it is asked for: see `as_of_columns`. Raises UnknownIndexRootError and CalendarError.
    """
    columns = premium_columns(snapshot, calendar=calendar, rates=rates, dividends=dividends, basis=basis)
    return pd.DataFrame(columns, copy=False)


def premium_columns(
    snapshot: ChainSnapshot,
    *,
    calendar: MarketCalendar,
    rates: RateCurve,
    dividends: Sequence[Dividend] = (),
    basis: PriceBasis = PriceBasis(),  # noqa: B008 frozen
) -> schema.Columns:
    """The columns of `premium_facts`, some shared with the chain."""
    priced = price_chain(snapshot, calendar=calendar, rates=rates, dividends=dividends)
    contracts = {str(name): _array(values) for name, values in snapshot.contracts.items()}
    arrays = {name: contracts[name] for name in _JUDGED}
    judged = quality.judge(quality.QuoteColumns(root=contracts["root"].tolist(), **arrays), priced, snapshot.underlying)
    count = len(snapshot.contracts)
    previous, following = _listed_neighbours(arrays["expiration"], snapshot.listed_expirations)
    priced_columns = {name: _declared(name, values) for name, values in priced.columns.items()}
    columns = {
        **contracts,
        "symbol": _repeated(snapshot.symbol, count),
        "source": _repeated(snapshot.source, count),
        "fetched_at": _instants(np.full(count, instant64(snapshot.fetched_at))),
        "answer_time": _instants(np.full(count, instant64(snapshot.answer_time))),
        "previous_expiration": previous,
        "next_expiration": following,
        **priced_columns,
        "flags": _texts(judged.flags),
        "quote_reason": _texts(judged.quote_reason),
        "quote_grade": _texts(judged.quote_grade),
        "grade_reasons": _texts(judged.grade_reasons),
        **_premium_columns({**arrays, **priced.columns}, ~priced.is_call, contracts["multiplier"], basis),
        "price_basis": _repeated(str(basis), count),
    }
    return {name: columns[name] for name in _PREMIUM_NAMES}


_JUDGED: Final = ("expiration", "strike", "adjusted", "bid", "ask", "volume", "open_interest", "vendor_iv")
_PREMIUM_NAMES: Final = schema.PREMIUM.names
_KINDS: Final = {column.name: column.kind for column in schema.SCAN.columns}


def _premium_columns(
    facts: Mapping[str, Floats], is_put: Flags, multiplier: NDArray[np.int64], basis: PriceBasis
) -> dict[str, Floats]:
    spot, strike = facts["spot"], facts["strike"]
    premium = returns.seller_premium(bid=facts["bid"], ask=facts["ask"], fraction=basis.fraction)
    collateral = returns.collateral(strike=strike, spot=spot, is_put=is_put)
    break_even = returns.break_even(premium=premium, collateral=collateral)
    return {
        "premium": premium,
        "premium_usd": premium * multiplier,
        "premium_pct": returns.premium_pct(premium=premium, collateral=collateral),
        "collateral_usd": collateral * multiplier,
        "break_even": break_even,
        "downside_protection": returns.downside_protection(spot=spot, break_even=break_even),
        "if_called_return": returns.if_called_return(premium=premium, strike=strike, spot=spot, is_put=is_put),
        "prob_profit": prob_profit(
            forward=facts["forward"], break_even=break_even, years=facts["years_to_expiry"], volatility=facts["iv"]
        ),
    }


def _listed_neighbours(
    expiration: NDArray[np.datetime64], listed: Sequence[date]
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """The listed expirations before and after each contract's own, NaT where there is none."""
    days = np.union1d(np.array(listed, dtype="datetime64[s]"), expiration)
    framed = np.concatenate((_NO_DAY, days, _NO_DAY))
    position = np.searchsorted(days, expiration)
    return framed[position], framed[position + 2]


_NO_DAY: Final = np.array(["NaT"], dtype="datetime64[s]")


def as_of_columns(facts: pd.DataFrame, *, as_of: datetime, basis: PriceBasis, calendar: MarketCalendar) -> pd.DataFrame:
    """`schema.PREMIUM` rows as seen at one instant on one price basis: a new `schema.SCAN` frame, same rows and order.

    Adds days to expiry, returns, ages and the final grade, and what the instant adds to `flags` and `grade_reasons`;
    where the rows hold another basis their premium columns are computed anew from bid and ask. Raises InputError for
    a naive instant, CalendarError outside the calendar.
    """
    frame = facts.copy(deep=False)
    is_put = facts["option_type"].to_numpy() == OptionType.PUT.value
    if bool((facts["price_basis"] != str(basis)).any()):
        needed = ("bid", "ask", "spot", "strike", "forward", "years_to_expiry", "iv")
        arrays = {name: facts[name].to_numpy() for name in needed}
        for name, values in _premium_columns(arrays, is_put, facts["multiplier"].to_numpy(), basis).items():
            frame[name] = values
        frame["price_basis"] = _repeated(str(basis), len(facts))
    days = (facts["expiration"].to_numpy().astype("datetime64[D]") - np.datetime64(market_date(as_of))).astype(np.int64)
    percent, dte = frame["premium_pct"].to_numpy(), days.astype(np.float64)
    frame["strategy"] = _texts(_STRATEGIES[is_put.astype(np.intp)])
    frame["dte"] = days
    frame["daily_return"] = returns.scaled_return(premium_pct=percent, dte=dte, days=1)
    frame["monthly_return"] = returns.scaled_return(premium_pct=percent, dte=dte, days=RETURN_DAYS_MONTHLY)
    frame["annual_return"] = returns.scaled_return(premium_pct=percent, dte=dte, days=RETURN_DAYS_ANNUAL)
    for name, column in _age_columns(facts, as_of, calendar).items():
        frame[name] = column
    frame["flags"] = _texts(_with_flag(facts["flags"].tolist(), EXPIRES_TODAY, days == 0))
    return frame


def _with_flag(flags: list[str], flag: str, rows: Flags) -> list[str]:
    for row in np.flatnonzero(rows).tolist():
        flags[row] = f"{flags[row]},{flag}" if flags[row] else flag
    return flags


def _age_columns(facts: pd.DataFrame, as_of: datetime, calendar: MarketCalendar) -> dict[str, Any]:
    ages = quality.quote_ages(
        facts["quote_time"].to_numpy(dtype="datetime64[us]"),
        facts["answer_time"].to_numpy(dtype="datetime64[us]"),
        as_of=as_of,
        cutoffs=quality.age_cutoffs(as_of, calendar),
    )
    reasons = facts["grade_reasons"].tolist()
    for row in np.flatnonzero(ages.grade).tolist():
        reasons[row] = "; ".join(filter(None, (reasons[row], quality.AGE_REASONS[ages.grade[row]])))
    return {
        "quote_age_seconds": ages.seconds,
        "age_is_minimum": ages.is_minimum,
        "age_state": _texts(ages.state),
        "grade": _texts(_GRADES[np.maximum(ages.grade, quality.grade_codes(facts["quote_grade"].tolist()))]),
        "grade_reasons": _texts(reasons),
    }


def _array(values: pd.Series) -> Any:
    return values.array if _KINDS[str(values.name)] in ("text", "instant") else values.to_numpy()


def _texts(values: Sequence[str | None] | NDArray[Any]) -> Any:
    return _TEXT.__from_arrow__(pa.array(values, type=_ARROW_TEXT))


def _repeated(text: str, count: int) -> Any:
    return _TEXT.__from_arrow__(pa.repeat(pa.scalar(text, type=_ARROW_TEXT), count))


def _instants(values: NDArray[np.datetime64]) -> Any:
    return pd.array(values, dtype=_INSTANT)


def _declared(name: str, values: NDArray[Any]) -> Any:
    """A priced column in its declared type: texts and instants come as plain arrays."""
    kind = _KINDS[name]
    return _texts(values) if kind == "text" else _instants(values) if kind == "instant" else values
