"""A million premium rows into a staging table, against what the server itself can take.

The server's own rate is that of a binary COPY encoded beforehand: nothing left to do but sending it. Peers load the
same columns their usual way, fewer rows where they are slow. Every way starts from the same frames and ends in an
unlogged table without an index.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
from psycopg import Connection, sql

from benchmarks.report import table
from benchmarks.server import database
from benchmarks.synthetic_premiums import premium_frame, symbols
from db.frames import copy_bytes, to_batch
from scanner.schema import PREMIUM

SYMBOLS = 5_000
SYMBOLS_PER_FRAME = 20
PEER_SYMBOLS = 200
ROUNDS = 3
GOAL = 0.70
COPY = sql.SQL("copy bench_staging ({}) from stdin (format binary)").format(
    sql.SQL(", ").join(map(sql.Identifier, PREMIUM.names))
)


def frames(count: int) -> list[pd.DataFrame]:
    """Frames of the same size, together `count` symbols with 200 contracts each."""
    tickers = symbols(count)
    return [
        premium_frame(tickers[start : start + SYMBOLS_PER_FRAME], seed=start)
        for start in range(0, count, SYMBOLS_PER_FRAME)
    ]


def empty_staging(connection: Connection[Any]) -> None:
    connection.execute("drop table if exists bench_staging")
    connection.execute("create unlogged table bench_staging (like stock_premiums)")
    connection.commit()


def send(connection: Connection[Any], parts: Iterator[bytes]) -> None:
    """One COPY per part, in one transaction."""
    for part in parts:
        with connection.cursor().copy(COPY) as copy:
            copy.write(part)
    connection.commit()


def encoded(frame: pd.DataFrame) -> bytes:
    return copy_bytes([to_batch(frame, PREMIUM)])


def encoded_ahead(some: Sequence[pd.DataFrame]) -> Iterator[bytes]:
    """Encode each frame in a thread while the server takes the one before."""
    with ThreadPoolExecutor(1) as encoder:
        waiting = encoder.submit(encoded, some[0])
        for frame in some[1:]:
            ready, waiting = waiting, encoder.submit(encoded, frame)
            yield ready.result()
        yield waiting.result()


def with_rows(connection: Connection[Any], some: Sequence[pd.DataFrame]) -> None:
    """psycopg's own way: a text COPY, one Python tuple per row."""
    names = sql.SQL(", ").join(map(sql.Identifier, PREMIUM.names))
    for frame in some:
        rows = frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None)
        with connection.cursor().copy(sql.SQL("copy bench_staging ({}) from stdin").format(names)) as copy:
            for row in rows:
                copy.write_row(row)
    connection.commit()


def with_csv(connection: Connection[Any], some: Sequence[pd.DataFrame]) -> None:
    """The usual trick with pandas: a CSV in memory, then COPY."""
    names = sql.SQL(", ").join(map(sql.Identifier, PREMIUM.names))
    for frame in some:
        text = io.StringIO()
        frame.to_csv(text, index=False, header=False, na_rep="nan")
        statement = sql.SQL("copy bench_staging ({}) from stdin (format csv, null 'nan')").format(names)
        with connection.cursor().copy(statement) as copy:
            copy.write(text.getvalue())
    connection.commit()


def rows_per_second(connection: Connection[Any], load: Callable[[], None], rows: int) -> float:
    empty_staging(connection)
    started = time.perf_counter()
    load()
    seconds = time.perf_counter() - started
    counted = connection.execute("select count(*) from bench_staging").fetchone()
    if counted != (rows,):
        raise RuntimeError(f"{counted} rows arrived, not {rows}")
    connection.commit()
    return rows / seconds


def report() -> str:
    """Load, and compare."""
    some = frames(SYMBOLS)
    rows = sum(map(len, some))
    prepared = [encoded(frame) for frame in some]
    few = some[: PEER_SYMBOLS // SYMBOLS_PER_FRAME]
    few_rows = sum(map(len, few))
    with database() as opened, opened.connection() as connection:
        ways: dict[str, tuple[Callable[[], None], int]] = {
            "server's own COPY, encoded beforehand": (lambda: send(connection, iter(prepared)), rows),
            "frames to staging (ours)": (lambda: send(connection, encoded_ahead(some)), rows),
            "pandas CSV and COPY": (lambda: with_csv(connection, few), few_rows),
            "psycopg COPY row by row": (lambda: with_rows(connection, few), few_rows),
        }
        # In turns, so that a busy moment of the machine does not fall on one of them alone.
        rates = dict.fromkeys(ways, 0.0)
        for _ in range(ROUNDS):
            for name, (load, expected) in ways.items():
                rates[name] = max(rates[name], rows_per_second(connection, load, expected))
    limit = next(iter(rates.values()))
    cells = [
        [name, f"{ways[name][1]:,}", f"{rate:,.0f}", f"{rate / limit:.0%}", f"{GOAL:.0%}" if "ours" in name else ""]
        for name, rate in rates.items()
    ]
    title = f"bulk load of premium rows ({len(PREMIUM.columns)} columns), the best of {ROUNDS} rounds"
    return table(title, ["way", "rows", "rows/s", "of the server's rate", "goal"], cells)


def main() -> None:
    print(report())


if __name__ == "__main__":
    main()
