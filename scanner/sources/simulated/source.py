"""The simulated market as a source of chains and of reference data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from scanner.calendar import MarketCalendar
from scanner.conventions import SECONDS_PER_YEAR, STANDARD_MULTIPLIER
from scanner.errors import InputError, NoOptionsError, SymbolError, SymbolNotFoundError
from scanner.model import ChainSnapshot, Dividend, Mode, OptionType, ReferenceData, UnderlyingQuote
from scanner.schema import CHAIN
from scanner.sources.base import Capabilities, ChooseExpirations
from scanner.sources.simulated import events, listing, market
from scanner.sources.simulated.companies import UNKNOWN_PREFIX, WITHOUT_OPTIONS_PREFIX, Company, company
from scanner.sources.simulated.hashing import Floats, Integers
from scanner.sources.simulated.quotes import Habits, Quotes, contract_ids, habits, quotes, traded_part
from scanner.sources.simulated.surface import Slices, TermStructure, fair_values
from scanner.symbols import is_index_root, normalise, occ_symbol

NAME: Final = "simulated"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECONDS_PER_YEAR: Final = SECONDS_PER_YEAR * 1_000_000
_HOUR: Final = timedelta(hours=1)
_REMEMBERED: Final = 4_096
_LONGEST: Final = timedelta(days=900)


@dataclass(frozen=True, slots=True)
class _Moment:
    """When the market is looked at: `at` is now in session, else the last close. Instants in microseconds."""

    now: datetime
    at: datetime
    session: date
    microseconds: int
    opened: int
    elapsed: float
    is_closed: bool


@dataclass(frozen=True, slots=True)
class _Day:
    """What is constant for an underlying during one session; times in microseconds since 1970."""

    company: Company
    session: date
    path: market.SessionPath
    listed: tuple[date, ...]
    event_times: Integers
    event_variance: Floats
    ex_dividend_times: Integers
    dividend: float


@dataclass(frozen=True, slots=True)
class _Strip:
    """The contracts of the chosen expirations with all that is constant during the session."""

    frame: pd.DataFrame
    slices: Slices
    expiry: Integers
    habits: Habits


class SimulatedSource:
    """A market that follows from `seed` and the clock's instant alone: the same in every process and thread.

    Chains and reference data of any symbol (see `companies`); nothing is fetched. While the market is closed it gives
    the last session's closing quotes. Symbols are canonical ones. Safe to share among threads.
    """

    name = NAME
    mode = Mode.SIMULATED
    capabilities = Capabilities(quote_times=True, open_interest=True, vendor_iv=True, delay_seconds=0.0)

    def __init__(self, seed: int, clock: Callable[[], datetime], calendar: MarketCalendar) -> None:
        self._seed = seed
        self._clock = clock
        self._calendar = calendar
        self._day = lru_cache(maxsize=_REMEMBERED)(self._find_day)
        self._strip = lru_cache(maxsize=_REMEMBERED)(self._find_strip)

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """The chain at the clock's instant. Raises SymbolNotFoundError, NoOptionsError; InputError for a choice that
        is not listed."""
        listed_company = self._company(symbol)
        if symbol.startswith(WITHOUT_OPTIONS_PREFIX):
            raise NoOptionsError(self.name, symbol, "no options are listed on it")
        moment = self._moment()
        day = self._day(listed_company, moment.session)
        listed = tuple(one for one in day.listed if self._expiry(listed_company, one) > moment.microseconds)
        chosen = tuple(choose(listed))
        if not set(chosen) <= set(listed):
            raise InputError(f"{sorted(set(chosen) - set(listed))} are no listed expirations of {symbol}")
        spot = day.path.price_at(moment.elapsed)
        return ChainSnapshot(
            symbol=symbol,
            source=self.name,
            mode=self.mode,
            fetched_at=moment.now,
            answer_time=moment.at,
            underlying=_underlying_quote(spot, moment.at),
            listed_expirations=listed,
            contracts=self._contracts(day, tuple(sorted(set(chosen))), moment, spot),
        )

    def reference(self, symbol: str) -> ReferenceData:
        """Slow facts at the clock's instant. Raises SymbolNotFoundError."""
        listed_company = self._company(symbol)
        moment = self._moment()
        day = self._day(listed_company, moment.session)
        price = day.path.price_at(moment.elapsed)
        year = np.round(self._year(listed_company, moment.session), 2)
        earnings, state = events.next_earnings(self._seed, listed_company, moment.session)
        coming = self._dividends(listed_company, moment.session)
        return ReferenceData(
            symbol=symbol,
            source=self.name,
            fetched_at=moment.now,
            name=listed_company.name,
            last_price=price,
            change_pct=round((price / round(day.path.previous_close, 2) - 1.0) * 100.0, 2),
            volume=int(listed_company.share_volume * traded_part(moment.elapsed)),
            average_volume=int(listed_company.share_volume),
            high_52_week=max(price, float(year.max())),
            low_52_week=min(price, float(year.min())),
            sector=listed_company.sector,
            industry=listed_company.industry,
            market_cap=listed_company.market_cap,
            next_earnings=earnings,
            earnings_state=state,
            ex_dividend_date=coming[0].ex_date if coming else None,
            dividend_amount=coming[0].amount if coming else None,
            dividend_yield_pct=listed_company.dividend_yield_pct,
        )

    def _company(self, symbol: str) -> Company:
        try:
            canonical = normalise(symbol) == symbol
        except SymbolError as error:
            raise SymbolNotFoundError(self.name, symbol, "this is no symbol") from error
        if not canonical or symbol.startswith(UNKNOWN_PREFIX) or is_index_root(symbol):
            raise SymbolNotFoundError(self.name, symbol, "the simulated market does not list it")
        return company(symbol)

    def _moment(self) -> _Moment:
        now = self._clock()
        clock = self._calendar.clock(now)
        at = now.astimezone(UTC) if clock.is_open else clock.closes_at
        elapsed = (at - clock.opens_at) / (clock.closes_at - clock.opens_at)
        return _Moment(
            now.astimezone(UTC), at, clock.session, _micros(at), _micros(clock.opens_at), elapsed, not clock.is_open
        )

    def _year(self, listed_company: Company, session: date) -> Floats:
        yesterday = market.weekday_number(self._calendar.previous_session(session))
        return market.closes(self._seed, listed_company, yesterday, 251)

    def _dividends(self, listed_company: Company, session: date) -> Sequence[Dividend]:
        tomorrow = session + timedelta(days=1)
        return events.dividends(self._seed, listed_company, self._calendar, tomorrow, session + _LONGEST)

    def _expiry(self, listed_company: Company, expiration: date) -> int:
        return _micros(self._calendar.expiry_instant(listed_company.root, expiration))

    def _find_day(self, listed_company: Company, session: date) -> _Day:
        previous = self._calendar.previous_session(session)
        listed = listing.expirations(self._calendar, listed_company.listing, session)
        # Announced after the close of the session before or later: what was announced earlier is in the price.
        coming = events.announcements(self._seed, listed_company, session, session + _LONGEST)
        paid = self._dividends(listed_company, session)
        return _Day(
            company=listed_company,
            session=session,
            path=market.session_path(self._seed, listed_company, session, previous),
            listed=listed,
            event_times=np.array([_micros(self._close(one.day) + _HOUR) for one in coming], dtype=np.int64),
            event_variance=np.array([one.move**2 for one in coming], dtype=np.float64),
            ex_dividend_times=np.array([_micros(self._calendar.session_open(one.ex_date)) for one in paid], np.int64),
            dividend=events.quarterly_dividend(listed_company) if paid else 0.0,
        )

    def _close(self, day: date) -> datetime:
        session = day if self._calendar.is_session(day) else self._calendar.previous_session(day)
        return self._calendar.session_close(session)

    def _find_strip(self, listed_company: Company, session: date, chosen: tuple[date, ...]) -> _Strip:
        day = self._day(listed_company, session)
        opened = _micros(self._calendar.session_open(session))
        expiry = np.array([self._expiry(listed_company, one) for one in chosen], dtype=np.int64)
        deviation = np.sqrt(_terms(day, opened).theta(_years(expiry, opened)))
        ladders = [listing.strikes(listed_company.listing, day.path.previous_close, float(one)) for one in deviation]
        strike = np.concatenate([np.tile(ladder, 2) for ladder in ladders])
        is_call = np.concatenate([np.repeat([False, True], len(ladder)) for ladder in ladders])
        slice_of = np.repeat(np.arange(len(chosen)), [2 * len(ladder) for ladder in ladders])
        ordinals = np.array([one.toordinal() for one in chosen], dtype=np.int64)
        side = np.where(is_call, 1.0, -1.0)
        return _Strip(
            frame=_identity(listed_company.root, chosen, ladders),
            slices=Slices(strike=strike, is_call=is_call, slice_of=slice_of),
            expiry=expiry,
            habits=habits(
                self._seed,
                listed_company,
                session.toordinal(),
                contract_ids(ordinals[slice_of], strike, is_call),
                side * np.log(strike / day.path.previous_close) / deviation[slice_of],
                (ordinals - session.toordinal()).astype(np.float64)[slice_of],
            ),
        )

    def _contracts(self, day: _Day, chosen: tuple[date, ...], moment: _Moment, spot: float) -> pd.DataFrame:
        if not chosen:
            return CHAIN.empty()
        strip = self._strip(day.company, day.session, chosen)
        fair, volatility = fair_values(
            strip.slices,
            spot=spot,
            years=_years(strip.expiry, moment.microseconds),
            terms=_terms(day, moment.microseconds),
            ex_dividend_years=_years(day.ex_dividend_times, moment.microseconds),
            dividend=day.dividend,
        )
        quoted = quotes(
            day.company,
            strip.habits,
            fair,
            volatility,
            elapsed=moment.elapsed,
            now=moment.microseconds,
            opened=moment.opened,
            is_closed=moment.is_closed,
        )
        return _frame(strip, quoted)


def _identity(root: str, chosen: tuple[date, ...], ladders: list[Floats]) -> pd.DataFrame:
    """The identity columns: per expiration the puts, then the calls, each by ascending strike."""
    sides, codes, days = [], [], []
    for expiration, ladder in zip(chosen, ladders, strict=True):
        digits = [f"{round(strike * 1000):08d}" for strike in ladder]
        for side in (OptionType.PUT, OptionType.CALL):
            head = occ_symbol(root, expiration, side, 1.0)[: -len("00001000")]
            codes += [head + one for one in digits]
            sides += [side.value] * len(digits)
        days += [expiration] * (2 * len(ladder))
    return pd.DataFrame(
        {
            "root": pd.Series([root] * len(codes), dtype="str"),
            "expiration": np.array(days, dtype="datetime64[s]"),
            "option_type": pd.Series(sides, dtype="str"),
            "strike": np.concatenate([np.tile(ladder, 2) for ladder in ladders]),
            "occ_symbol": pd.Series(codes, dtype="str"),
            "multiplier": np.full(len(codes), STANDARD_MULTIPLIER, dtype=np.int64),
            "adjusted": np.zeros(len(codes), dtype=np.bool_),
        }
    )


def _frame(strip: _Strip, quoted: Quotes) -> pd.DataFrame:
    columns: dict[str, object] = {name: strip.frame[name] for name in strip.frame.columns}
    columns["bid"] = quoted.bid
    columns["ask"] = quoted.ask
    columns["last"] = quoted.last
    columns["volume"] = quoted.volume
    columns["open_interest"] = strip.habits.open_interest
    columns["vendor_iv"] = quoted.vendor_iv
    columns["quote_time"] = pd.DatetimeIndex(quoted.time.view("datetime64[us]"), tz=UTC)
    return pd.DataFrame(columns)


def _terms(day: _Day, microseconds: int) -> TermStructure:
    return TermStructure(
        short=day.path.volatility,
        long=day.company.volatility,
        rho=day.company.skew,
        eta=day.company.smile,
        event_years=_years(day.event_times, microseconds),
        event_variance=day.event_variance,
    )


def _underlying_quote(spot: float, at: datetime) -> UnderlyingQuote:
    """A quote whose mid is the spot."""
    half = max(0.01, round(spot * 0.00004, 2)) if spot > 0.05 else 0.0
    return UnderlyingQuote(bid=round(spot - half, 2), ask=round(spot + half, 2), last=spot, quote_time=at, last_time=at)


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _years(microseconds: Integers, now: int) -> Floats:
    return (microseconds - now) / _MICROSECONDS_PER_YEAR
