"""What the pages on unusual flow read, cached by the version of the stored data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import pandas as pd
import streamlit as st

from app.services.export import Export, mode_lines, written
from app.services.flow import FlowScanStatus, Mood, OpportunityFilters
from app.services.flow_chain import FlowChain
from app.services.flow_export import opportunities_export
from app.ui import loaders
from app.ui.runtime import services
from app.ui.universe import Universe

MOST_ROWS: Final = 5_000
"""How many opportunities the page holds at most, the best of them."""

_FRESH_SECONDS: Final = 60
_STATUS_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Opportunities:
    """All of now, best first, a `schema.TOP_OPPORTUNITY` frame, and by symbol of how many scores percentiles are."""

    rows: pd.DataFrame
    earlier_scores: dict[str, int]


@dataclass(frozen=True, slots=True)
class StockFlow:
    """What the newest scan found of one symbol: `schema.FLOW_ROWS` frames, and its chain where that was kept."""

    symbol: str
    whale: pd.DataFrame
    fresh: pd.DataFrame
    new: pd.DataFrame
    chain: FlowChain | None


def opportunities(universe: Universe) -> Opportunities:
    """Those of the universe."""
    every = _opportunities(loaders.data_version())
    return replace(every, rows=universe.of(every.rows))


def opportunity_expirations() -> tuple[str, ...]:
    """ISO dates of the expirations that have opportunities, ascending."""
    return tuple(sorted({f"{day:%Y-%m-%d}" for day in _opportunities(loaders.data_version()).rows["expiration"]}))


def sentiment() -> Mood | None:
    return _sentiment(loaders.data_version())


def skew() -> pd.DataFrame:
    """Every (root, expiration) of now, of all stocks: a `schema.SKEW_ROWS` frame."""
    return _skew(loaders.data_version())


def stock(symbol: str) -> StockFlow:
    return _stock(symbol, loaders.data_version())


def scanned_symbols() -> tuple[str, ...]:
    return services().flow_scans.symbols


def scheduled() -> bool:
    """Whether workers scan by themselves."""
    return services().settings.flow_scans


@st.cache_data(ttl=_STATUS_SECONDS, max_entries=1, show_spinner=False)
def status() -> FlowScanStatus:
    """The latest scan and the schedule; they change without a change of stored rows."""
    return services().flow.status()


def export_of(rows: pd.DataFrame, filters: str) -> Export:
    return opportunities_export(
        rows, mode=loaders.mode(), as_of=loaders.now(), coverage=status().coverage, filters=filters
    )


def contracts_export(chain: FlowChain, contracts: pd.DataFrame) -> Export:
    header = (
        *mode_lines(loaders.mode()),
        f"flow of: {chain.symbol}",
        f"scan: {written(chain.timestamp)}",
        f"fetched at: {written(chain.fetched_at)}",
        f"source: {chain.source}",
        f"rows: {len(contracts)}",
        "volume carries no side",
    )
    return Export(header, contracts.assign(source=chain.source, mode=loaders.mode().value))


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=2, show_spinner=False)
def _opportunities(version: int) -> Opportunities:  # noqa: ARG001 - the version is part of the cache key
    flow = services().flow
    return Opportunities(flow.opportunities(OpportunityFilters(limit=MOST_ROWS)), flow.earlier_scores())


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=2, show_spinner=False)
def _sentiment(version: int) -> Mood | None:  # noqa: ARG001
    return services().flow.market_sentiment()


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=2, show_spinner=False)
def _skew(version: int) -> pd.DataFrame:  # noqa: ARG001
    return services().flow.skew()


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=16, show_spinner="Reading the chain")
def _stock(symbol: str, version: int) -> StockFlow:  # noqa: ARG001
    flow, chosen = services().flow, (symbol,)
    return StockFlow(
        symbol=symbol,
        whale=flow.whale_flows(chosen),
        fresh=flow.fresh_open_interest(chosen),
        new=flow.new_strikes(chosen),
        chain=services().flow_chains.latest(symbol),
    )
