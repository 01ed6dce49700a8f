"""How the sources have done: calls, errors, latency, waits, quality of quotes, breakers. To choose a vendor on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from db import source_account, source_breakers
from db.engine import Database
from db.source_account import Account, CallRow, QuoteRow
from db.source_breakers import BreakerView
from scanner.model import PLACEHOLDER_IV
from scanner.sources import quote_quality
from scanner.sources.account import ANSWER, Sums, quantile_seconds
from scanner.sources.registry import SourceState

KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class QuoteShares:
    """Parts of the contracts a source delivered, 0 to 1; None where there is nothing to take a part of."""

    contracts: int
    unreadable: int
    zero_quotes: float | None
    crossed_quotes: float | None
    placeholder_iv: float | None
    disagreeing_iv: float | None
    mean_age_seconds: float | None


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One source over some hours. `errors` by class, most frequent first; latencies in seconds without waits."""

    source: str
    calls: int
    errors: Mapping[str, int]
    latency_p50: float | None
    latency_p95: float | None
    waited_seconds: float
    quotes: QuoteShares
    age_by_hour: Mapping[datetime, float]
    """Mean age of quotes with a time of their own, s, by the hour they were fetched."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source: whether it can be asked, its breaker if it ever failed, its account if it was ever called."""

    state: SourceState
    breaker: BreakerView | None
    report: SourceReport | None


class SourceReportService:
    """Keeps and reads the account of sources."""

    def __init__(self, *, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def store(self, sums: Sums) -> None:
        """Add what a process has added up."""
        with self._database.connection() as connection:
            source_account.add(
                connection,
                calls=[(*key, one.calls, one.seconds, one.waited_seconds) for key, one in sums.calls.items()],
                latencies=[(*key, calls) for key, calls in sums.latencies.items()],
                quotes=[(*key, amount) for key, amount in sums.quotes.items()],
            )

    def report(self, *, hours: int = 24) -> tuple[SourceReport, ...]:
        """Every source that was called in the last `hours`, alphabetically."""
        with self._database.connection() as connection:
            account = source_account.since(connection, self._clock() - timedelta(hours=hours))
        sources = {row.source for row in account.calls} | {row.source for row in account.quotes}
        return tuple(_report(source, account) for source in sorted(sources))

    def breakers(self) -> tuple[BreakerView, ...]:
        """The breakers that ever saw a failure."""
        with self._database.connection() as connection:
            return tuple(source_breakers.views(connection))

    def call_again(self, source: str) -> None:
        """Close a source's breaker: somebody has mended what was wrong."""
        with self._database.connection() as connection:
            source_breakers.close(connection, source)

    def forget_old(self) -> None:
        """Drop what is older than 30 days."""
        with self._database.connection() as connection:
            source_account.drop_before(connection, self._clock() - KEPT)


def _report(source: str, account: Account) -> SourceReport:
    calls = [row for row in account.calls if row.source == source]
    quotes = [row for row in account.quotes if row.source == source]
    latencies = account.latencies.get(source, {})
    return SourceReport(
        source=source,
        calls=sum(row.calls for row in calls),
        errors=_errors(calls),
        latency_p50=quantile_seconds(latencies, 0.5),
        latency_p95=quantile_seconds(latencies, 0.95),
        waited_seconds=sum(row.waited_seconds for row in calls),
        quotes=_shares(quotes),
        age_by_hour=_ages(quotes),
    )


def _errors(calls: Iterable[CallRow]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in calls:
        if row.outcome != ANSWER:
            counts[row.outcome] = counts.get(row.outcome, 0) + row.calls
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _shares(quotes: Iterable[QuoteRow]) -> QuoteShares:
    sums: dict[str, float] = {}
    for row in quotes:
        sums[row.measure] = sums.get(row.measure, 0.0) + row.amount

    def share(part: str, whole: str) -> float | None:
        return sums.get(part, 0.0) / sums[whole] if sums.get(whole) else None

    return QuoteShares(
        contracts=round(sums.get(quote_quality.CONTRACTS, 0.0)),
        unreadable=round(sums.get(quote_quality.UNREADABLE, 0.0)),
        zero_quotes=share(quote_quality.ZERO_QUOTES, quote_quality.CONTRACTS),
        crossed_quotes=share(quote_quality.CROSSED_QUOTES, quote_quality.CONTRACTS),
        placeholder_iv=share(PLACEHOLDER_IV, quote_quality.CONTRACTS),
        disagreeing_iv=share(quote_quality.DISAGREEING_IV, quote_quality.COMPARED_IV),
        mean_age_seconds=share(quote_quality.AGE_SECONDS, quote_quality.AGED_QUOTES),
    )


def _ages(quotes: Sequence[QuoteRow]) -> dict[datetime, float]:
    seconds = {row.hour: row.amount for row in quotes if row.measure == quote_quality.AGE_SECONDS}
    counts = {row.hour: row.amount for row in quotes if row.measure == quote_quality.AGED_QUOTES}
    return {hour: seconds[hour] / count for hour, count in sorted(counts.items()) if count and hour in seconds}
