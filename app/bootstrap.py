"""Composition root: settings, clock, calendar, database, sources and services, put together once per process."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from app.connection import database_dsn
from app.services.housekeeping import Housekeeping
from app.services.premiums import PremiumService
from app.services.reference import ReferenceService
from app.services.stocks import StockService
from app.services.symbol_sync import PricingInputs, SymbolSync
from app.services.sync import SyncService
from app.settings import Settings
from db.engine import Database, open_database
from db.scan_runs import RunSettings
from scanner.calendar import MarketCalendar
from scanner.model import Mode, PriceBasis
from scanner.pricing.rates import RateCurve
from scanner.sources.registry import SOURCE_NAMES, SourceOptions, Sources, open_sources, recording
from scanner.symbols import DEFAULT_UNIVERSE

Clock = Callable[[], datetime]

_WORKER_STATEMENT_SECONDS: Final = 600.0
_REFERENCES_PER_ROUND: Final = {Mode.LIVE: 30, Mode.SIMULATED: 5_000, Mode.RECORDED: 5_000}


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
    database: Database
    sync: SyncService
    premiums: PremiumService
    stocks: StockService
    reference: ReferenceService
    housekeeping: Housekeeping

    def close(self) -> None:
        """Let go of the database. The services are of no use afterwards."""
        self.database.close()


def build(settings: Settings, *, clock: Clock | None = None, background: bool = False) -> Services:
    """Wire everything for one process. `background`: a worker, whose statements may take long.

    A recording is played back at the instant of its newest answer: there, `clock` stands still.
    Errors: a `DatabaseError` subclass when the database cannot be used; those of `recording`.
    """
    universe = DEFAULT_UNIVERSE
    if settings.mode is Mode.RECORDED and settings.recorded_dir:
        found = recording(settings.recorded_dir)
        universe, clock = found.symbols, clock or (lambda: found.newest)
    return _wire(settings, clock or wall_clock, universe, background)


def _wire(settings: Settings, clock: Clock, universe: Sequence[str], background: bool) -> Services:
    patience = _WORKER_STATEMENT_SECONDS if background else settings.statement_timeout_seconds
    database = open_database(
        database_dsn(settings),
        mode=settings.mode,
        pool_size=max(settings.pool_size, settings.threads_per_worker + 2),
        statement_timeout_seconds=patience,
    )
    inputs = PricingInputs(MarketCalendar.around(clock()), _rates(settings))
    sources = _sources(settings, clock, inputs.calendar)
    symbol_sync = SymbolSync(
        database=database,
        source=lambda: sources().chains,
        inputs=inputs,
        clock=clock,
        chance=random.random,
        worker=f"{socket.gethostname()}:{os.getpid()}",
    )
    return Services(
        settings=settings,
        mode=settings.mode,
        clock=clock,
        calendar=inputs.calendar,
        database=database,
        sync=SyncService(database=database, settings=_run_settings(settings), clock=clock, symbol_sync=symbol_sync),
        premiums=PremiumService(database=database, inputs=inputs, clock=clock),
        stocks=StockService(database=database, clock=clock, universe=universe),
        reference=ReferenceService(
            database=database,
            source=lambda: sources().reference,
            clock=clock,
            per_round=_REFERENCES_PER_ROUND[settings.mode],
        ),
        housekeeping=Housekeeping(database=database, clock=clock),
    )


def _rates(settings: Settings) -> RateCurve:
    years, rates = zip(*settings.rate, strict=True)
    return RateCurve(years, rates)


def _run_settings(settings: Settings) -> RunSettings:
    return RunSettings(
        mode=settings.mode,
        rates={f"{years:g}": rate for years, rate in settings.rate},
        sources=(SOURCE_NAMES[settings.mode],),
        price_basis=str(PriceBasis()),
    )


def _sources(settings: Settings, clock: Clock, calendar: MarketCalendar) -> Callable[[], Sources]:
    """The sources of the mode, opened when first asked for (a dashboard never needs them), once for all threads."""
    options = SourceOptions(
        clock=clock,
        calendar=calendar,
        timeout_seconds=settings.source_timeout_seconds,
        calls_per_second=settings.source_calls_per_second,
        seed=settings.seed,
        recorded_folder=settings.recorded_dir,
    )
    opened: list[Sources] = []
    opening = threading.Lock()

    def sources() -> Sources:
        with opening:
            if not opened:
                opened.append(open_sources(settings.mode, options))
        return opened[0]

    return sources
