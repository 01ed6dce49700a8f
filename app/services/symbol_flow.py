"""One symbol of a flow scan: fetched, priced and searched for unusual flow and skew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pandas as pd

from app.services.flow_end import finish_flow_run
from app.services.priced_chains import PricedChain, PricedChains
from app.services.symbol_attempts import AttemptContext, SymbolAttempts
from db import flow_runs, flows
from db.flows import SymbolSignals
from db.premiums import Claim
from db.run_symbols import SymbolAccount
from scanner.calendar import MarketCalendar, flow_expirations
from scanner.errors import SupersededError
from scanner.signals.composite import opportunities
from scanner.signals.expirations import expiration_signals
from scanner.signals.flow import contract_flow, oi_flows, unknown_scores, whale_flows
from scanner.symbols import option_root


class SymbolFlow:
    """Does symbols of flow scans. Shared by the threads of a worker."""

    def __init__(self, *, chains: PricedChains, context: AttemptContext) -> None:
        self._chains = chains
        self._database = context.database
        self._clock = context.clock
        self._attempts = SymbolAttempts(work=self._fetch_and_store, finish=finish_flow_run, context=context)

    def run(self, run_id: int, symbol: str) -> float | None:
        """See `SymbolAttempts.run`."""
        return self._attempts.run(run_id, symbol)

    def _fetch_and_store(self, run_id: int, symbol: str, attempt: int) -> None:
        with self._database.connection() as connection:
            slot = flow_runs.slot_of(connection, run_id)
        if slot is None:
            raise SupersededError(f"run {run_id} is no flow scan that is there any more")
        now = self._clock()
        choose = scanned_expirations(symbol, now, self._chains.calendar)
        chain = self._chains.fetch(symbol, choose, now=now)
        signals = symbol_signals(chain, choose)
        claim = Claim(run_id, attempt, fetch_ms=chain.fetch_ms, price_ms=chain.price_ms)
        with self._database.connection() as connection:
            flows.store_symbol(connection, signals, slot=slot, now=self._clock(), claim=claim)
            finish_flow_run(connection, run_id, now=self._clock())


def scanned_expirations(
    symbol: str, now: datetime, calendar: MarketCalendar
) -> Callable[[Sequence[date]], tuple[date, ...]]:
    """Which of the listed expirations a flow scan takes at `now`."""
    return lambda listed: flow_expirations(listed, now=now, root=option_root(symbol), calendar=calendar)


def symbol_signals(chain: PricedChain, choose: Callable[[Sequence[date]], Sequence[date]]) -> SymbolSignals:
    """What the chosen expirations say. Others that came along are left out, so that no cache changes the numbers.

    They are counted as fetched and not as stored, and the chain is kept without them.
    """
    chosen = pd.DatetimeIndex([pd.Timestamp(day) for day in choose(chain.snapshot.listed_expirations)])
    facts = _of(chain.facts, chosen)
    snapshot = replace(chain.snapshot, contracts=_of(chain.snapshot.contracts, chosen))
    flow = contract_flow(facts, underlying_volume=snapshot.underlying.volume)
    skew = expiration_signals(facts, flow)
    reasons: Any = facts["iv_reason"].value_counts().to_dict()
    return SymbolSignals(
        snapshot=snapshot,
        whale=whale_flows(flow),
        fresh=oi_flows(flow),
        skew=skew,
        found=opportunities(flow, skew),
        account=SymbolAccount(
            source=snapshot.source,
            fetched=chain.snapshot.fetched_count,
            unreadable=snapshot.unreadable,
            stored=len(facts),
            iv_null=reasons,
            score_null=unknown_scores(flow),
        ),
    )


def _of(frame: pd.DataFrame, expirations: pd.DatetimeIndex) -> pd.DataFrame:
    return frame[frame["expiration"].isin(expirations)].reset_index(drop=True)
