"""A process of its own that begins the flow scan that is due, for tests of single flight. Prints the run's id."""

from __future__ import annotations

import sys
from datetime import datetime

from app.log import redact
from app.services.flow_scan import FlowScanService
from app.services.priced_chains import PricedChains, PricingInputs
from app.services.symbol_attempts import AttemptContext
from app.services.symbol_flow import SymbolFlow
from db.engine import open_database
from db.scan_runs import RunSettings
from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.pricing.rates import RateCurve
from scanner.sources.account import SourceAccount
from scanner.sources.simulated import SimulatedSource


def main(dsn: str, instant: str) -> None:
    now = datetime.fromisoformat(instant)
    database = open_database(dsn, mode=Mode.SIMULATED)
    calendar = MarketCalendar.around(now)
    chains = PricedChains(
        database=database,
        source=lambda: SimulatedSource(1, lambda: now, calendar),
        inputs=PricingInputs(calendar, RateCurve.flat(0.04)),
        account=SourceAccount(lambda _: None, lambda: now),
    )
    context = AttemptContext(database=database, clock=lambda: now, chance=lambda: 0.5, worker="other", redact=redact)
    service = FlowScanService(
        database=database,
        settings=RunSettings(mode=Mode.SIMULATED, rates={"0": 0.04}, sources=("simulated",), price_basis="bid"),
        clock=lambda: now,
        calendar=calendar,
        symbols=("AAPL", "SPY"),
        symbol_flow=SymbolFlow(chains=chains, context=context),
    )
    sys.stdin.readline()
    print(service.begin_due())
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
