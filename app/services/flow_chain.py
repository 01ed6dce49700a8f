"""The chain behind a symbol's newest flow scan, contract by contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from app.services.priced_chains import coming_dividends
from db import flow_reading, snapshots, stocks
from db.engine import Database
from db.flow_reading import LatestChain
from db.run_kinds import FLOW
from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, ReferenceData
from scanner.premium_facts import premium_facts
from scanner.pricing.rates import RateCurve
from scanner.signals.flow import contract_flow


@dataclass(frozen=True, slots=True)
class FlowChain:
    """Every standard contract that a scan looked at, a `schema.FLOW` frame. `timestamp` is the scan's slot."""

    symbol: str
    source: str
    timestamp: datetime
    fetched_at: datetime
    contracts: pd.DataFrame


class FlowChainService:
    """Reads stored chains and computes from them again what is not stored by contract."""

    def __init__(self, *, database: Database, calendar: MarketCalendar) -> None:
        self._database = database
        self._calendar = calendar

    def latest(self, symbol: str) -> FlowChain | None:
        """The chain of the symbol's newest scan; None before the first, and where that chain was not kept.

        Priced with the rates of the scan, and with the dividends that are known now.
        """
        with self._database.connection() as connection:
            scan = flow_reading.latest_chain(connection, symbol)
            if scan is None:
                return None
            snapshot = snapshots.latest(connection, symbol, as_of=scan.fetched_at, kind=FLOW)
            reference = stocks.references(connection, (symbol,)).get(symbol)
        if snapshot is None or snapshot.fetched_at != scan.fetched_at:
            return None
        return self._computed(snapshot, scan, reference)

    def _computed(self, snapshot: ChainSnapshot, scan: LatestChain, reference: ReferenceData | None) -> FlowChain:
        facts = premium_facts(
            snapshot,
            calendar=self._calendar,
            rates=curve_of(scan.rates),
            dividends=coming_dividends(reference) if reference else (),
        )
        return FlowChain(
            symbol=snapshot.symbol,
            source=snapshot.source,
            timestamp=scan.timestamp,
            fetched_at=snapshot.fetched_at,
            contracts=contract_flow(facts, underlying_volume=snapshot.underlying.volume),
        )


def curve_of(rates: Mapping[str, float]) -> RateCurve:
    """The curve that a run was priced with, from what is kept beside it."""
    points = sorted((float(years), rate) for years, rate in rates.items())
    return RateCurve(tuple(years for years, _ in points), tuple(rate for _, rate in points))
