"""Ask the stored chains for premiums: the scan of chosen symbols, the scan of everything, one contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

import pandas as pd

from app.services.priced_chains import PricingInputs, coming_dividends
from db import data_version, premiums, snapshots, stock_chains, stocks
from db.database_scanner import UNKNOWN, DatabaseScanner
from db.engine import Database
from db.stock_chains import ChainOrigin
from scanner.calendar import market_date, target_windows
from scanner.earnings import next_earnings
from scanner.model import ExpirationWindow, Mode, PremiumFilters, PriceBasis, ReferenceData, ScanResult, SymbolCount
from scanner.premium_facts import as_of_columns
from scanner.premiums import PremiumScanner
from scanner.quality import age_cutoffs
from scanner.symbols import parse_occ

_EVERY_DTE: Final = 10_000
_EQUALS: Final = 20
_ROUNDING: Final = 1e-9


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
    """One contract (a row of `schema.SCAN`) with both sides of its (root, expiration), the stock's slow facts, and
    where the stock's rows come from.
    """

    row: pd.Series
    chain: pd.DataFrame
    reference: ReferenceData | None
    origin: ChainOrigin | None = None


class RankedPlace(NamedTuple):
    """Where a row is ranked; places ascend. The monthly return is negative for that, and 1 where it is unknown."""

    monthly_return: float
    symbol: str
    occ_symbol: str


def ranked_places(rows: pd.DataFrame) -> list[RankedPlace]:
    """The places of `schema.SCAN` rows."""
    returns = rows["monthly_return"].fillna(UNKNOWN)
    return list(map(RankedPlace, (-returns).tolist(), rows["symbol"].tolist(), rows["occ_symbol"].tolist()))


def rows_behind(rows: pd.DataFrame, place: RankedPlace) -> pd.DataFrame:
    """Of ranked `schema.SCAN` rows those behind the place."""
    return rows[[one > place for one in ranked_places(rows)]].reset_index(drop=True)


def _behind(place: RankedPlace, limit: int, best: Callable[[int, float | None], pd.DataFrame]) -> pd.DataFrame:
    """The `limit` best rows behind a place. Rows that return as much as its own stand on both sides of it, so some more
    are asked for, and more still where that is not enough; and rounding may differ in the last digit.
    """
    most = -place.monthly_return + abs(place.monthly_return) * _ROUNDING
    asked = limit + _EQUALS
    while True:
        rows = best(asked, most)
        behind = rows_behind(rows, place)
        if len(behind) >= limit or len(rows) < asked:
            return behind.head(limit)
        asked *= 2


@dataclass(frozen=True, slots=True)
class StoredExpiration:
    """`dte`: calendar days from today in New York."""

    expiration: date
    dte: int


class PremiumService:
    """Reads only. Every method answers for `as_of`, by default now."""

    def __init__(self, *, database: Database, inputs: PricingInputs, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._calendar = inputs.calendar
        self._stored = DatabaseScanner(database)
        self._scanner = PremiumScanner(inputs.calendar, inputs.rates)
        self._clock = clock

    def scan(self, symbols: Sequence[str], filters: PremiumFilters, *, as_of: datetime | None = None) -> ScanResult:
        """Scan the latest stored chains of `symbols`; symbols without one are named in `without_data`."""
        at = as_of or self._clock()
        with self._database.connection() as connection:
            chains = [snapshots.latest(connection, symbol, as_of=at) for symbol in dict.fromkeys(symbols)]
            known = stocks.references(connection, symbols)
        found = [chain for chain in chains if chain is not None]
        dividends = {symbol: coming_dividends(reference) for symbol, reference in known.items()}
        earnings = next_earnings(known.values(), today=market_date(at))
        return self._scanner.scan(found, filters, as_of=at, symbols=symbols, dividends=dividends, earnings=earnings)

    def database_scan(
        self,
        filters: PremiumFilters,
        *,
        as_of: datetime | None = None,
        limit: int = 500,
        behind: RankedPlace | None = None,
        symbols: Sequence[str] | None = None,
    ) -> ScanResult:
        """The best `limit` rows of everything stored, or of what is stored of `symbols`, ranked in SQL.

        `counts` stays empty: ask `database_funnel`. With `behind` the best of those that are ranked behind this
        place, which takes longer.
        """
        at = as_of or self._clock()
        windows = self._windows(filters, at, filters.dte_min, filters.dte_max)
        cutoffs = age_cutoffs(at, self._calendar)

        def best(count: int, most: float | None) -> pd.DataFrame:
            facts = self._stored.scan(
                filters, windows, as_of=at, cutoffs=cutoffs, limit=count, most=most, symbols=symbols
            )
            return self._seen(facts, at, filters.basis)

        rows = best(limit, None) if behind is None else _behind(behind, limit, best)
        return ScanResult(rows=rows, filters=filters, as_of=at, counts=())

    def database_funnel(
        self, filters: PremiumFilters, *, as_of: datetime | None = None, symbols: Sequence[str] | None = None
    ) -> tuple[SymbolCount, ...]:
        """How every stored contract fared, in one account without a symbol: fetched = passed + rejected by reason."""
        at = as_of or self._clock()
        windows = self._windows(filters, at, 0, _EVERY_DTE)
        cutoffs = age_cutoffs(at, self._calendar)
        return (self._stored.funnel(filters, windows, as_of=at, cutoffs=cutoffs, symbols=symbols),)

    def _windows(
        self, filters: PremiumFilters, at: datetime, dte_min: int, dte_max: int
    ) -> tuple[ExpirationWindow, ...]:
        with self._database.connection() as connection:
            stored = premiums.expirations(connection)
        return target_windows(
            stored, today=market_date(at), targets=filters.target_dtes, dte_min=dte_min, dte_max=dte_max
        )

    def top_premiums(
        self, limit: int = 20, *, as_of: datetime | None = None, symbols: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """The best puts at 28-35 days (`top_premiums` view), of `symbols` or of all; a `schema.SCAN` frame."""
        with self._database.connection() as connection:
            facts = premiums.top_premiums(connection, limit=limit, symbols=symbols)
        return self._seen(facts, as_of, PriceBasis())

    def contract(
        self, symbol: str, occ_symbol: str, *, basis: PriceBasis | None = None, as_of: datetime | None = None
    ) -> ContractDetail | None:
        """One stored contract with its expiration's chain; None when it is not stored (any more)."""
        contract = parse_occ(occ_symbol)
        with self._database.connection() as connection:
            facts = premiums.of_expiration(connection, symbol, contract.root, contract.expiration)
            known = stocks.references(connection, [symbol])
            origin = stock_chains.origins(connection, [symbol]).get(symbol)
        chain = self._seen(facts, as_of, basis or PriceBasis())
        found = chain[chain["occ_symbol"] == occ_symbol]
        if found.empty:
            return None
        return ContractDetail(row=found.iloc[0], chain=chain, reference=known.get(symbol), origin=origin)

    def expirations(self) -> list[StoredExpiration]:
        """The dates on which stored contracts expire, ascending, those of today included."""
        today = market_date(self._clock())
        with self._database.connection() as connection:
            stored = premiums.expirations(connection)
        days = sorted(set(stored))
        return [StoredExpiration(day, (day - today).days) for day in days if day >= today]

    def data_version(self) -> int:
        """Advances when stored data changed. Key caches by it."""
        with self._database.connection() as connection:
            return data_version.current(connection)

    def coverage(self) -> DataCoverage:
        """How much is stored, from where and how old."""
        with self._database.connection() as connection:
            stored = premiums.coverage(connection)
        return DataCoverage(mode=self._database.mode, **asdict(stored))

    def _seen(self, facts: pd.DataFrame, as_of: datetime | None, basis: PriceBasis) -> pd.DataFrame:
        return as_of_columns(facts, as_of=as_of or self._clock(), basis=basis, calendar=self._calendar)
