"""Parquet tables: typed cells, damage, and what has no place in a chain."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.scanner.sources.file.saved import CALL, PUT, read, refuse


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_typed_columns_are_taken_as_they_are(tmp_path: Path) -> None:
    content = parquet(
        **{
            "symbol": pa.array(["AAPL", "AAPL"]).dictionary_encode(),
            "expiration": pa.array([date(2026, 11, 27)] * 2),
            "Call/Put": ["P", "C"],
            "strike": pa.array([Decimal("240.00"), Decimal("240.00")]),
            "bid": [1.234, None],
            "ask": [float("inf"), 2.5],
            "volume": pa.array([12, None], pa.int64()),
            "vendor_iv": [0.25, float("nan")],
            "adjusted": [False, True],
            "quote_time": pa.array([datetime(2026, 11, 20, 17, 29, tzinfo=UTC), None], pa.timestamp("ns", "UTC")),
        }
    )
    chain = read(tmp_path, content)
    put, call = chain.contracts.to_dict("records")
    assert (put["occ_symbol"], put["bid"], put["volume"], put["vendor_iv"]) == (PUT, 1.234, 12.0, 0.25)
    assert put["quote_time"] == pd.Timestamp("2026-11-20T17:29:00Z")
    assert pd.isna(put["ask"])
    assert (call["occ_symbol"], call["ask"], call["adjusted"]) == (CALL, 2.5, True)
    assert pd.isna(call["volume"])
    assert chain.unreadable == {}


def test_naive_timestamps_need_a_zone_and_nanoseconds_are_cut(tmp_path: Path) -> None:
    times = pa.array([1763641800123456789, None], pa.timestamp("ns"))
    content = parquet(occ_symbol=[PUT, CALL], bid=[1.5, 2.5], quote_time=times)
    assert "without a time zone" in refuse(tmp_path, content).detail
    chain = read(tmp_path, content, 'time_zone = "UTC"')
    assert chain.contracts["quote_time"].iloc[0] == pd.Timestamp("2025-11-20T12:30:00.123456Z")


def test_wrong_types_are_counted(tmp_path: Path) -> None:
    content = parquet(
        occ_symbol=[PUT, CALL],
        bid=pa.array([[1.0], None], pa.list_(pa.float64())),
        ask=[1.5, 2.5],
    )
    assert read(tmp_path, content).unreadable == {"bad_bid": 1}
    as_flag = parquet(occ_symbol=[PUT, CALL], bid=[True, None], ask=[1.5, 2.5])
    assert read(tmp_path, as_flag).unreadable == {"bad_bid": 1}
    expirations = pa.array([datetime(2026, 11, 27), datetime(2026, 11, 27, 16)])  # noqa: DTZ001
    as_instant = parquet(occ_symbol=[PUT, CALL], expiration=expirations, bid=[1.0, 2.0])
    assert read(tmp_path, as_instant).unreadable == {"bad_expiration": 1}
    as_number = parquet(occ_symbol=[PUT, CALL], expiration=pa.array([None, 20261127]), bid=[1.0, 2.0])
    assert read(tmp_path, as_number).unreadable == {"bad_expiration": 1}
    as_text = parquet(occ_symbol=[PUT, CALL], bid=[1.0, 2.0], quote_time=pa.array([None, 5]), adjusted=[None, "maybe"])
    assert "no contract" not in str(read(tmp_path, as_text).unreadable)
    assert read(tmp_path, as_text).unreadable == {"bad_adjusted": 1}


def test_a_volatility_of_unstated_unit_is_refused(tmp_path: Path) -> None:
    content = parquet(occ_symbol=[PUT, CALL], bid=[1.5, 2.5], iv=[35.2, 36.0])
    assert "percent or decimal" in refuse(tmp_path, content).detail
    chain = read(tmp_path, content, '[columns]\niv = "vendor_iv_pct"')
    assert list(chain.contracts["vendor_iv"]) == pytest.approx([0.352, 0.36])


def test_columns_nobody_knows_are_refused(tmp_path: Path) -> None:
    assert "found the columns a, b: needed are occ_symbol" in refuse(tmp_path, parquet(a=[1], b=[2])).detail
    stated = 'column_order = ["occ_symbol", "bid"]'
    assert "Parquet names its columns" in refuse(tmp_path, parquet(a=[PUT], b=[2]), stated).detail


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    whole = parquet(occ_symbol=[PUT] * 100, bid=[1.5] * 100)
    for content in (whole[:-20], whole[:4], b"PAR1" + bytes(200) + b"PAR1"):
        assert "a Parquet file that cannot be read" in refuse(tmp_path, content).detail


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    content = parquet(occ_symbol=pa.array([], pa.string()), bid=pa.array([], pa.float64()))
    assert "found no underlying symbol" in refuse(tmp_path, content).detail


def test_too_many_rows_are_refused_before_they_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.sources.file.raw_table.MAX_ROWS", 1)
    assert "found 2 rows, at most 1" in refuse(tmp_path, parquet(occ_symbol=[PUT, CALL], bid=[1.0, 2.0])).detail
