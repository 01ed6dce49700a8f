"""The nightly look for rows that cannot be right. Impossible deltas are computed again, the rest is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from app.services.priced_chains import PricingInputs, coming_dividends
from db import consistency, premium_writing, snapshots, stocks
from db.engine import Database
from scanner.calendar import market_date
from scanner.errors import SupersededError
from scanner.premium_facts import premium_facts

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConsistencyReport:
    """What was found. `recomputed` of the symbols with impossible deltas had a stored chain to compute them from."""

    orphans: Mapping[str, int] = field(default_factory=dict)
    expired: int = 0
    impossible_deltas: tuple[str, ...] = ()
    recomputed: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not (self.orphans or self.expired or self.impossible_deltas or self.stale)


class ConsistencyService:
    """Called by a worker at night. May be cut short and repeated."""

    def __init__(self, *, database: Database, inputs: PricingInputs, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._inputs = inputs
        self._clock = clock

    def check(self) -> ConsistencyReport:
        """Look, compute again what can be, and log what was found."""
        now = self._clock()
        with self._database.connection() as connection:
            wrong = consistency.impossible_deltas(connection)
            found = ConsistencyReport(
                orphans=consistency.orphans(connection),
                expired=consistency.expired(connection, today=market_date(now)),
                impossible_deltas=wrong,
                stale=consistency.stale(connection, now=now),
            )
        report = replace(found, recomputed=tuple(symbol for symbol in wrong if self._recompute(symbol, now)))
        if report.clean:
            logger.info("stored rows are consistent")
        else:
            logger.warning(
                "stored rows are not consistent",
                orphans=dict(report.orphans),
                expired=report.expired,
                impossible_deltas=report.impossible_deltas,
                recomputed=report.recomputed,
                stale=report.stale,
            )
        return report

    def _recompute(self, symbol: str, now: datetime) -> bool:
        """Compute the symbol's rows anew from its stored chain; False without one, or where newer rows are there."""
        with self._database.connection() as connection:
            chain = snapshots.latest(connection, symbol, as_of=now)
            known = stocks.references(connection, [symbol])
        if chain is None:
            return False
        dividends = coming_dividends(known[symbol]) if known else ()
        facts = premium_facts(chain, calendar=self._inputs.calendar, rates=self._inputs.rates, dividends=dividends)
        with self._database.connection() as connection:
            try:
                premium_writing.replace_symbol(connection, facts, chain, now=now, today=market_date(now))
            except SupersededError:
                return False
        return True
