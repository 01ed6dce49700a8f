"""One symbol of a flow scan: fetched, priced and searched for unusual flow and skew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from app.services.flow_end import finish_flow_run
from app.services.priced_chains import PricedChain, PricedChains
from app.services.symbol_attempts import AttemptContext, SymbolAttempts
from db import flow_runs, flows
from db.flows import ScannedChain, Signals
from db.run_symbols import Claim, SymbolAccount
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
        scanned = scanned_part(chain, choose)
        signals, flow = signals_of([scanned])
        claim = Claim(run_id, attempt, fetch_ms=chain.fetch_ms, price_ms=chain.price_ms)
        with self._database.connection() as connection:
            kept = scanned_chain(chain, scanned, flow)
            flows.store_symbol(connection, signals, kept, slot=slot, now=self._clock(), claim=claim)
            finish_flow_run(connection, run_id, now=self._clock())


def scanned_expirations(
    symbol: str, now: datetime, calendar: MarketCalendar
) -> Callable[[Sequence[date]], tuple[date, ...]]:
    """Which of the listed expirations a flow scan takes at `now`."""
    return lambda listed: flow_expirations(listed, now=now, root=option_root(symbol), calendar=calendar)


def scanned_part(chain: PricedChain, choose: Callable[[Sequence[date]], Sequence[date]]) -> PricedChain:
    """The chosen expirations. Others that came along are left out, so that no cache changes the numbers."""
    chosen = np.array(choose(chain.snapshot.listed_expirations), dtype="datetime64[s]")
    rows = np.isin(chain.columns["expiration"], chosen)
    if rows.all():
        return chain
    snapshot = replace(chain.snapshot, contracts=chain.snapshot.contracts[rows].reset_index(drop=True))
    return replace(chain, snapshot=snapshot, columns={name: values[rows] for name, values in chain.columns.items()})


def signals_of(chains: Sequence[PricedChain]) -> tuple[Signals, pd.DataFrame]:
    """What chains of different symbols say, and the `schema.FLOW` frame of all their contracts."""
    facts = chains[0].facts if len(chains) == 1 else pd.concat([one.facts for one in chains], ignore_index=True)
    shares = {one.snapshot.symbol: one.snapshot.underlying.volume for one in chains}
    flow = contract_flow(facts, underlying_volume=shares)
    skew = expiration_signals(facts, flow)
    found = opportunities(flow, skew)
    return Signals(whale=whale_flows(flow), fresh=oi_flows(flow), skew=skew, found=found), flow


def scanned_chain(fetched: PricedChain, scanned: PricedChain, flow: pd.DataFrame) -> ScannedChain:
    """The chain that was looked at, with the account of its contracts: all `fetched`, those `scanned`, the unknown."""
    reasons: Any = pd.Series(scanned.columns["iv_reason"])
    account = SymbolAccount(
        source=scanned.snapshot.source,
        fetched=fetched.snapshot.fetched_count,
        unreadable=scanned.snapshot.unreadable,
        stored=len(reasons),
        iv_null=reasons.value_counts().to_dict(),
        score_null=unknown_scores(flow),
    )
    return ScannedChain(scanned.snapshot, account)
