"""The Database Scan over 5,000 symbols with 200 contracts each: ranked rows and the funnel, with eight filters.

Filters are random, the same for every way of asking: target DTEs and DTE window, delta range, volume or open
interest, stock price, premium, spread, grade. Timed as a service calls it: from the filters to the frame.

"Right after half was synced" is what a user sees in the middle of a run, and at its end until the worker has cleaned
up (`premiums.vacuum`, queued with the end of a run): every second symbol replaced as a worker does it, nothing
vacuumed, no question asked before the first that counts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from psycopg import Connection

from benchmarks.report import Timings, table, timed
from benchmarks.server import database
from benchmarks.synthetic_premiums import AS_OF, premium_frame, symbols
from db import partitions, premium_writing, premiums, stocks
from db.database_scanner import DatabaseScanner
from db.engine import Database
from scanner.calendar import MarketCalendar, market_date, target_windows
from scanner.model import (
    BasisKind,
    ChainSnapshot,
    EarningsFilter,
    EarningsState,
    ExpirationWindow,
    Grade,
    Mode,
    PremiumFilters,
    PriceBasis,
    ReferenceData,
    Strategy,
    UnderlyingQuote,
)
from scanner.premiums import PremiumScanner
from scanner.pricing.rates import RateCurve
from scanner.quality import age_cutoffs
from scanner.schema import CHAIN

SYMBOLS = 5_000
SYMBOLS_PER_FRAME = 500
LIMIT = 500
QUESTIONS = 60
PEER_QUESTIONS = 5
SEED = 20_261_118
GOALS: Mapping[str, tuple[float | None, float]] = {"stored": (15.0, 25.0), "other": (None, 60.0)}


@dataclass(frozen=True)
class Question:
    filters: PremiumFilters
    windows: tuple[ExpirationWindow, ...]


def questions(stored: Sequence[Any], count: int) -> list[Question]:
    """Random filters around what sellers of premium ask for."""
    choose = random.Random(SEED)
    some = []
    for _ in range(count):
        low = choose.uniform(0.15, 0.28)
        filters = PremiumFilters(
            target_dtes=tuple(sorted(choose.sample((7, 14, 21, 30, 45, 60), choose.randint(3, 6)))),
            dte_max=choose.choice([50, 60, 75]),
            delta_min=low,
            delta_max=low + choose.uniform(0.10, 0.18),
            volume_min=choose.choice([20, 50, 100, 200]),
            open_interest_min=choose.choice([20, 50, 100]),
            max_stock_price=choose.uniform(60, 600),
            min_premium_pct=choose.uniform(0.1, 0.6),
            max_spread_pct=choose.uniform(5, 30),
            min_grade=choose.choice([Grade.B, Grade.C, Grade.D]),
        )
        windows = target_windows(
            stored, today=market_date(AS_OF), targets=filters.target_dtes, dte_min=0, dte_max=10_000
        )
        some.append(Question(filters, windows))
    return some


def on_basis(some: Sequence[Question], basis: PriceBasis) -> list[Question]:
    return [replace(one, filters=replace(one.filters, basis=basis)) for one in some]


def on_both_sides(some: Sequence[Question]) -> list[Question]:
    return [replace(one, filters=replace(one.filters, strategies=tuple(Strategy))) for one in some]


def without_earnings(some: Sequence[Question]) -> list[Question]:
    return [replace(one, filters=replace(one.filters, earnings=EarningsFilter.EXCLUDE)) for one in some]


def fill(opened: Database, *, as_of: datetime = AS_OF) -> dict[str, pd.DataFrame]:
    """Load 5,000 symbols as fetched at `as_of` and return their frames by symbol."""
    tickers = symbols(SYMBOLS)
    by_symbol: dict[str, pd.DataFrame] = {}
    for start in range(0, SYMBOLS, SYMBOLS_PER_FRAME):
        frame = premium_frame(tickers[start : start + SYMBOLS_PER_FRAME], seed=start, fetched_at=as_of)
        key = ["symbol", "root", "expiration", "strike", "option_type"]
        by_symbol.update((str(symbol), part) for symbol, part in frame.drop_duplicates(key).groupby("symbol"))
    with opened.connection() as connection:
        stocks.add(connection, tickers, now=as_of)
        days = pd.concat([frame["expiration"] for frame in by_symbol.values()]).drop_duplicates()
        partitions.ensure_premium_partitions(connection, [day.date() for day in days])
        for facts in _slow_facts(tickers, as_of):
            stocks.store_reference(connection, facts)
    sync(opened, by_symbol, now=as_of)
    return by_symbol


def _slow_facts(tickers: Sequence[str], as_of: datetime) -> Iterator[ReferenceData]:
    """Earnings somewhere in the next quarter, unknown of every tenth stock."""
    choose = random.Random(SEED)
    for ticker in tickers:
        known = choose.random() > 0.1
        day = market_date(as_of) + timedelta(days=choose.randint(1, 91))
        state = EarningsState.ESTIMATED if known else EarningsState.UNKNOWN
        yield ReferenceData(ticker, "synthetic", as_of, next_earnings=day if known else None, earnings_state=state)


def sync(opened: Database, by_symbol: Mapping[str, pd.DataFrame], *, now: datetime) -> None:
    """Store symbols as workers do: one transaction each."""
    with opened.connection() as connection:
        for symbol, frame in by_symbol.items():
            facts = frame.reset_index(drop=True)
            snapshot = ChainSnapshot(
                symbol=symbol,
                source="synthetic",
                mode=Mode.SIMULATED,
                fetched_at=now,
                answer_time=now,
                underlying=UnderlyingQuote(),
                listed_expirations=(),
                contracts=facts[CHAIN.names],
            )
            premium_writing.replace_symbol(connection, facts, snapshot, now=now, today=market_date(now))


def report() -> str:
    """Fill, ask, rewrite half, ask again."""
    calendar = MarketCalendar.around(AS_OF)
    cutoffs = age_cutoffs(AS_OF, calendar)
    timings: dict[str, tuple[Timings, str]] = {}
    with database() as opened:
        scanner = DatabaseScanner(opened)

        def scan(question: Question) -> object:
            return scanner.scan(question.filters, question.windows, as_of=AS_OF, cutoffs=cutoffs, limit=LIMIT)

        def funnel(question: Question) -> object:
            return scanner.funnel(question.filters, question.windows, as_of=AS_OF, cutoffs=cutoffs)

        by_symbol = fill(opened)
        # The server must not clean up by itself in the middle of "right after a sync".
        with opened.connection() as connection:
            for name in ("scan_puts", "scan_calls", *partitions.partitions(connection, "stock_premiums")):
                connection.execute(f"alter table {name} set (autovacuum_enabled = false)".encode())
        with opened.connection() as connection:
            premiums.vacuum(connection)
            asked = questions(premiums.expirations(connection), QUESTIONS)
        other, both = on_basis(asked, PriceBasis(BasisKind.FILL, 0.3)), on_both_sides(asked)
        timings["stored basis, after vacuum"] = (timed(scan, asked), "stored")
        timings["both strategies, after vacuum"] = (timed(scan, both), "other")
        timings["fill 0.3, after vacuum"] = (timed(scan, other), "other")
        timings["earnings excluded, after vacuum"] = (timed(scan, without_earnings(asked)), "other")
        timings["funnel, after vacuum"] = (timed(funnel, asked), "other")
        sync(opened, dict(list(by_symbol.items())[::2]), now=AS_OF + timedelta(minutes=1))
        timings["stored basis, right after half was synced"] = (timed(scan, asked, warm_up=0), "other")
        timings["both strategies, right after half was synced"] = (timed(scan, both, warm_up=0), "other")
        timings["fill 0.3, right after half was synced"] = (timed(scan, other, warm_up=0), "other")
        timings["funnel, right after half was synced"] = (timed(funnel, asked, warm_up=0), "other")
        for name, ask in peers(opened, by_symbol, calendar).items():
            timings[name] = (timed(ask, asked[:PEER_QUESTIONS], warm_up=1), "")
    return _table(timings, sum(map(len, by_symbol.values())))


def peers(
    opened: Database, by_symbol: Mapping[str, pd.DataFrame], calendar: MarketCalendar
) -> dict[str, Callable[[Question], object]]:
    """The same question without our way of asking it."""
    memory = PremiumScanner(calendar, RateCurve.flat(0.04))

    def plain(question: Question) -> object:
        with opened.connection() as connection:
            return _plain_sql(connection, question.filters)

    def in_memory(question: Question) -> object:
        return memory.scan_facts(by_symbol, question.filters, as_of=AS_OF)

    return {"peer: window function over whole rows": plain, "peer: PremiumScanner over all frames": in_memory}


def _plain_sql(connection: Connection[Any], filters: PremiumFilters) -> list[Any]:
    """What one writes first. It leaves target expirations out, which makes it less work than ours."""
    return connection.execute(
        """
        select * from (
            select *, premium_pct / (expiration - %(today)s::date) * 30 as monthly_return,
                row_number() over (
                    partition by symbol, root, expiration, option_type order by premium_pct desc
                ) as place
            from stock_premiums
            where option_type = 'put' and quote_reason is null
                and expiration between %(today)s::date + %(dte_min)s and %(today)s::date + %(dte_max)s
                and abs(delta) between %(delta_min)s and %(delta_max)s
                and (volume >= %(volume)s or open_interest >= %(interest)s)
                and spot <= %(spot)s and premium_pct >= %(premium)s and spread_pct <= %(spread)s
                and quote_grade <= %(grade)s
        ) as ranked
        where place = 1
        order by monthly_return desc
        limit 500
        """,
        {
            "today": market_date(AS_OF),
            "dte_min": filters.dte_min,
            "dte_max": filters.dte_max,
            "delta_min": filters.delta_min,
            "delta_max": filters.delta_max,
            "volume": filters.volume_min,
            "interest": filters.open_interest_min,
            "spot": filters.max_stock_price,
            "premium": filters.min_premium_pct,
            "spread": filters.max_spread_pct,
            "grade": filters.min_grade,
        },
        binary=True,
    ).fetchall()


def _table(timings: Mapping[str, tuple[Timings, str]], rows: int) -> str:
    base = next(iter(timings.values()))[0].p50
    cells = []
    for name, (timing, goal) in timings.items():
        least, most = GOALS.get(goal, (None, None))
        aims = ", ".join(f"{label} {aim:.0f}" for label, aim in (("p50", least), ("p95", most)) if aim is not None)
        cells.append([name, f"{timing.p50:.1f}", f"{timing.p95:.1f}", aims, f"{timing.p50 / base:.1f}x"])
    title = f"Database Scan over {rows:,} rows, {LIMIT} rows asked for, {QUESTIONS} questions; ms"
    return table(title, ["case", "p50", "p95", "goal", "p50 ratio"], cells)


def main() -> None:
    print(report())


if __name__ == "__main__":
    main()
