"""The simulated market as a source of chains and of reference data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pandas as pd

from scanner.calendar import MarketCalendar
from scanner.errors import InputError, NoOptionsError, SymbolError, SymbolNotFoundError
from scanner.model import ChainSnapshot, DailyClose, Mode, ReferenceData, UnderlyingQuote
from scanner.schema import CHAIN
from scanner.sources.base import Capabilities, ChooseExpirations
from scanner.sources.simulated import events, market, planted
from scanner.sources.simulated.companies import UNKNOWN_PREFIX, WITHOUT_OPTIONS_PREFIX, Company, company
from scanner.sources.simulated.exchange import Day, Exchange, Strip
from scanner.sources.simulated.moments import Moment, microseconds, moment, years
from scanner.sources.simulated.planted import SYMBOL_CASES, Case, PlantedCase
from scanner.sources.simulated.quotes import Quotes, quotes, traded_part
from scanner.sources.simulated.surface import fair_values
from scanner.symbols import is_index_root, normalise

NAME: Final = "simulated"

_YEAR_SESSIONS: Final = 251
_CLOSES: Final = 128
_NEXT_DIVIDEND_WITHIN: Final = timedelta(days=200)


class SimulatedSource:
    """A market that follows from `seed` and the clock's instant alone: the same in every process and thread.

    Chains and reference data of any symbol (see `companies`); nothing is fetched. While the market is closed it gives
    the last session's closing quotes. `plant` puts the known cases of `planted` into it. Symbols are canonical ones.
    Safe to share among threads.
    """

    name = NAME
    mode = Mode.SIMULATED
    capabilities = Capabilities(quote_times=True, open_interest=True, vendor_iv=True, delay_seconds=0.0)

    def __init__(
        self, seed: int, clock: Callable[[], datetime], calendar: MarketCalendar, *, plant: bool = True
    ) -> None:
        self._clock = clock
        self._plant = plant
        self._exchange = Exchange(seed, calendar, plant=plant)

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """The chain at the clock's instant.

        Raises SymbolNotFoundError, NoOptionsError; InputError for a choice that is not listed.
        """
        listed_company = self._company(symbol)
        if symbol.startswith(WITHOUT_OPTIONS_PREFIX):
            raise NoOptionsError(self.name, symbol, "no options are listed on it")
        at = moment(self._clock(), self._exchange.calendar)
        day = self._exchange.day(listed_company, at.session)
        listed = tuple(one for one in day.listed if self._exchange.expiry(listed_company.root, one) > at.microseconds)
        wanted = set(choose(listed))
        if not wanted <= set(listed):
            raise InputError(f"{sorted(wanted - set(listed))} are no listed expirations of {symbol}")
        missing = self._missing(symbol, day) & wanted
        spot = day.path.price_at(at.elapsed)
        return ChainSnapshot(
            symbol=symbol,
            source=self.name,
            mode=self.mode,
            fetched_at=at.now,
            answer_time=at.at,
            underlying=self._underlying(day.company, spot, at),
            listed_expirations=listed,
            contracts=self._contracts(day, tuple(sorted(wanted - missing)), at, spot),
            unreadable=self._unreadable(symbol),
            missing_expirations=tuple(sorted(missing)),
        )

    def reference(self, symbol: str) -> ReferenceData:
        """Slow facts at the clock's instant. Raises SymbolNotFoundError."""
        known = self._company(symbol)
        at = moment(self._clock(), self._exchange.calendar)
        path = self._exchange.day(known, at.session).path
        price = path.price_at(at.elapsed)
        year = self._year(known, at.session)
        earnings, state = events.next_earnings(self._exchange.seed, known, at.session)
        coming = self._exchange.dividends(known, at.session, at.session + _NEXT_DIVIDEND_WITHIN)
        return ReferenceData(
            symbol=symbol,
            source=self.name,
            fetched_at=at.now,
            name=known.name,
            last_price=price,
            change_pct=round((price / round(path.previous_close, 2) - 1.0) * 100.0, 2),
            volume=int(self._shares(known, at)),
            average_volume=int(known.share_volume),
            high_52_week=max(price, round(max(year), 2)),
            low_52_week=min(price, round(min(year), 2)),
            sector=known.sector,
            industry=known.industry,
            market_cap=known.market_cap,
            next_earnings=earnings,
            earnings_state=state,
            ex_dividend_date=coming[0].ex_date if coming else None,
            dividend_amount=coming[0].amount if coming else None,
            dividend_yield_pct=known.dividend_yield_pct,
        )

    def closes(self, symbol: str) -> tuple[DailyClose, ...]:
        """The closes of the last year's sessions. Raises SymbolNotFoundError."""
        known = self._company(symbol)
        at = moment(self._clock(), self._exchange.calendar)
        calendar = self._exchange.calendar
        last = at.session if at.is_closed else calendar.previous_session(at.session)
        days = [last]
        while len(days) < _CLOSES:
            days.append(calendar.previous_session(days[-1]))
        number = market.weekday_number(last)
        values = market.closes(self._exchange.seed, known, number, number - market.weekday_number(days[-1]) + 1)
        by_number = dict(zip(range(number, number - len(values), -1), reversed(values.tolist()), strict=True))
        return tuple(DailyClose(day, round(by_number[market.weekday_number(day)], 2)) for day in reversed(days))

    def planted_cases(self, symbol: str) -> tuple[PlantedCase, ...]:
        """What is planted in the symbol's chain in the clock's session: the truth table for tests. Empty if `plant` is
        off. Raises SymbolNotFoundError."""
        known = self._company(symbol)
        session = moment(self._clock(), self._exchange.calendar).session
        case = self._case(symbol)
        whole = () if case is None else (PlantedCase(symbol, case),)
        return whole + self._exchange.planted_contracts(known, session)

    def _company(self, symbol: str) -> Company:
        try:
            canonical = normalise(symbol) == symbol
        except SymbolError as error:
            raise SymbolNotFoundError(self.name, symbol, "this is no symbol") from error
        if not canonical or symbol.startswith(UNKNOWN_PREFIX) or is_index_root(symbol):
            raise SymbolNotFoundError(self.name, symbol, "the simulated market does not list it")
        known = company(symbol)
        return planted.planted_company(known) if self._plant else known

    def _case(self, symbol: str) -> Case | None:
        return SYMBOL_CASES.get(symbol) if self._plant else None

    def _missing(self, symbol: str, day: Day) -> set[date]:
        if self._case(symbol) is not Case.MISSING_EXPIRATION:
            return set()
        return {planted.planted_expiration(day.listed, day.session)}

    def _unreadable(self, symbol: str) -> Mapping[str, int]:
        return dict(planted.UNREADABLE) if self._case(symbol) is Case.UNREADABLE_ROWS else {}

    def _underlying(self, known: Company, spot: float, now: Moment) -> UnderlyingQuote:
        """A quote whose mid is the spot."""
        at = now.at
        half = max(0.01, round(spot * 0.00004, 2))
        quote = UnderlyingQuote(
            bid=max(0.0, round(spot - half, 2)),
            ask=round(spot + half, 2),
            last=spot,
            quote_time=at,
            last_time=at,
            volume=self._shares(known, now),
        )
        match self._case(known.symbol):
            case Case.NO_SPOT:
                return UnderlyingQuote()
            case Case.SPOT_SKEW:
                earlier = at - planted.SPOT_SKEW
                return replace(quote, quote_time=earlier, last_time=earlier)
            case _:
                return quote

    def _shares(self, known: Company, at: Moment) -> float:
        """Shares traded in the session so far."""
        return float(int(known.share_volume * traded_part(at.elapsed)))

    def _year(self, known: Company, session: date) -> list[float]:
        yesterday = market.weekday_number(self._exchange.calendar.previous_session(session))
        return [float(one) for one in market.closes(self._exchange.seed, known, yesterday, _YEAR_SESSIONS)]

    def _contracts(self, day: Day, chosen: tuple[date, ...], at: Moment, spot: float) -> pd.DataFrame:
        if not chosen:
            return CHAIN.empty()
        strip = self._exchange.strip(day.company, day.session, chosen)
        fair, volatility = fair_values(
            strip.slices,
            spot=spot,
            years=years(strip.expiry, at.microseconds),
            terms=day.terms(at.microseconds),
            ex_dividend_years=years(day.ex_dividend_times, at.microseconds),
            dividend=day.dividend,
        )
        quoted = quotes(
            day.company,
            strip.habits,
            fair,
            volatility,
            elapsed=at.elapsed,
            now=at.microseconds,
            opened=at.opened,
            is_closed=at.is_closed,
        )
        if strip.cases:
            calendar = self._exchange.calendar
            before = calendar.session_close(calendar.previous_session(at.session))
            planted.spoil_quotes(quoted, strip.cases, opened=at.opened, previous_close=microseconds(before))
        return _frame(strip, quoted)


def _frame(strip: Strip, quoted: Quotes) -> pd.DataFrame:
    """Build the frame once; it copies what the strip keeps."""
    columns = {
        **strip.identity,
        "bid": quoted.bid,
        "ask": quoted.ask,
        "last": quoted.last,
        "volume": quoted.volume,
        "open_interest": strip.habits.open_interest,
        "vendor_iv": quoted.vendor_iv,
        "quote_time": pd.DatetimeIndex(quoted.time.view("datetime64[us]"), tz=UTC).array,
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(quoted.bid)))
