"""Numbers and instants as text. Unknown is a dash, never a zero."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Final

from scanner.calendar import NEW_YORK, MarketClock

UNKNOWN: Final = "–"
"""Stands wherever a value is not known."""

NO_EARNINGS: Final = "none"
"""Stands for the next earnings of a fund."""

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


def is_unknown(value: object) -> bool:
    """True for None, NaN and NaT."""
    return value is None or value != value


def number(value: float | None, pattern: str = "{:,.2f}") -> str:
    return UNKNOWN if value is None or math.isnan(value) else pattern.format(value)


def signed(value: float | None, decimals: int = 2) -> str:
    """With its sign; a change that rounds to zero has none."""
    if value is None or math.isnan(value):
        return UNKNOWN
    written = f"{value:+,.{decimals}f}"
    return written[1:] if float(written.replace(",", "")) == 0 else written


def money(value: float | None) -> str:
    """$ with cents; the sign stands before the $."""
    if value is None or math.isnan(value):
        return UNKNOWN
    return f"-${-value:,.2f}" if value < 0 else f"${value:,.2f}"


def dollars(value: float | None) -> str:
    """Whole $; the sign stands before the $."""
    if value is None or math.isnan(value):
        return UNKNOWN
    return f"-${-value:,.0f}" if round(value) < 0 else f"${abs(value):,.0f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A value that is already in percent."""
    return number(value, f"{{:,.{digits}f}} %")


def count(value: float | None) -> str:
    return number(value, "{:,.0f}")


def duration(seconds: float) -> str:
    """Elapsed time in the two largest units that matter: "12 s", "3 min", "2 h 5 min", "3 d 4 h"."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        hours, rest = divmod(whole, _HOUR)
        minutes = rest // _MINUTE
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, rest = divmod(whole, _DAY)
    hours = rest // _HOUR
    return f"{days} d {hours} h" if hours else f"{days} d"


def words(name: str) -> str:
    """ "Contrarian bull" for "CONTRARIAN_BULL"."""
    return name.replace("_", " ").capitalize()


def quoted(text: str, most: int = 40) -> str:
    """Text from outside, cut, so that Markdown shows it as it is."""
    return f"`{' '.join(text.replace('`', '').split())[:most]}`"


def new_york_time(instant: datetime, *, now: datetime | None = None, seconds: bool = False) -> str:
    """New York clock time; with `now`, the weekday before it, and from six days away on the date."""
    local = instant.astimezone(NEW_YORK)
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    if now is None or local.date() == now.astimezone(NEW_YORK).date():
        return clock
    if abs(local.date() - now.astimezone(NEW_YORK).date()) < timedelta(days=6):
        return f"{_WEEKDAYS[local.weekday()]} {clock}"
    return f"{day(local.date())} {clock}"


def day(value: date) -> str:
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def age(seconds: float | None, *, minimum: bool, state: str, at: datetime | None) -> str:
    """The age of a quote: "12 s", "at least 14 min", "closed (Fri 16:00)".

    `minimum`: the quote's own time is unknown and the age is that of the answer. `state` is `age_state` of
    `schema.SCAN`; `at` is the quote's time, else the answer's.
    """
    if state == "closed" and at is not None and not is_unknown(at):
        local = (at + timedelta(seconds=30)).astimezone(NEW_YORK)
        return f"closed ({_WEEKDAYS[local.weekday()]} {local:%H:%M})"
    if seconds is None or is_unknown(seconds):
        return "unknown"
    text = f"at least {duration(seconds)}" if minimum else duration(seconds)
    return f"{text}, stale" if state == "stale" else text


def market_clock(clock: MarketClock, now: datetime) -> str:
    """One line: whether the market is open, and the next change with the time until it."""
    if clock.is_open:
        early = " (early close)" if clock.early_close else ""
        left = duration((clock.closes_at - now).total_seconds())
        return f"Market open, closes {new_york_time(clock.closes_at)}{early} in {left}"
    left = duration((clock.next_open - now).total_seconds())
    return f"Market closed, opens {new_york_time(clock.next_open, now=now)} in {left}"


def quote_age(instant: datetime | None, clock: MarketClock, now: datetime) -> str:
    """Age of a stored quote while the market is open; while it is closed the New York time of the quote."""
    if instant is None:
        return UNKNOWN
    if clock.is_open:
        return f"{duration((now - instant).total_seconds())} old"
    return new_york_time(instant + timedelta(seconds=30), now=now)


def scan_age(slot: datetime, clock: MarketClock, now: datetime) -> str:
    """Age of a scan: "12 min ago", "closed (Fri 16:00)"; while the market is open an older session's with its day."""
    at = new_york_time(slot, now=now)
    if not clock.is_open:
        return f"closed ({at})"
    return f"{duration((now - slot).total_seconds())} ago" if slot >= clock.opens_at else f"session before ({at})"


def data_age(oldest: datetime | None, newest: datetime | None, clock: MarketClock, now: datetime) -> str:
    """Newest and oldest stored quote. After the close the last session's quotes are closing quotes, not old ones."""
    if newest is None:
        return "No quotes stored"
    newest_age, oldest_age = quote_age(newest, clock, now), quote_age(oldest, clock, now)
    closing = not clock.is_open and newest >= clock.opens_at
    line = f"{'Closing quotes' if closing else 'Newest quote'} {newest_age}"
    return line if oldest_age == newest_age else f"{line}, oldest {oldest_age}"
