"""What the simulated market lists and knows on a day: everything that stays constant during a session, remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd

from scanner.calendar import MarketCalendar
from scanner.conventions import STANDARD_MULTIPLIER
from scanner.model import Dividend, OptionType
from scanner.sources.simulated import events, listing, market, planted, planted_flow
from scanner.sources.simulated.companies import Company, Listing
from scanner.sources.simulated.hashing import Floats, Integers
from scanner.sources.simulated.moments import microseconds, years
from scanner.sources.simulated.planted import Case
from scanner.sources.simulated.quotes import Habits, contract_ids, habits
from scanner.sources.simulated.surface import Slices, TermStructure
from scanner.symbols import occ_symbol

_REMEMBERED: Final = 2_048
_ADJUSTED_SUFFIX: Final = "1"
_ADJUSTED_MULTIPLIER: Final = 150
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """An underlying on one session; times in microseconds since 1970.

    `event_times` and `event_variance` are the earnings still to come, `ex_dividend_times` the ex-dates, each of
    `dividend` $.
    """

    company: Company
    session: date
    path: market.SessionPath
    listed: tuple[date, ...]
    event_times: Integers
    event_variance: Floats
    ex_dividend_times: Integers
    dividend: float

    def terms(self, now: int) -> TermStructure:
        """The term structure of volatility seen from `now`."""
        return TermStructure(
            short=self.path.volatility,
            long=self.company.volatility,
            rho=self.company.skew,
            eta=self.company.smile,
            event_years=years(self.event_times, now),
            event_variance=self.event_variance,
        )


@dataclass(frozen=True, slots=True)
class Strip:
    """The contracts of some expirations: per expiration the puts, then the calls, each by ascending strike.

    `identity` holds the identity columns of `schema.CHAIN`; `expiry` the expiry instants per expiration; `cases` what
    is planted, by position.
    """

    identity: Mapping[str, Any]
    slices: Slices
    expiry: Integers
    habits: Habits
    cases: tuple[tuple[Case, int], ...]


class Exchange:
    """The listings of one simulated market. Safe to share among threads."""

    def __init__(self, seed: int, calendar: MarketCalendar, *, plant: bool) -> None:
        self.seed = seed
        self.calendar = calendar
        self._plant = plant
        self.day = lru_cache(maxsize=_REMEMBERED)(self._find_day)
        self.strip = lru_cache(maxsize=_REMEMBERED)(self._find_strip)
        self._listed = lru_cache(maxsize=_REMEMBERED)(self._find_listed)

    def expiry(self, root: str, expiration: date) -> int:
        """The expiry instant in microseconds."""
        return microseconds(self.calendar.expiry_instant(root, expiration))

    def dividends(self, company: Company, session: date, last: date) -> tuple[Dividend, ...]:
        """What goes ex after `session`, until `last`."""
        return events.dividends(self.seed, company, self.calendar, session + _DAY, last)

    def planted_contracts(self, company: Company, session: date) -> tuple[planted.PlantedCase, ...]:
        """The truth about single contracts of a symbol."""
        if not self._plant:
            return ()
        found: list[planted.PlantedCase] = []
        for expiration in dict.fromkeys(self._planted_expirations(company, session)):
            strip = self.strip(company, session, (expiration,))
            codes = np.asarray(strip.identity["occ_symbol"])
            found += [
                planted.PlantedCase(company.symbol, case, expiration, str(codes[index])) for case, index in strip.cases
            ]
        return tuple(found)

    def _planted_expirations(self, company: Company, session: date) -> list[date]:
        listed = self.day(company, session).listed
        days = []
        if company.symbol in planted.CONTRACT_CASES:
            days.append(planted.planted_expiration(listed, session))
        busy = planted_flow.flow_expiration(listed, session)
        if company.symbol in planted_flow.FLOW_CASES and busy is not None:
            days.append(busy)
        return days

    def _find_listed(self, kind: Listing, session: date) -> tuple[date, ...]:
        return listing.expirations(self.calendar, kind, session)

    def _find_day(self, company: Company, session: date) -> Day:
        listed = self._listed(company.listing, session)
        coming = events.announcements(self.seed, company, session, listed[-1])
        paid = self.dividends(company, session, listed[-1])
        return Day(
            company=company,
            session=session,
            path=market.session_path(self.seed, company, session, self.calendar.previous_session(session)),
            listed=listed,
            event_times=np.array([microseconds(self._close(one.day) + _HOUR) for one in coming], dtype=np.int64),
            event_variance=np.array([one.move**2 for one in coming], dtype=np.float64),
            ex_dividend_times=np.array(
                [microseconds(self.calendar.session_open(one.ex_date)) for one in paid], np.int64
            ),
            dividend=paid[0].amount if paid else 0.0,
        )

    def _close(self, day: date) -> datetime:
        return self.calendar.session_close(
            day if self.calendar.is_session(day) else self.calendar.previous_session(day)
        )

    def _find_strip(self, company: Company, session: date, chosen: tuple[date, ...]) -> Strip:
        day = self.day(company, session)
        opened = microseconds(self.calendar.session_open(session))
        close = day.path.previous_close
        expiry = np.array([self.expiry(company.root, one) for one in chosen], dtype=np.int64)
        deviation = np.sqrt(day.terms(opened).theta(years(expiry, opened)))
        ladders = [listing.strikes(company.listing, close, float(one)) for one in deviation]
        counts = np.array([2 * len(ladder) for ladder in ladders])
        strike = np.concatenate([ladder for ladder in ladders for _ in OptionType])
        is_call = np.concatenate([np.arange(count) >= count // 2 for count in counts])
        slice_of = np.repeat(np.arange(len(chosen)), counts)
        ordinals = np.array([one.toordinal() for one in chosen], dtype=np.int64)[slice_of]
        known = habits(
            self.seed,
            company,
            session.toordinal(),
            contract_ids(ordinals, strike, is_call),
            np.where(is_call, 1.0, -1.0) * np.log(strike / close) / deviation[slice_of],
            (ordinals - session.toordinal()).astype(np.float64),
        )
        strip = Strip(
            identity=_identity(company.root, chosen, ladders),
            slices=Slices(strike=strike, is_call=is_call, slice_of=slice_of),
            expiry=expiry,
            habits=known,
            cases=(),
        )
        return (
            self._planted(strip, company, session, close, dict(zip(chosen, ladders, strict=True)))
            if self._plant
            else strip
        )

    def _planted(
        self, strip: Strip, company: Company, session: date, close: float, ladders: Mapping[date, Floats]
    ) -> Strip:
        listed, start = self.day(company, session).listed, 0
        for expiration, ladder in ladders.items():
            if expiration == planted.planted_expiration(listed, session):
                strip = _plant(strip, company, ladder, close, start)
            if expiration == planted_flow.flow_expiration(listed, session):
                strip = _plant_flow(strip, company, ladder, close, start)
            start += 2 * len(ladder)
        return strip


def _identity(root: str, chosen: tuple[date, ...], ladders: list[Floats]) -> dict[str, Any]:
    sides: list[str] = []
    codes: list[str] = []
    for expiration, ladder in zip(chosen, ladders, strict=True):
        digits = [f"{round(strike * 1000):08d}" for strike in ladder.tolist()]
        for side in (OptionType.PUT, OptionType.CALL):
            head = occ_symbol(root, expiration, side, 1.0)[: -len("00001000")]
            codes += [head + one for one in digits]
            sides += [side.value] * len(digits)
    counts = [2 * len(ladder) for ladder in ladders]
    return {
        "root": pd.array([root] * len(codes), dtype="str"),
        "expiration": np.repeat(np.array(chosen, dtype="datetime64[s]"), counts),
        "option_type": pd.array(sides, dtype="str"),
        "strike": np.concatenate([ladder for ladder in ladders for _ in OptionType]),
        "occ_symbol": pd.array(codes, dtype="str"),
        "multiplier": np.full(len(codes), STANDARD_MULTIPLIER, dtype=np.int64),
        "adjusted": np.zeros(len(codes), dtype=np.bool_),
    }


def _plant(strip: Strip, company: Company, ladder: Floats, close: float, start: int) -> Strip:
    """The strip with a symbol's cases in the expiration whose contracts begin at `start`."""
    plants = planted.CONTRACT_CASES.get(company.symbol, ())
    places = [(plant.case, planted.position(plant.side, plant.rank, ladder, close)) for plant in plants]
    cases = tuple((case, start + place) for case, place in places if place is not None)
    identity = dict(strip.identity)
    for case, index in cases:
        if case is Case.ADJUSTED:
            identity = _adjusted(identity, company.root, index)
    habits = planted.spoil_habits(strip.habits, cases)
    return replace(strip, identity=identity, habits=habits, cases=strip.cases + cases)


def _plant_flow(strip: Strip, company: Company, ladder: Floats, close: float, start: int) -> Strip:
    """The strip with a symbol's unusual flow in the expiration whose contracts begin at `start`."""
    plant = planted_flow.FLOW_CASES.get(company.symbol)
    place = None if plant is None else planted.position(plant.side, 1, ladder, close)
    if plant is None or place is None:
        return strip
    habits = planted_flow.busy_habits(strip.habits, plant, start + place, share_volume=company.share_volume)
    return replace(strip, habits=habits, cases=(*strip.cases, (Case.UNUSUAL_FLOW, start + place)))


def _adjusted(identity: Mapping[str, Any], root: str, index: int) -> dict[str, Any]:
    """Identity columns where one contract is non-standard: another root, another number of shares."""
    columns = {name: values.copy() for name, values in identity.items()}
    code = columns["occ_symbol"][index]
    columns["root"][index] = root + _ADJUSTED_SUFFIX
    columns["occ_symbol"][index] = root + _ADJUSTED_SUFFIX + code[len(root) :]
    columns["multiplier"][index] = _ADJUSTED_MULTIPLIER
    columns["adjusted"][index] = True
    return columns
