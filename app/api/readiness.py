"""Whether the stored data are fit for use: by their age alone, for a dead worker shows in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.bootstrap import Services
from scanner.calendar import SCAN_EVERY, MarketCalendar

MOST_AGE_IN_SESSION: Final = timedelta(minutes=45)
"""In market hours data are fit for use while they are not older."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of data. `newest`: of quotes the newest one, of flow the scan that half of the stocks have at least."""

    ready: bool
    reason: str
    newest: datetime | None
    age_seconds: float | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """`decided_by` flow where workers scan by themselves, else by the quotes of syncs, which come when asked for."""

    flow: Part
    quotes: Part
    decided_by: str

    @property
    def decisive(self) -> Part:
        return self.flow if self.decided_by == "flow" else self.quotes


def readiness(found: Services) -> Readiness:
    """How old the data are, and whether that will do."""
    now, calendar = found.clock(), found.calendar
    return Readiness(
        flow=flow_part(found.flow.freshness().half_since, now=now, calendar=calendar),
        quotes=quotes_part(found.premiums.coverage().newest_quote, now=now, calendar=calendar),
        decided_by="flow" if found.settings.flow_scans else "quotes",
    )


def quotes_part(newest: datetime | None, *, now: datetime, calendar: MarketCalendar) -> Part:
    """In session not older than 45 minutes, else of the last session."""
    clock = calendar.clock(now)
    if clock.is_open:
        return _part("the newest quote", newest, now - MOST_AGE_IN_SESSION, "45 minutes", now)
    return _part("the newest quote", newest, clock.opens_at, "the last session", now)


def flow_part(newest: datetime | None, *, now: datetime, calendar: MarketCalendar) -> Part:
    """In session not older than 45 minutes, else of the last session; in its first hour the one before will do."""
    clock, what = calendar.clock(now), "the flow scan of half of the stocks"
    if not clock.is_open:
        return _part(what, newest, clock.opens_at, "the last session", now)
    if now < clock.opens_at + SCAN_EVERY + MOST_AGE_IN_SESSION:
        before = calendar.session_open(calendar.previous_session(clock.session))
        return _part(what, newest, before, "the session before", now)
    return _part(what, newest, now - MOST_AGE_IN_SESSION, "45 minutes", now)


def _part(what: str, newest: datetime | None, oldest: datetime, wanted: str, now: datetime) -> Part:
    if newest is None:
        return Part(False, f"{what} is not stored yet", None, None)
    fit = newest >= oldest
    return Part(fit, "" if fit else f"{what} is older than {wanted}", newest, (now - newest).total_seconds())
