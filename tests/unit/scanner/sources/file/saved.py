"""Files written by tests, and the reading of one."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from scanner.calendar import MarketCalendar
from scanner.errors import MalformedAnswerError
from scanner.sources.file.contracts import ReadChain
from scanner.sources.file.folder import HeldFile, read_file

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
"""12:30 in New York on a Friday in session."""

HEADER = "occ_symbol,bid,ask\n"
PUT = "AAPL261127P00240000"
CALL = "AAPL261127C00240000"


@cache
def calendar() -> MarketCalendar:
    return MarketCalendar(date(2013, 1, 1), date(2029, 12, 31))


def save(folder: Path, content: str | bytes, *, name: str = "chain.csv", column_map: str | None = None) -> Path:
    """Write a file, its time NOW, and a column map beside it or none."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    own_map = path.with_name(f"{name}.columns.toml")
    own_map.unlink(missing_ok=True)
    if column_map is not None:
        own_map.write_text(column_map, encoding="utf-8")
    return path


def read(folder: Path, content: str | bytes, column_map: str | None = None) -> ReadChain:
    return read_file(save(folder, content, column_map=column_map), calendar())[1]


def hold(folder: Path, content: str | bytes, column_map: str | None = None) -> HeldFile:
    return read_file(save(folder, content, column_map=column_map), calendar())[0]


def refuse(folder: Path, content: str | bytes, column_map: str | None = None) -> MalformedAnswerError:
    """The error a file gives."""
    with pytest.raises(MalformedAnswerError) as caught:
        read(folder, content, column_map)
    assert caught.value.source == "file"
    assert caught.value.detail.startswith("chain.csv")
    return caught.value
