"""Chains with everything that follows from their quotes: fetched and priced, for syncs and flow scans alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from db import stocks
from db.engine import Database
from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, Dividend, ReferenceData
from scanner.premium_facts import premium_columns
from scanner.pricing.rates import RateCurve
from scanner.schema import Columns
from scanner.sources.account import SourceAccount
from scanner.sources.base import ChainSource, ChooseExpirations
from scanner.sources.quote_quality import quote_measures

_DIVIDENDS_KEPT: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class PricingInputs:
    """What prices are computed with, beside the chain."""

    calendar: MarketCalendar
    rates: RateCurve


@dataclass(frozen=True, slots=True)
class PricedChain:
    """A chain as fetched, and the columns of its `schema.PREMIUM` frame."""

    snapshot: ChainSnapshot
    columns: Columns
    fetch_ms: float
    price_ms: float

    @property
    def facts(self) -> pd.DataFrame:
        """The frame of the columns, made when it is asked for."""
        return pd.DataFrame(self.columns, copy=False)


class PricedChains:
    """Fetches and prices. Shared by the threads of a worker.

    `source` is called once, at the first symbol. `account` is told how good the quotes are.
    """

    def __init__(
        self,
        *,
        database: Database,
        source: Callable[[], ChainSource],
        inputs: PricingInputs,
        account: SourceAccount,
    ) -> None:
        self._source = source
        self._inputs = inputs
        self._account = account
        self._dividends = _Dividends(database)

    @property
    def calendar(self) -> MarketCalendar:
        return self._inputs.calendar

    def fetch(self, symbol: str, choose: ChooseExpirations, *, now: datetime) -> PricedChain:
        """The chain of the expirations chosen, priced with the dividends known at `now`. Raises SourceError."""
        began = time.perf_counter()
        snapshot = self._source().chain(symbol, choose)
        fetched = time.perf_counter()
        columns = premium_columns(
            snapshot,
            calendar=self._inputs.calendar,
            rates=self._inputs.rates,
            dividends=self._dividends.of(symbol, now),
        )
        priced = time.perf_counter()
        self._account.add_quotes(snapshot.source, quote_measures(snapshot, columns))
        return PricedChain(snapshot, columns, (fetched - began) * 1000, (priced - fetched) * 1000)


def coming_dividends(reference: ReferenceData) -> tuple[Dividend, ...]:
    """The dividends that are known to come."""
    if reference.ex_dividend_date is None or not reference.dividend_amount:
        return ()
    return (Dividend(reference.ex_dividend_date, reference.dividend_amount),)


class _Dividends:
    """Known coming dividends by symbol, read again every ten minutes: they change once a day."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read_at: datetime | None = None
        self._by_symbol: dict[str, tuple[Dividend, ...]] = {}

    def of(self, symbol: str, now: datetime) -> tuple[Dividend, ...]:
        if self._read_at is None or now - self._read_at > _DIVIDENDS_KEPT:
            with self._database.connection() as connection:
                known = stocks.references(connection, stocks.symbols(connection))
            self._by_symbol = {symbol: coming_dividends(reference) for symbol, reference in known.items()}
            self._read_at = now
        return self._by_symbol.get(symbol, ())
