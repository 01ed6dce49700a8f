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
from app.live_sources import LiveSources
from app.log import redact
from app.secrets import Credentials, KeyRing, SecretStore, read_credentials
from app.services.api_keys import ApiKeyService
from app.services.consistency import ConsistencyService
from app.services.flow import FlowService
from app.services.flow_backfill import FlowBackfill, SettableMoment
from app.services.flow_scan import FlowScanService
from app.services.housekeeping import Housekeeping
from app.services.premiums import PremiumService
from app.services.priced_chains import PricedChains, PricingInputs
from app.services.reference import ReferenceService
from app.services.source_report import SourceReportService
from app.services.stocks import StockService
from app.services.symbol_attempts import AttemptContext
from app.services.symbol_flow import SymbolFlow
from app.services.symbol_sync import SymbolSync
from app.services.sync import SyncService
from app.settings import Settings
from db.engine import Database, open_database
from db.scan_runs import RunSettings
from scanner.calendar import MarketCalendar
from scanner.errors import InputError
from scanner.model import Mode, PriceBasis
from scanner.pricing.rates import RateCurve
from scanner.sources.account import SourceAccount
from scanner.sources.registry import (
    SOURCE_NAMES,
    Sources,
    SourceState,
    open_recorded,
    open_simulated,
    recording,
)
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
    credentials: Credentials
    sync: SyncService
    flow_scans: FlowScanService
    flow: FlowService
    premiums: PremiumService
    stocks: StockService
    reference: ReferenceService
    housekeeping: Housekeeping
    source_reports: SourceReportService
    source_states: Callable[[], tuple[SourceState, ...]]
    account: SourceAccount
    api_keys: ApiKeyService
    vault: SecretStore

    def close(self) -> None:
        """Store what was added up and let go of the database. The services are of no use afterwards."""
        try:
            self.account.flush()
        finally:
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
    source_reports = SourceReportService(database=database, clock=clock)
    account = SourceAccount(source_reports.store, clock)
    secret_store = SecretStore(database, KeyRing.of(settings))
    credentials = read_credentials(settings, secret_store)
    live = LiveSources(
        settings,
        database,
        clock,
        credential=credentials.get,
        vault=secret_store,
        account=account.add_call,
        calendar=inputs.calendar,
    )
    sources = _sources(settings, clock, inputs.calendar, live)
    chains = PricedChains(database=database, source=lambda: sources().chains, inputs=inputs, account=account)
    context = AttemptContext(
        database=database,
        clock=clock,
        chance=random.random,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        redact=redact,
    )
    return Services(
        settings=settings,
        mode=settings.mode,
        clock=clock,
        calendar=inputs.calendar,
        database=database,
        credentials=credentials,
        sync=SyncService(
            database=database,
            settings=_run_settings(settings, live),
            clock=clock,
            symbol_sync=SymbolSync(chains=chains, context=context),
        ),
        flow_scans=FlowScanService(
            database=database,
            settings=_run_settings(settings, live),
            clock=clock,
            calendar=inputs.calendar,
            symbols=settings.flow_symbols or universe,
            symbol_flow=SymbolFlow(chains=chains, context=context),
        ),
        flow=FlowService(database=database, clock=clock, calendar=inputs.calendar),
        premiums=PremiumService(database=database, inputs=inputs, clock=clock),
        stocks=StockService(database=database, clock=clock, universe=universe),
        reference=ReferenceService(
            database=database,
            source=lambda: sources().reference,
            clock=clock,
            per_round=_REFERENCES_PER_ROUND[settings.mode],
        ),
        housekeeping=Housekeeping(
            database=database,
            clock=clock,
            source_reports=source_reports,
            consistency=ConsistencyService(database=database, inputs=inputs, clock=clock),
        ),
        source_reports=source_reports,
        source_states=live.states if settings.mode is Mode.LIVE else _only_source(settings.mode),
        account=account,
        api_keys=ApiKeyService(database=database),
        vault=secret_store,
    )


def flow_backfill(services: Services) -> FlowBackfill:
    """Scans at past instants of the simulated market. Raises InputError in any other mode."""
    if services.mode is not Mode.SIMULATED:
        raise InputError("only the simulated market can be scanned at past instants. Add --mode simulated")
    settings, calendar = services.settings, services.calendar
    moment = SettableMoment(services.clock())
    market = open_simulated(settings.seed, moment, calendar).chains
    chains = PricedChains(
        database=services.database,
        source=lambda: market,
        inputs=PricingInputs(calendar, _rates(settings)),
        account=SourceAccount(lambda *_: None, moment),
    )
    return FlowBackfill(
        database=services.database,
        settings=services.flow_scans.settings,
        chains=chains,
        moment=moment,
        symbols=services.flow_scans.symbols,
    )


def _rates(settings: Settings) -> RateCurve:
    years, rates = zip(*settings.rate, strict=True)
    return RateCurve(years, rates)


def _only_source(mode: Mode) -> Callable[[], tuple[SourceState, ...]]:
    return lambda: (SourceState(SOURCE_NAMES[mode]),)


def _sources(settings: Settings, clock: Clock, calendar: MarketCalendar, live: LiveSources) -> Callable[[], Sources]:
    """The sources of the mode, opened when first asked for (a dashboard never needs them), once for all threads."""
    opened: list[Sources] = []
    opening = threading.Lock()

    def open_now() -> Sources:
        match settings.mode:
            case Mode.LIVE:
                return live.open()
            case Mode.SIMULATED:
                return open_simulated(settings.seed, clock, calendar)
            case Mode.RECORDED:
                return open_recorded(settings.recorded_dir)

    def sources() -> Sources:
        with opening:
            if not opened:
                opened.append(open_now())
        return opened[0]

    return sources


def _run_settings(settings: Settings, live: LiveSources) -> RunSettings:
    return RunSettings(
        mode=settings.mode,
        rates={f"{years:g}": rate for years, rate in settings.rate},
        sources=live.ready() if settings.mode is Mode.LIVE else (SOURCE_NAMES[settings.mode],),
        price_basis=str(PriceBasis()),
    )
