"""Composition root: settings, clock, calendar, database, source and services, put together once per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.services.premiums import PremiumService
from app.services.stocks import StockService
from app.services.sync import SyncService
from app.settings import Settings
from scanner.calendar import MarketCalendar
from scanner.model import Mode

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """The instant now, in UTC. The only reading of the clock in the program."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """What entry points work with. `clock()` is the instant now."""

    settings: Settings
    mode: Mode
    clock: Clock
    calendar: MarketCalendar
    sync: SyncService
    premiums: PremiumService
    stocks: StockService


def build(settings: Settings, *, clock: Clock = wall_clock) -> Services:
    """Wire everything for one process. Raises a `DatabaseError` subclass when the database cannot be used."""
    return Services(
        settings=settings,
        mode=settings.mode,
        clock=clock,
        calendar=MarketCalendar.around(clock()),
        sync=SyncService(),
        premiums=PremiumService(),
        stocks=StockService(),
    )
