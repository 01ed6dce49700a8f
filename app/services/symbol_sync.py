"""One symbol of a sync run: fetched, priced and stored as the current rows of its contracts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from app.services.priced_chains import PricedChains
from app.services.run_end import finish_run
from app.services.symbol_attempts import AttemptContext, SymbolAttempts
from db import premium_writing
from db.run_symbols import Claim
from scanner.calendar import market_date, sync_expirations


class SymbolSync:
    """Does symbols of sync runs. Shared by the threads of a worker."""

    def __init__(self, *, chains: PricedChains, context: AttemptContext) -> None:
        self._chains = chains
        self._database = context.database
        self._clock = context.clock
        self._attempts = SymbolAttempts(work=self._fetch_and_store, finish=finish_run, context=context)

    def run(self, run_id: int, symbol: str) -> float | None:
        """See `SymbolAttempts.run`."""
        return self._attempts.run(run_id, symbol)

    def _fetch_and_store(self, run_id: int, symbol: str, attempt: int) -> None:
        now = self._clock()
        today = market_date(now)
        chain = self._chains.fetch(symbol, _targets(today), now=now)
        claim = Claim(run_id, attempt, fetch_ms=chain.fetch_ms, price_ms=chain.price_ms)
        with self._database.connection() as connection:
            premium_writing.replace_symbol(
                connection, chain.columns, chain.snapshot, now=self._clock(), today=today, claim=claim
            )
            finish_run(connection, run_id, now=self._clock())


def _targets(today: date) -> Callable[[Sequence[date]], tuple[date, ...]]:
    return lambda listed: sync_expirations(listed, today=today)
