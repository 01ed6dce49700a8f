"""Ask the stored chains for premiums: the scan of chosen symbols, the scan of everything, one contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from scanner.model import Mode, PremiumFilters, PriceBasis, ReferenceData, ScanResult, SymbolCount


@dataclass(frozen=True, slots=True)
class DataCoverage:
    """What is stored. `oldest_quote` and `newest_quote` use the answer's time where a quote has none of its own."""

    mode: Mode
    symbols: int
    symbols_with_data: int
    contracts: int
    oldest_quote: datetime | None
    newest_quote: datetime | None
    sources: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return self.contracts == 0


@dataclass(frozen=True, slots=True)
class ContractDetail:
    """One contract (a row of `schema.SCAN`) with both sides of its (root, expiration) and the stock's slow facts."""

    row: pd.Series
    chain: pd.DataFrame
    reference: ReferenceData | None


class PremiumService:
    """Reads only. Every method answers for `as_of`, by default now."""

    def scan(self, symbols: Sequence[str], filters: PremiumFilters, *, as_of: datetime | None = None) -> ScanResult:
        """Scan the latest stored chains of `symbols`; symbols without one are named in `without_data`."""
        raise NotImplementedError

    def database_scan(self, filters: PremiumFilters, *, as_of: datetime | None = None, limit: int = 500) -> ScanResult:
        """The best `limit` rows of everything stored, ranked in SQL. `counts` stays empty: ask `database_funnel`."""
        raise NotImplementedError

    def database_funnel(self, filters: PremiumFilters, *, as_of: datetime | None = None) -> tuple[SymbolCount, ...]:
        """How every stored contract fared, per symbol: fetched = passed + rejected by reason."""
        raise NotImplementedError

    def top_premiums(self, limit: int = 20, *, as_of: datetime | None = None) -> pd.DataFrame:
        """The best puts at 28-35 days (`top_premiums` view), a `schema.SCAN` frame."""
        raise NotImplementedError

    def contract(
        self, symbol: str, occ_symbol: str, *, basis: PriceBasis | None = None, as_of: datetime | None = None
    ) -> ContractDetail | None:
        """One stored contract with its expiration's chain; None when it is not stored (any more)."""
        raise NotImplementedError

    def data_version(self) -> int:
        """Advances when stored data changed. Key caches by it."""
        raise NotImplementedError

    def coverage(self) -> DataCoverage:
        raise NotImplementedError
