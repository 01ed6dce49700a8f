"""Composition root: settings, clock, calendar, database, sources and services, put together once per process."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from app.alert_targets import alert_settings, sender
from app.connection import database_dsn
from app.live_sources import LiveSources
from app.log import redact
from app.secrets import Credentials, KeyRing, SecretStore, read_credentials
from app.services.alerts import AlertService, Observed
from app.services.api_keys import ApiKeyService
from app.services.archive import ArchiveService
from app.services.consistency import ConsistencyService
from app.services.flow import FlowService
from app.services.flow_backfill import FlowBackfill, SettableMoment
from app.services.flow_chain import FlowChainService
from app.services.flow_scan import FlowScanService
from app.services.housekeeping import Housekeeping
from app.services.machinery import MachineryService
from app.services.preferences import PreferenceService
from app.services.premiums import PremiumService
from app.services.priced_chains import PricedChains, PricingInputs
from app.services.reference import ReferenceService
from app.services.saved_scans import SavedScanService
from app.services.smiles import SmileService
from app.services.source_report import SourceReportService
from app.services.stocks import StockService
from app.services.symbol_attempts import AttemptContext
from app.services.symbol_flow import SymbolFlow
from app.services.symbol_sync import SymbolSync
from app.services.sync import SyncService
from app.services.volatility_history import VolatilityHistory
from app.services.watchlists import WatchlistService
from app.settings import Settings
from app.stored_settings import StoredSettings, effective
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
class Ground:
    """What stays when settings change. `given` are the settings without those that are stored."""

    given: Settings
    clock: Clock
    universe: Sequence[str]
    database: Database
    source_reports: SourceReportService
    account: SourceAccount


@dataclass(frozen=True, slots=True)
class Services:
    """What entry points work with. `clock()` is the instant now; `stored` what `settings` has from the database."""

    ground: Ground
    settings: Settings
    stored: Mapping[str, str]
    stored_settings: StoredSettings
    mode: Mode
    clock: Clock
    calendar: MarketCalendar
    database: Database
    credentials: Credentials
    sync: SyncService
    flow_scans: FlowScanService
    flow: FlowService
    flow_chains: FlowChainService
    smiles: SmileService
    preferences: PreferenceService
    premiums: PremiumService
    alerts: AlertService
    stocks: StockService
    watchlists: WatchlistService
    saved_scans: SavedScanService
    volatility_history: VolatilityHistory
    reference: ReferenceService
    housekeeping: Housekeeping
    machinery: MachineryService
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
    patience = _WORKER_STATEMENT_SECONDS if background else settings.statement_timeout_seconds
    database = open_database(
        database_dsn(settings),
        mode=settings.mode,
        pool_size=max(settings.pool_size, settings.threads_per_worker + 2),
        statement_timeout_seconds=patience,
    )
    clock = clock or wall_clock
    source_reports = SourceReportService(database=database, clock=clock)
    account = SourceAccount(source_reports.store, clock)
    return _wire(Ground(settings, clock, universe, database, source_reports, account))


def rebuild(services: Services) -> Services:
    """The services on what is stored now, with the database and the account of the ones before."""
    return _wire(services.ground)


def _wire(ground: Ground) -> Services:
    clock, database, source_reports, account = ground.clock, ground.database, ground.source_reports, ground.account
    stored_settings = StoredSettings(database, ground.given, clock=clock)
    stored = stored_settings.read()
    settings = effective(ground.given, stored).settings
    inputs = PricingInputs(MarketCalendar.around(clock()), _rates(settings))
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
    source_states = live.states if settings.mode is Mode.LIVE else _only_source(settings.mode)
    archive = ArchiveService(
        database=database, clock=clock, location=settings.archive_place, keep=timedelta(days=settings.keep_days)
    )
    context = AttemptContext(
        database=database,
        clock=clock,
        chance=random.random,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        redact=redact,
    )
    flow = FlowService(database=database, clock=clock, calendar=inputs.calendar, archive=archive)
    premiums = PremiumService(database=database, inputs=inputs, clock=clock)
    sync = SyncService(
        database=database,
        settings=_run_settings(settings, live),
        clock=clock,
        symbol_sync=SymbolSync(chains=chains, context=context),
    )
    watchlists = WatchlistService(database=database, clock=clock, sync=sync)
    volatility_history = VolatilityHistory(database=database, clock=clock, calendar=inputs.calendar)
    saved_scans = SavedScanService(
        database=database, clock=clock, inputs=inputs, premiums=premiums, watchlists=watchlists
    )
    alerts = AlertService(
        database=database,
        clock=clock,
        settings=alert_settings(settings),
        observed=Observed(flow, premiums, source_reports, source_states, inputs.calendar, saved_scans.watched),
        sender=sender(credentials),
    )
    return Services(
        ground=ground,
        settings=settings,
        stored=stored,
        stored_settings=stored_settings,
        mode=settings.mode,
        clock=clock,
        calendar=inputs.calendar,
        database=database,
        credentials=credentials,
        sync=sync,
        flow_scans=FlowScanService(
            database=database,
            settings=_run_settings(settings, live),
            clock=clock,
            calendar=inputs.calendar,
            symbols=settings.flow_symbols or ground.universe,
            symbol_flow=SymbolFlow(chains=chains, context=context),
        ),
        flow=flow,
        flow_chains=FlowChainService(database=database, calendar=inputs.calendar),
        smiles=SmileService(database=database, calendar=inputs.calendar),
        preferences=PreferenceService(database=database, clock=clock),
        premiums=premiums,
        alerts=alerts,
        stocks=StockService(database=database, clock=clock, universe=ground.universe),
        watchlists=watchlists,
        saved_scans=saved_scans,
        volatility_history=volatility_history,
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
            archive=archive,
            alerts=alerts,
            watchlists=watchlists,
            saved_scans=saved_scans,
            volatility_history=volatility_history,
        ),
        machinery=MachineryService(database=database),
        source_reports=source_reports,
        source_states=source_states,
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
