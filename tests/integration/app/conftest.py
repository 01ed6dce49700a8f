"""Services on this test's own database, with a clock that stands still and sources that do what a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.log import redact
from app.services.alert_sender import AlertSender
from app.services.alerts import AlertService, AlertSettings, Observed
from app.services.archive import ArchiveService
from app.services.consistency import ConsistencyService
from app.services.flow import FlowService
from app.services.flow_scan import FlowScanService
from app.services.premiums import PremiumService
from app.services.priced_chains import PricedChains, PricingInputs
from app.services.saved_scans import SavedScanService
from app.services.source_report import SourceReportService
from app.services.symbol_attempts import AttemptContext
from app.services.symbol_flow import SymbolFlow
from app.services.symbol_sync import SymbolSync
from app.services.sync import SyncService
from app.services.volatility_history import VolatilityHistory
from app.services.watchlists import WatchlistService
from db.engine import Database
from db.scan_runs import RunSettings
from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, Mode
from scanner.pricing.rates import RateCurve
from scanner.sources.account import SourceAccount
from scanner.sources.base import Capabilities, ChooseExpirations
from scanner.sources.simulated import SimulatedSource

MakeAlerts = Callable[..., AlertService]

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
SETTINGS = RunSettings(mode=Mode.SIMULATED, rates={"0": 0.04}, sources=("simulated",), price_basis="bid")


@dataclass
class SettableClock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class ScriptedSource:
    """The simulated market, but for the symbols in `failures`: each call takes the next error off the list."""

    market: SimulatedSource
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], object] = lambda symbol: None
    name: str = "simulated"
    mode: Mode = Mode.SIMULATED
    capabilities: Capabilities = SimulatedSource.capabilities

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        self.calls.append(symbol)
        self.before(symbol)
        if errors := self.failures.get(symbol):
            raise errors.pop(0)
        return self.market.chain(symbol, choose)


@pytest.fixture(scope="session")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(NOW)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def source(clock: SettableClock, calendar: MarketCalendar) -> ScriptedSource:
    return ScriptedSource(SimulatedSource(1, clock, calendar))


@pytest.fixture
def inputs(calendar: MarketCalendar) -> PricingInputs:
    return PricingInputs(calendar, RateCurve.flat(0.04))


@pytest.fixture
def chains(database: Database, source: ScriptedSource, clock: SettableClock, inputs: PricingInputs) -> PricedChains:
    account = SourceAccount(SourceReportService(database=database, clock=clock).store, clock)
    return PricedChains(database=database, source=lambda: source, inputs=inputs, account=account)


@pytest.fixture
def context(database: Database, clock: SettableClock) -> AttemptContext:
    return AttemptContext(database=database, clock=clock, chance=lambda: 0.5, worker="test:1", redact=redact)


@pytest.fixture
def sync(database: Database, chains: PricedChains, clock: SettableClock, context: AttemptContext) -> SyncService:
    return SyncService(
        database=database, settings=SETTINGS, clock=clock, symbol_sync=SymbolSync(chains=chains, context=context)
    )


FLOW_SYMBOLS = ("AAPL", "KO", "SPY", "TSLA")


@pytest.fixture
def flow_scans(
    database: Database, chains: PricedChains, clock: SettableClock, context: AttemptContext, calendar: MarketCalendar
) -> FlowScanService:
    return FlowScanService(
        database=database,
        settings=SETTINGS,
        clock=clock,
        calendar=calendar,
        symbols=FLOW_SYMBOLS,
        symbol_flow=SymbolFlow(chains=chains, context=context),
    )


@pytest.fixture
def archive(database: Database, clock: SettableClock, tmp_path: Path) -> ArchiveService:
    """Of days older than 30, in a folder of the test's own."""
    return ArchiveService(database=database, clock=clock, location=str(tmp_path / "archive"), keep=timedelta(days=30))


@pytest.fixture
def alerts(
    database: Database,
    clock: SettableClock,
    calendar: MarketCalendar,
    flow: FlowService,
    inputs: PricingInputs,
    saved_scans: SavedScanService,
) -> MakeAlerts:
    """An alert service that sends to these addresses."""

    def make(*addresses: str, mode: Mode = Mode.LIVE, sends: bool = True, most_an_hour: int = 12) -> AlertService:
        return AlertService(
            database=database,
            clock=clock,
            settings=AlertSettings(mode, 80, most_an_hour, sends=sends, flow_scans=True, disk=None),
            observed=Observed(
                flow,
                PremiumService(database=database, inputs=inputs, clock=clock),
                SourceReportService(database=database, clock=clock),
                lambda: (),
                calendar,
                saved_scans.watched,
            ),
            sender=lambda: AlertSender(addresses, redact=redact),
        )

    return make


@pytest.fixture
def flow(database: Database, clock: SettableClock, calendar: MarketCalendar, archive: ArchiveService) -> FlowService:
    return FlowService(database=database, clock=clock, calendar=calendar, archive=archive)


@pytest.fixture
def consistency(database: Database, inputs: PricingInputs, clock: SettableClock) -> ConsistencyService:
    return ConsistencyService(database=database, inputs=inputs, clock=clock)


@pytest.fixture
def watchlists(database: Database, clock: SettableClock, sync: SyncService) -> WatchlistService:
    return WatchlistService(database=database, clock=clock, sync=sync)


@pytest.fixture
def saved_scans(
    database: Database, clock: SettableClock, inputs: PricingInputs, watchlists: WatchlistService
) -> SavedScanService:
    return SavedScanService(
        database=database,
        clock=clock,
        inputs=inputs,
        premiums=PremiumService(database=database, inputs=inputs, clock=clock),
        watchlists=watchlists,
    )


@pytest.fixture
def volatility_history(database: Database, clock: SettableClock, calendar: MarketCalendar) -> VolatilityHistory:
    return VolatilityHistory(database=database, clock=clock, calendar=calendar)


def scan_flow(flow_scans: FlowScanService, clock: SettableClock, at: datetime) -> None:
    """The whole scan that is due at this instant."""
    clock.now = at
    run_id = flow_scans.begin_due()
    assert run_id is not None
    for symbol in FLOW_SYMBOLS:
        flow_scans.run_symbol(run_id, symbol)
