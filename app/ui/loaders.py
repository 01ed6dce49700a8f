"""Everything pages read, cached. Results are keyed by what was asked and by the version of the stored data."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd
import streamlit as st

from app.services.preferences import Preferences
from app.services.premiums import ContractDetail, DataCoverage
from app.services.source_report import SourceLine, SourceReport
from app.services.sync import SyncProgress
from app.services.volatility_history import Realised
from app.ui.runtime import services
from db.source_breakers import BreakerView
from scanner.calendar import MarketClock, market_date
from scanner.model import Mode, PremiumFilters, PriceBasis, ReferenceData, ScanResult, SymbolCount
from scanner.volatility_history import VolatilityPlace

_FRESH_SECONDS = 60
_SLOW_FACTS_SECONDS = 600
_UNIVERSE_SECONDS = 5
_VERSION_SECONDS = 2
_ACCOUNT_SECONDS = 10
DATABASE_ROWS = 500
"""How many rows the scan of everything shows."""
SAMPLE_ROWS = 5_000
"""How many rows the analytics draw at most."""


def now() -> datetime:
    return services().clock()


def mode() -> Mode:
    return services().mode


@st.cache_data(ttl=_UNIVERSE_SECONDS, max_entries=1, show_spinner=False)
def preferences() -> Preferences:
    return services().preferences.read()


def today() -> str:
    """The New York date, as the key of caches that depend on it."""
    return market_date(now()).isoformat()


def market_clock() -> MarketClock:
    return services().calendar.clock(now())


@st.cache_data(ttl=_VERSION_SECONDS, max_entries=1, show_spinner=False)
def data_version() -> int:
    """Advances when stored data changed."""
    return services().premiums.data_version()


def coverage() -> DataCoverage:
    return _coverage(data_version())


def universe() -> tuple[str, ...]:
    return _universe(data_version())


def stock_overview() -> pd.DataFrame:
    return _stock_overview(data_version())


def reference(symbols: tuple[str, ...]) -> dict[str, ReferenceData]:
    return _reference(symbols, data_version())


def scan(symbols: tuple[str, ...], filters: PremiumFilters) -> ScanResult:
    """The scan of chosen symbols; the same rows until filters or data change, or a minute has passed."""
    return _scan(symbols, filters, data_version())


def database_scan(filters: PremiumFilters, symbols: tuple[str, ...] | None) -> ScanResult:
    """The scan of everything stored of `symbols`, None: of all stocks; with empty counts."""
    return _database_scan(filters, symbols, DATABASE_ROWS, data_version())


def with_funnel(result: ScanResult, symbols: tuple[str, ...] | None) -> ScanResult:
    """The same rows with the account of every stored contract of these symbols."""
    return replace(result, counts=_database_funnel(result.filters, symbols, data_version()))


def database_sample(filters: PremiumFilters, symbols: tuple[str, ...] | None) -> ScanResult:
    """All stored contracts that pass, whatever the choice of rows; at most `SAMPLE_ROWS`, the best of them."""
    return _database_scan(replace(filters, best_per_expiration=False), symbols, SAMPLE_ROWS, data_version())


def sectors(symbols: pd.Series) -> pd.Series:
    """The sector of each symbol, null where unknown."""
    stocks = stock_overview()
    return symbols.map(pd.Series(stocks["sector"].to_numpy(), index=stocks["symbol"].to_numpy()))


def top_premiums(limit: int, symbols: tuple[str, ...] | None) -> pd.DataFrame:
    return _top_premiums(limit, symbols, data_version())


def volatility_places(symbols: tuple[str, ...]) -> dict[str, VolatilityPlace]:
    """Where the volatility of each symbol lies among those of its sessions."""
    return _volatility_places(symbols, data_version())


def realised(symbols: tuple[str, ...]) -> dict[str, Realised]:
    return _realised(symbols, data_version())


def watchlist_names() -> dict[str, int]:
    """Name -> id of the user's lists, in their order."""
    return {one.name: one.watchlist_id for one in services().watchlists.lists()}


def watchlist(watchlist_id: int) -> tuple[str, ...]:
    """The symbols of a list in its order."""
    return services().watchlists.symbols(watchlist_id)


def contract(symbol: str, occ_symbol: str, basis: PriceBasis) -> ContractDetail | None:
    return _contract(symbol, occ_symbol, basis, data_version())


def progress() -> SyncProgress | None:
    """Where the latest sync stands; never cached."""
    return services().sync.progress()


def worker_alive() -> bool:
    return services().sync.worker_alive()


def breakers() -> tuple[BreakerView, ...]:
    return services().source_reports.breakers()


def source_reports(hours: int) -> tuple[SourceReport, ...]:
    """How each source has done lately."""
    return _source_reports(hours)


def source_lines(hours: int) -> tuple[SourceLine, ...]:
    """Every source in the order it is asked, with its breaker and its account."""
    by_key = {one.key: one for one in breakers()}
    by_source = {report.source: report for report in source_reports(hours)}
    return tuple(
        SourceLine(state, by_key.get(state.name), by_source.get(state.name)) for state in services().source_states()
    )


def forget() -> None:
    """Drop everything cached, so that Retry asks again."""
    st.cache_data.clear()


@st.cache_data(ttl=_ACCOUNT_SECONDS, max_entries=2, show_spinner=False)
def _source_reports(hours: int) -> tuple[SourceReport, ...]:
    return services().source_reports.report(hours=hours)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=2, show_spinner=False)
def _coverage(version: int) -> DataCoverage:  # noqa: ARG001 - the version is part of the cache key
    return services().premiums.coverage()


@st.cache_data(ttl=_UNIVERSE_SECONDS, max_entries=2, show_spinner=False)
def _universe(version: int) -> tuple[str, ...]:  # noqa: ARG001
    return services().stocks.symbols()


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=2, show_spinner=False)
def _stock_overview(version: int) -> pd.DataFrame:  # noqa: ARG001
    return services().stocks.overview()


@st.cache_data(ttl=_SLOW_FACTS_SECONDS, max_entries=32, show_spinner=False)
def _reference(symbols: tuple[str, ...], version: int) -> dict[str, ReferenceData]:  # noqa: ARG001
    return services().stocks.reference(symbols)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=16, show_spinner="Scanning", scope="session")
def _scan(symbols: tuple[str, ...], filters: PremiumFilters, version: int) -> ScanResult:  # noqa: ARG001
    return services().premiums.scan(symbols, filters)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=16, show_spinner="Scanning", scope="session")
def _database_scan(
    filters: PremiumFilters,
    symbols: tuple[str, ...] | None,
    limit: int,
    version: int,  # noqa: ARG001
) -> ScanResult:
    return services().premiums.database_scan(filters, limit=limit, symbols=symbols)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=16, show_spinner="Counting", scope="session")
def _database_funnel(
    filters: PremiumFilters,
    symbols: tuple[str, ...] | None,
    version: int,  # noqa: ARG001
) -> tuple[SymbolCount, ...]:
    return services().premiums.database_funnel(filters, symbols=symbols)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=2, show_spinner=False)
def _top_premiums(limit: int, symbols: tuple[str, ...] | None, version: int) -> pd.DataFrame:  # noqa: ARG001
    return services().premiums.top_premiums(limit, symbols=symbols)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=8, show_spinner=False)
def _volatility_places(symbols: tuple[str, ...], version: int) -> dict[str, VolatilityPlace]:  # noqa: ARG001
    return services().volatility_history.places(symbols)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=8, show_spinner=False)
def _realised(symbols: tuple[str, ...], version: int) -> dict[str, Realised]:  # noqa: ARG001
    return services().volatility_history.realised(symbols)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=64, show_spinner=False)
def _contract(symbol: str, occ_symbol: str, basis: PriceBasis, version: int) -> ContractDetail | None:  # noqa: ARG001
    return services().premiums.contract(symbol, occ_symbol, basis=basis)
