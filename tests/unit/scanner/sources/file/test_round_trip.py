"""What is written in our canonical columns is read back as it was."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model import ChainSnapshot, Mode, OptionType, UnderlyingQuote
from scanner.schema import CHAIN
from scanner.sources.file import FileSource
from scanner.symbols import occ_symbol
from tests.contract.chain_source import everything
from tests.unit.scanner.sources.file.saved import NOW, calendar, save
from tests.vendors.saved_files import canonical_csv, canonical_parquet

PRICES = st.none() | st.floats(min_value=1e-9, max_value=1e9)
COUNTS = st.none() | st.integers(min_value=0, max_value=2**53).map(float)
TIMES = st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 11, 20, 17, 30)).map(  # noqa: DTZ001
    lambda time: time.replace(tzinfo=UTC)
)

ROWS = st.fixed_dictionaries(
    {
        "root": st.sampled_from(["BRKB", "BRKB1"]),
        "expiration": st.dates(date(2026, 11, 23), date(2028, 12, 31)),
        "option_type": st.sampled_from(["call", "put"]),
        "strike": st.integers(min_value=1, max_value=99_999_999).map(lambda scaled: scaled / 1000),
        "multiplier": st.integers(min_value=1, max_value=10_000),
        "adjusted": st.booleans(),
        "bid": PRICES,
        "ask": PRICES,
        "last": PRICES,
        "volume": COUNTS,
        "open_interest": COUNTS,
        "vendor_iv": PRICES,
        "quote_time": TIMES,
    }
)
UNDERLYINGS = st.builds(
    UnderlyingQuote, bid=PRICES, ask=PRICES, last=PRICES, quote_time=TIMES, last_time=TIMES, volume=PRICES
)


def contracts(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    frame["occ_symbol"] = [
        occ_symbol(row["root"], row["expiration"], OptionType(row["option_type"]), row["strike"]) for row in rows
    ]
    frame = frame.astype({column.name: column.dtype for column in CHAIN.columns})
    return frame[CHAIN.names].drop_duplicates("occ_symbol").reset_index(drop=True)


def snapshot(rows: list[dict[str, Any]], underlying: UnderlyingQuote, answer_time: datetime | None) -> ChainSnapshot:
    frame = contracts(rows)
    return ChainSnapshot(
        symbol="BRK.B",
        source="file",
        mode=Mode.LIVE,
        fetched_at=NOW - timedelta(microseconds=1),
        answer_time=answer_time,
        underlying=underlying,
        listed_expirations=tuple(sorted({day.date() for day in frame["expiration"]})),
        contracts=frame,
    )


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=6), underlying=UNDERLYINGS, answer_time=TIMES)
@pytest.mark.parametrize("written", ["csv", "parquet"])
def test_nothing_is_lost(
    written: str, rows: list[dict[str, Any]], underlying: UnderlyingQuote, answer_time: datetime | None
) -> None:
    before = snapshot(rows, underlying, answer_time)
    content = canonical_csv(before) if written == "csv" else canonical_parquet(before)
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder), content)
        after = FileSource(Path(folder), clock=lambda: NOW, calendar=calendar()).chain("BRK.B", everything)
    pd.testing.assert_frame_equal(after.contracts, before.contracts, check_exact=True)
    for name in ("symbol", "answer_time", "fetched_at", "listed_expirations", "unreadable"):
        assert getattr(after, name) == getattr(before, name)
    for name in ("bid", "ask", "last", "quote_time", "last_time", "volume"):
        assert getattr(after.underlying, name) == getattr(underlying, name)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300))
def test_no_bytes_make_it_fail_in_another_way(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder), content)
        held = FileSource(Path(folder), clock=lambda: NOW, calendar=calendar()).holdings()
    assert len(held.files) + len(held.refused) == 1


CELLS = st.sampled_from(["", "0", "-1", "1.5", "1,5", "1,234", "=1", '"', "NaN", "2026-11-27", "03/04/2026", "C", "x"])
HEADERS = st.sampled_from(["occ_symbol", "symbol", "expiration", "type", "strike", "bid", "ask", "iv", "quote_time"])


@settings(max_examples=150, deadline=None)
@given(
    headers=st.lists(HEADERS, min_size=2, max_size=7, unique=True),
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=7), max_size=4),
    separator=st.sampled_from([",", ";"]),
)
def test_no_table_makes_it_fail_in_another_way(headers: list[str], rows: list[list[str]], separator: str) -> None:
    lines = [separator.join(line) for line in [headers, *rows]]
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder), "\n".join(lines) + "\n", column_map='symbol = "AAPL"')
        held = FileSource(Path(folder), clock=lambda: NOW, calendar=calendar()).holdings()
    assert len(held.files) + len(held.refused) == 1
