"""Column maps say only what is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.scanner.sources.file.saved import HEADER, PUT, read, refuse, save

TEXT = f"{HEADER}{PUT},1.1,1.2\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not toml", "it is no TOML"),
        ('colour = "red"', "it has the key 'colour', known are symbol"),
        ("symbol = 5", "symbol is 5, expected str"),
        ('symbol = "not a symbol"', "symbol 'not a symbol'"),
        ('time_zone = "Mars/Olympus"', "time_zone 'Mars/Olympus' is not known"),
        ('date_order = "ydm"', "expected one of 'mdy', 'dmy', 'ymd'"),
        ('decimal = ";"', "expected one of '.', ','"),
        ('encoding = "ebcdic"', "expected one of 'utf-8'"),
        ('separator = "-"', "separator is '-'"),
        ("footer_lines = -1", "expected a number from 0 on"),
        ("footer_lines = true", "expected int"),
        ("underlying_last = nan", "expected a number from 0 on"),
        ("quote_time = 2026-11-20T12:30:00", "has no time zone"),
        ("quote_time = 2026-11-20", "expected datetime"),
        ('[columns]\nBid = "price"', "columns names 'price', our columns are occ_symbol"),
        ('[columns]\nA = "bid"\nB = "bid"', "names a column twice"),
        ('[columns]\nA = ["bid"]', "columns names"),
        ('column_order = ["bid", "bid"]', "names a column twice"),
    ],
)
def test_what_is_not_documented_is_refused(tmp_path: Path, text: str, why: str) -> None:
    error = refuse(tmp_path, TEXT, text)
    assert "its column map chain.csv.columns.toml cannot be used" in error.detail
    assert why in error.detail


def test_a_local_quote_time_is_of_the_stated_zone(tmp_path: Path) -> None:
    chain = read(tmp_path, TEXT, 'time_zone = "America/New_York"\nquote_time = 2026-11-20T12:20:00\n')
    assert chain.answer_time is not None
    assert chain.answer_time.isoformat() == "2026-11-20T17:20:00+00:00"


def test_a_map_for_the_folder_serves_files_without_one(tmp_path: Path) -> None:
    (tmp_path / "columns.toml").write_text('source = "Broker"\n[columns]\nGeld = "bid"\n')
    text = f"occ_symbol;Geld\n{PUT};1,10\n"
    assert read(tmp_path, text).source == "Broker"
    own = save(tmp_path, text, column_map='[columns]\nGeld = "ask"\n')
    assert list(read(tmp_path, text, own.with_name("chain.csv.columns.toml").read_text()).contracts["ask"]) == [1.10]


@pytest.mark.parametrize("key", ['symbol = "AAPL"', "quote_time = 2026-11-20T12:20:00Z", "underlying_last = 1.0"])
def test_a_map_for_the_folder_states_nothing_about_one_file(tmp_path: Path, key: str) -> None:
    (tmp_path / "columns.toml").write_text(key)
    assert "for all files of the folder" in refuse(tmp_path, TEXT).detail
