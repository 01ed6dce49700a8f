"""One symbol of a sync run: fetch, price, store; and what becomes of a failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from app.services.run_end import finish_run
from db import premiums, run_symbols, stocks
from db.engine import Database
from db.premiums import Claim
from scanner.calendar import MarketCalendar, market_date, sync_expirations
from scanner.errors import (
    AllSourcesFailedError,
    DatabaseError,
    DatabaseUnreachableError,
    RateLimitedError,
    ScannerError,
    SourceAuthError,
    SourceError,
    SourceSuspendedError,
    SourceUnavailableError,
    SupersededError,
)
from scanner.model import Dividend, ReferenceData
from scanner.premiums import premium_facts
from scanner.pricing.rates import RateCurve
from scanner.sources.account import SourceAccount
from scanner.sources.base import ChainSource
from scanner.sources.quote_quality import quote_measures

MAX_ATTEMPTS: Final = 4
"""Attempts at a symbol whose source fails for a while."""

MAX_CLAIMS: Final = 10
"""Claims of a symbol at most, attempts cut short by the death of a worker included."""

DOWN_AFTER: Final = 8
"""After this many unanswered calls in a row the source is down: symbols fail at once and are not tried again, so that
a run without a network ends soon. The first answer ends that."""

WAIT_SECONDS: Final = (2.0, 6.0, 15.0)
"""Before the second, third and fourth attempt; a quarter more or less by chance."""

LONGEST_SUSPENSION_SECONDS: Final = 45.0
"""Nobody waits for a source that is left alone for longer: it has failed again after a first pause, or refuses its
credentials."""

RATE_LIMIT_SECONDS: Final = 30.0
LONGEST_WAIT_SECONDS: Final = 300.0
_DIVIDENDS_KEPT: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class PricingInputs:
    """What prices are computed with, beside the chain."""

    calendar: MarketCalendar
    rates: RateCurve


class SymbolSync:
    """Does symbols. Shared by the threads of a worker.

    `source` is called once, at the first symbol. `account` is told how good the quotes are. `chance` gives numbers in
    [0, 1). `worker` names this process.
    """

    def __init__(
        self,
        *,
        database: Database,
        source: Callable[[], ChainSource],
        inputs: PricingInputs,
        clock: Callable[[], datetime],
        chance: Callable[[], float],
        worker: str,
        account: SourceAccount,
    ) -> None:
        self._database = database
        self._source = source
        self._inputs = inputs
        self._clock = clock
        self._chance = chance
        self._worker = worker
        self._account = account
        self._dividends = _Dividends(database)
        self._unanswered = 0

    def run(self, run_id: int, symbol: str) -> float | None:
        """Do the symbol. Returns None when it is done (well or badly), else the seconds until the next attempt.

        Raises DatabaseError: the symbol is still open then, call again.
        """
        with self._database.connection() as connection:
            attempt = run_symbols.claim(connection, run_id, symbol, worker=self._worker, now=self._clock())
        if attempt is None:
            self._finish(run_id)
            return None
        return self._attempt(run_id, symbol, attempt)

    def _attempt(self, run_id: int, symbol: str, attempt: int) -> float | None:
        if attempt > MAX_CLAIMS:
            self._fail(run_id, symbol, attempt, "ScannerError", f"given up: workers died over it {attempt - 1} times")
            return None
        try:
            self._fetch_and_store(run_id, symbol, attempt)
        except SourceError as error:
            return self._after_source_error(run_id, symbol, attempt, error)
        except SupersededError as error:
            # Without effect where another worker holds the symbol now; else it must not stay open.
            self._fail(run_id, symbol, attempt, type(error).__name__, str(error))
        except DatabaseError as error:
            if attempt < MAX_ATTEMPTS or isinstance(error, DatabaseUnreachableError):
                raise
            self._fail(run_id, symbol, attempt, type(error).__name__, str(error))
        except ScannerError as error:
            self._fail(run_id, symbol, attempt, type(error).__name__, str(error))
        except Exception as error:
            self._fail(run_id, symbol, attempt, type(error).__name__, f"a fault of this program: {error}")
            raise
        return None

    def _fetch_and_store(self, run_id: int, symbol: str, attempt: int) -> None:
        now = self._clock()
        began = time.perf_counter()
        snapshot = self._source().chain(symbol, _targets(market_date(now)))
        self._unanswered = 0
        fetched = time.perf_counter()
        facts = premium_facts(
            snapshot,
            calendar=self._inputs.calendar,
            rates=self._inputs.rates,
            dividends=self._dividends.of(symbol, now),
        )
        priced = time.perf_counter()
        self._account.add_quotes(snapshot.source, quote_measures(snapshot, facts))
        claim = Claim(run_id, attempt, fetch_ms=(fetched - began) * 1000, price_ms=(priced - fetched) * 1000)
        with self._database.connection() as connection:
            premiums.replace_symbol(connection, facts, snapshot, now=self._clock(), today=market_date(now), claim=claim)
            finish_run(connection, run_id, now=self._clock())

    def _after_source_error(self, run_id: int, symbol: str, attempt: int, error: SourceError) -> float | None:
        """Try again later what may pass by itself, at most `MAX_ATTEMPTS` times; record the rest."""
        if not isinstance(error, SourceSuspendedError):  # nobody was asked
            self._unanswered = self._unanswered + 1 if unanswered(error) else 0
        if not passes_by_itself(error) or attempt >= MAX_ATTEMPTS or self._unanswered > DOWN_AFTER:
            self._fail(run_id, symbol, attempt, type(error).__name__, str(error))
            return None
        with self._database.connection() as connection:
            run_symbols.release(connection, run_id, symbol, attempt=attempt)
        return wait_seconds(attempt, error, self._chance())

    def _fail(self, run_id: int, symbol: str, attempt: int, error_class: str, message: str) -> None:
        with self._database.connection() as connection:
            run_symbols.fail(
                connection,
                run_id,
                symbol,
                attempt=attempt,
                error_class=error_class,
                message=message,
                now=self._clock(),
            )
            finish_run(connection, run_id, now=self._clock())

    def _finish(self, run_id: int) -> None:
        with self._database.connection() as connection:
            finish_run(connection, run_id, now=self._clock())


def passes_by_itself(error: SourceError) -> bool:
    """Whether the same question may be answered later without anybody doing something."""
    if isinstance(error, AllSourcesFailedError):
        return any(passes_by_itself(cause) for cause in error.causes)
    if isinstance(error, SourceSuspendedError):
        return error.retry_after_seconds <= LONGEST_SUSPENSION_SECONDS
    return isinstance(error, SourceUnavailableError | RateLimitedError)


def unanswered(error: SourceError) -> bool:
    """Whether no source was reached at all."""
    if isinstance(error, AllSourcesFailedError):
        return all(unanswered(cause) or isinstance(cause, SourceAuthError) for cause in error.causes)
    return isinstance(error, SourceUnavailableError)


def wait_seconds(attempt: int, error: SourceError, chance: float) -> float:
    """Seconds before the attempt after `attempt`: the vendor's wish, else longer each time; +-25 % by `chance`.

    Of several sources, the one that may be asked again first decides.
    """
    if isinstance(error, AllSourcesFailedError):
        return min(wait_seconds(attempt, cause, chance) for cause in error.causes if passes_by_itself(cause))
    if isinstance(error, RateLimitedError | SourceSuspendedError):
        base = error.retry_after_seconds or RATE_LIMIT_SECONDS
        return min(base, LONGEST_WAIT_SECONDS) * (1.0 + 0.25 * chance)
    return WAIT_SECONDS[min(attempt, len(WAIT_SECONDS)) - 1] * (0.75 + 0.5 * chance)


def _targets(today: date) -> Callable[[Sequence[date]], tuple[date, ...]]:
    return lambda listed: sync_expirations(listed, today=today)


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
