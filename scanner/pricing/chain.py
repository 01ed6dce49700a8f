"""A whole chain priced at once: spot, forward, implied volatility, Greeks and probabilities of every contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scanner.calendar import MarketCalendar, market_date
from scanner.model import ChainSnapshot, Dividend, UnderlyingQuote
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.black_scholes import greeks
from scanner.pricing.forward import ROOTS_WITHOUT_CARRY, ForwardMethod, carried_forward, parity_forwards
from scanner.pricing.implied_volatility import IV_REASON_CODE, IV_REASONS, IvReason, implied_volatility
from scanner.pricing.probabilities import prob_otm, prob_touch
from scanner.pricing.quotes import (
    Expirations,
    Indices,
    Instants,
    QuoteArrays,
    instant64,
    read_quotes,
    years_between,
)
from scanner.pricing.rates import RateCurve
from scanner.pricing.smile import atm_volatility, expected_moves
from scanner.symbols import is_index_root

MODEL: Final = "black_scholes_merton"
SKEW_TOLERANCE: Final = timedelta(seconds=60)
"""Spot and option quote further apart than this do not belong together."""

_METHODS: Final = (None, *(method.value for method in ForwardMethod))
_REASONS: Final = (None, *(reason.value for reason in IV_REASONS))
_BY_MODEL: Final = ("delta", "gamma", "theta", "vega", "rho", "prob_otm", "prob_touch")


@dataclass(frozen=True, slots=True)
class PricedChain:
    """What follows from the quotes of one `ChainSnapshot`; arrays run parallel to the rows of its `contracts`.

    `columns` holds, under the names and units of `schema.PRICED`:

    * numbers, float64, NaN unknown: `spot`, `mid`, `spread_pct`, `moneyness_pct`, `otm_pct`, `years_to_expiry`,
      `rate`, `forward`, `iv`, `delta`, `gamma`, `theta`, `vega`, `rho`, `prob_otm`, `prob_touch`,
      `expected_move_usd`, `expected_move_pct`, `upper_1sd`, `lower_1sd`;
    * instants, datetime64[us] in UTC without a zone, NaT unknown: `spot_time`, `expiry_instant`;
    * texts, object arrays of str, None unknown: `forward_method` (`forward.ForwardMethod`), `iv_reason`
      (`implied_volatility.IvReason`; None exactly where `iv` is known), `model` (None where `iv` is unknown).

    `spot_skew`: spot and option quote are too far apart in time to belong together. `quote_time_unknown`: the quote
    carries no time of its own. `is_call`: the side as a flag.
    """

    columns: Mapping[str, NDArray[Any]]
    is_call: Flags
    spot_skew: Flags
    quote_time_unknown: Flags


@dataclass(frozen=True, slots=True)
class _Clock:
    """Times of a chain. `instant` is the quote's own time or else the answer's; `years` is NaN after expiry."""

    expiry: Instants
    instant: Instants
    years: Floats
    rate: Floats
    expired: Flags
    spot_skew: Flags


def price_chain(
    snapshot: ChainSnapshot, *, calendar: MarketCalendar, rates: RateCurve, dividends: Sequence[Dividend] = ()
) -> PricedChain:
    """Price every contract of a snapshot from its own quotes.

    Volatility: out-of-the-money contracts from their mid; an American contract in the money takes that of the other
    side at its strike, whatever its own quote; European index roots all from their mid. Unknown where `iv_reason`
    says why; the first of `IvReason` that applies. Greeks and probabilities use the contract's own volatility and the
    carry its forward implies, q = r - ln(F/S)/T; delta is kept within [-1, 1] where a forward above S e^{rT} would
    push it a little beyond.

    Spot: the mid of a two-sided quote, else the last price, each with its own time. Forward: see `forward`; dividends
    matter only where parity finds none. Raises UnknownIndexRootError for an index root of unknown settlement and
    CalendarError for dates outside the calendar.
    """
    quotes = read_quotes(snapshot)
    spot, spot_time = spot_of(snapshot.underlying)
    with np.errstate(invalid="ignore", divide="ignore"):
        clock = _clock(snapshot, quotes, spot_time, calendar, rates)
        forward, method = _forwards(quotes, clock, spot, rates, dividends)
        volatility, reason = _volatilities(quotes, clock, forward)
        columns = {
            **_quote_columns(quotes, spot, spot_time),
            "expiry_instant": clock.expiry[quotes.expirations.of_row],
            "years_to_expiry": clock.years,
            "rate": clock.rate,
            "forward": forward[quotes.expirations.of_row],
            "forward_method": np.array(_METHODS, dtype=object)[method[quotes.expirations.of_row]],
            "iv": volatility,
            "iv_reason": np.array(_REASONS, dtype=object)[reason],
            "model": np.array((None, MODEL), dtype=object)[(reason == 0).astype(np.intp)],
            **_model_columns(quotes, clock, spot, forward, volatility),
            **_range_columns(quotes, clock, spot, forward, volatility),
        }
    return PricedChain(columns, quotes.is_call, clock.spot_skew, np.isnat(quotes.quote_time))


def spot_of(underlying: UnderlyingQuote) -> tuple[float, datetime | None]:
    """The underlying's price, $ per share, and its time: mid of a two-sided quote, else last, else NaN."""
    bid, ask, last = underlying.bid, underlying.ask, underlying.last
    if bid is not None and ask is not None and 0 < bid <= ask:
        return 0.5 * (bid + ask), underlying.quote_time
    if last is not None and last > 0:
        return last, underlying.last_time
    return float("nan"), None


def _quote_columns(quotes: QuoteArrays, spot: float, spot_time: datetime | None) -> dict[str, NDArray[Any]]:
    count = len(quotes.strike)
    moneyness = (quotes.strike / spot - 1.0) * 100.0
    return {
        "spot": np.full(count, spot),
        "spot_time": np.full(count, instant64(spot_time)),
        "mid": quotes.mid,
        "spread_pct": (quotes.ask - quotes.bid) / quotes.mid * 100.0,
        "moneyness_pct": moneyness,
        "otm_pct": np.where(quotes.is_call, moneyness, -moneyness),
    }


def _clock(
    snapshot: ChainSnapshot,
    quotes: QuoteArrays,
    spot_time: datetime | None,
    calendar: MarketCalendar,
    rates: RateCurve,
) -> _Clock:
    groups = quotes.expirations
    expiry = np.array(
        [instant64(calendar.expiry_instant(root, day)) for root, day in zip(groups.root, groups.day, strict=True)],
        dtype="datetime64[us]",
    )
    instant = np.where(np.isnat(quotes.quote_time), instant64(snapshot.answer_time), quotes.quote_time)
    years = years_between(instant, expiry[groups.of_row])
    known = np.where(years >= 0, years, np.nan)
    return _Clock(
        expiry=expiry,
        instant=instant,
        years=known,
        rate=rates.rate(known),
        expired=years <= 0,
        spot_skew=_spot_skew(quotes.quote_time, spot_time, calendar),
    )


def _spot_skew(quote_time: Instants, spot_time: datetime | None, calendar: MarketCalendar) -> Flags:
    """Both times known and more than 60 s apart.

    Closing values belong together: a spot of the close and option quotes stamped later, before the next open.
    """
    if spot_time is None:
        return np.zeros(len(quote_time), dtype=np.bool_)
    apart = np.abs(quote_time - instant64(spot_time)) > np.timedelta64(SKEW_TOLERANCE)
    if not apart.any():
        return apart
    session = calendar.latest_session(spot_time)
    close = calendar.session_close(session)
    if abs(spot_time - close) > SKEW_TOLERANCE:
        return apart
    next_open = calendar.session_open(calendar.next_session(session))
    after_the_close = (quote_time >= instant64(close)) & (quote_time < instant64(next_open))
    return np.asarray(apart & ~after_the_close, dtype=np.bool_)


def _forwards(
    quotes: QuoteArrays, clock: _Clock, spot: float, rates: RateCurve, dividends: Sequence[Dividend]
) -> tuple[Floats, Indices]:
    """Forward of each group, NaN unknown, and its position in `_METHODS`."""
    groups = quotes.expirations
    usable = quotes.clean & (clock.years > 0) & ~groups.adjusted[groups.of_row]
    forward = parity_forwards(
        pairs=quotes.pairs,
        group=groups.of_row,
        group_count=len(groups),
        strike=quotes.strike,
        mid=quotes.mid,
        clean=usable,
        growth=np.exp(clock.rate * clock.years),
    )
    european = np.array([is_index_root(root) for root in groups.root], dtype=np.bool_)
    method = np.where(european, _METHODS.index(ForwardMethod.PARITY), _METHODS.index(ForwardMethod.PARITY_AMERICAN))
    forward = np.where(forward > 0, forward, np.nan)
    for number in np.flatnonzero(np.isnan(forward)).tolist():
        forward[number] = _carried(groups, number, clock, spot, rates, dividends)
        method[number] = 0 if np.isnan(forward[number]) else _METHODS.index(ForwardMethod.SPOT_CARRY)
    return forward, method


def _carried(
    groups: Expirations, number: int, clock: _Clock, spot: float, rates: RateCurve, dividends: Sequence[Dividend]
) -> float:
    """The forward of one group from spot and dividends, at the middle of its quotes' times; NaN where unknown."""
    rows = np.flatnonzero((groups.of_row == number) & (clock.years > 0))
    if not len(rows) or np.isnan(spot) or groups.adjusted[number] or groups.root[number] in ROOTS_WITHOUT_CARRY:
        return float("nan")
    middle = rows[np.argsort(clock.years[rows])[len(rows) // 2]]
    return carried_forward(
        spot=spot,
        years=float(clock.years[middle]),
        rates=rates,
        dividends=dividends,
        quote_day=market_date(clock.instant[middle].item().replace(tzinfo=UTC)),
        expiration=groups.day[number],
    )


def _volatilities(quotes: QuoteArrays, clock: _Clock, forward: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Own volatility of each contract and the code of the reason where it has none."""
    groups = quotes.expirations
    ahead = forward[groups.of_row]
    european = np.array([is_index_root(root) for root in groups.root], dtype=np.bool_)[groups.of_row]
    direct = european | np.where(quotes.is_call, quotes.strike >= ahead, quotes.strike <= ahead)
    reason = np.zeros(len(direct), dtype=np.int8)
    for why, applies in (
        (IvReason.NOT_TWO_SIDED, direct & ~quotes.two_sided),
        (IvReason.NO_FORWARD, np.isnan(ahead)),
        (IvReason.SPOT_SKEW, clock.spot_skew),
        (IvReason.AFTER_EXPIRY_INSTANT, clock.expired),
        (IvReason.NO_QUOTE_TIME, np.isnat(clock.instant)),
        (IvReason.ADJUSTED, groups.adjusted[groups.of_row]),
    ):
        reason[applies] = IV_REASON_CODE[why]
    volatility = np.full(len(direct), np.nan)
    rows = np.flatnonzero(direct & (reason == 0))
    solved = implied_volatility(
        price=quotes.mid[rows],
        forward=ahead[rows],
        strike=quotes.strike[rows],
        years=clock.years[rows],
        rate=clock.rate[rows],
        is_call=quotes.is_call[rows],
    )
    volatility[rows], reason[rows] = solved.volatility, solved.reason
    rows = np.flatnonzero(~direct & (reason == 0))
    partner = quotes.pairs.partner[rows]
    volatility[rows] = np.where(partner >= 0, volatility[partner], np.nan)
    reason[rows[np.isnan(volatility[rows])]] = IV_REASON_CODE[IvReason.NO_OTM_TWIN]
    return volatility, reason


def _model_columns(
    quotes: QuoteArrays, clock: _Clock, spot: float, forward: Floats, volatility: Floats
) -> dict[str, NDArray[Any]]:
    rows = np.flatnonzero(~np.isnan(volatility) & (spot > 0))
    strike, years, rate, own = quotes.strike[rows], clock.years[rows], clock.rate[rows], volatility[rows]
    ahead, is_call = forward[quotes.expirations.of_row[rows]], quotes.is_call[rows]
    dividend_yield = rate - np.log(ahead / spot) / years
    values = greeks(
        spot=spot,
        strike=strike,
        years=years,
        rate=rate,
        dividend_yield=dividend_yield,
        volatility=own,
        is_call=is_call,
    )
    touched = prob_touch(
        spot=spot,
        strike=strike,
        years=years,
        rate=rate,
        dividend_yield=dividend_yield,
        volatility=own,
        is_call=is_call,
    )
    out = prob_otm(forward=ahead, strike=strike, years=years, volatility=own, is_call=is_call)
    delta = np.minimum(np.maximum(values.delta, -1.0), 1.0)
    table = np.full((len(_BY_MODEL), len(volatility)), np.nan)
    known = (delta, values.gamma, values.theta, values.vega, values.rho, out, touched)
    for column, numbers in zip(table, known, strict=True):
        column[rows] = numbers
    return dict(zip(_BY_MODEL, table, strict=True))


def _range_columns(
    quotes: QuoteArrays, clock: _Clock, spot: float, forward: Floats, volatility: Floats
) -> dict[str, NDArray[Any]]:
    group = quotes.expirations.of_row
    moves = expected_moves(pairs=quotes.pairs, group=group, forward=forward, strike=quotes.strike, mid=quotes.mid)[
        group
    ]
    at_the_money = atm_volatility(
        pairs=quotes.pairs,
        group=group,
        forward=forward,
        strike=quotes.strike,
        volatility=volatility,
        usable=quotes.clean & ~np.isnan(volatility),
        is_call=quotes.is_call,
    )[group]
    width = np.exp(at_the_money * np.sqrt(clock.years))
    return {
        "expected_move_usd": moves,
        "expected_move_pct": moves / spot * 100.0,
        "upper_1sd": spot * width,
        "lower_1sd": spot / width,
    }
