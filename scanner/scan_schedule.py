"""When a saved scan is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from scanner.calendar import NEW_YORK, MarketCalendar
from scanner.errors import InputError

_LATE: Final = timedelta(minutes=15)
"""How long after its time a daily scan may still begin. Later it is left out for the day."""

_SHORTEST, _LONGEST = 5, 390


@dataclass(frozen=True, slots=True)
class Schedule:
    """Once a session at `at` in New York, or every `minutes` of a session from its open on. One of the two."""

    at: time | None = None
    minutes: int | None = None

    def __post_init__(self) -> None:
        if (self.at is None) == (self.minutes is None):
            raise InputError("a schedule is a time of the day or a number of minutes")
        if self.minutes is not None and not _SHORTEST <= self.minutes <= _LONGEST:
            raise InputError(f"a scan runs every {_SHORTEST} to {_LONGEST} minutes, not every {self.minutes}")

    def __str__(self) -> str:
        return f"{self.at:%H:%M}" if self.at else f"every {self.minutes} min"


def read_schedule(text: str) -> Schedule:
    """ "09:45" or "every 30 min". Raises InputError."""
    words = text.strip().lower().removeprefix("every").removesuffix("min").strip()
    try:
        return Schedule(minutes=int(words)) if words.isdigit() else Schedule(at=time.fromisoformat(words))
    except ValueError as error:
        raise InputError(f"{text!r} is no schedule. Write a New York time as 09:45, or every 30 min") from error


def due_run(schedule: Schedule, now: datetime, last: datetime | None, calendar: MarketCalendar) -> datetime | None:
    """The instant a run was due at, or None; `last` is that of the latest run. Missed ones are not caught up.

    Only on sessions. At a time: from it until 15 minutes later, whether the market is open or not. Every n minutes:
    from n minutes after the open to the close.
    """
    local = now.astimezone(NEW_YORK)
    if not calendar.is_session(local.date()):
        return None
    if schedule.at is not None:
        slot = datetime.combine(local.date(), schedule.at, NEW_YORK)
        due = slot <= local < slot + _LATE
    else:
        opens, closes = calendar.session_open(local.date()), calendar.session_close(local.date())
        every = timedelta(minutes=schedule.minutes or _LONGEST)
        slot = opens + (now - opens) // every * every
        due = opens < slot <= closes and now < slot + every
    return slot if due and (last is None or last < slot) else None
