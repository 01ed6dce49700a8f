"""Tables with headers we know, or that a column map explains."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scanner.model import UnderlyingQuote
from tests.unit.scanner.sources.file.saved import CALL, HEADER, NOW, PUT, hold, read, refuse

TWO = f"{PUT},1.10,1.15\n{CALL},2.00,2.10\n"
PARTS = "symbol,expiration,type,strike,bid,ask\n"


def row(chain: Any, code: str = PUT) -> Any:
    return chain.contracts.set_index("occ_symbol").loc[code]


def test_codes_and_prices_are_enough(tmp_path: Path) -> None:
    chain = read(tmp_path, HEADER + TWO)
    assert (chain.symbol, chain.format, chain.source) == ("AAPL", "table", None)
    assert chain.listed == (date(2026, 11, 27),)
    put = row(chain)
    assert (put["root"], put["option_type"], put["strike"]) == ("AAPL", "put", 240.0)
    assert (put["multiplier"], put["adjusted"], put["bid"], put["ask"]) == (100, False, 1.10, 1.15)
    assert put[["last", "volume", "open_interest", "vendor_iv", "quote_time"]].isna().all()
    assert (chain.answer_time, chain.stated_time, chain.underlying) == (None, None, UnderlyingQuote())
    assert chain.unreadable == {}


def test_an_unknown_quote_time_stays_unknown_and_the_file_has_its_own(tmp_path: Path) -> None:
    held = hold(tmp_path, HEADER + TWO)
    assert (held.quote_time, held.fetched_at, held.time) == (None, NOW, NOW)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators_are_found(tmp_path: Path, separator: str) -> None:
    assert len(read(tmp_path, (HEADER + TWO).replace(",", separator)).contracts) == 2


def test_decimal_comma_thousands_and_local_dates(tmp_path: Path) -> None:
    text = (
        "Symbol;Expiry;Call/Put;Strike Price;Bid;Ask;Last Price;Total Volume;Open Int.;IV %\r\n"
        "SPY;18.12.2026;P;640,00;5,05;5,10;-;12.345;1.234.567;18,25 %\r\n"
        "SPY;04.12.2026;Call;1.000,50;0,00;0,01;0,01;0;7;99,9\r\n"
    )
    chain = read(tmp_path, text)
    put = row(chain, "SPY261218P00640000")
    assert (put["bid"], put["ask"], put["volume"], put["open_interest"]) == (5.05, 5.10, 12345, 1234567)
    assert put["vendor_iv"] == pytest.approx(0.1825, rel=1e-12)
    assert math.isnan(put["last"])
    call = row(chain, "SPY261204C01000500")
    assert (call["bid"], call["ask"], call["last"], call["volume"]) == (0.0, 0.01, 0.01, 0.0)
    assert chain.listed == (date(2026, 12, 4), date(2026, 12, 18))


def test_a_column_symbol_may_hold_codes(tmp_path: Path) -> None:
    chain = read(tmp_path, f"Symbol,Bid,Ask\n{PUT},1.1,1.2\n")
    assert list(chain.contracts["occ_symbol"]) == [PUT]


def test_a_column_symbol_of_something_else_is_refused(tmp_path: Path) -> None:
    error = refuse(tmp_path, "Symbol,Last\nAAPL,244.10\nMSFT,500.00\n")
    assert "expected the chain of one underlying" in error.detail
    error = refuse(tmp_path, "Symbol,Last\nAAPL,244.10\n")
    assert "found no OCC code" in error.detail
    assert error.symbol == "AAPL"


def test_lines_above_the_header_are_left_out(tmp_path: Path) -> None:
    chain = read(tmp_path, f"Options of Apple\n\nAs of,11/20/2026\n{HEADER}{TWO}")
    assert len(chain.contracts) == 2


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("vendor_iv", "0.352", 0.352),
        ("vendor_iv", "35.2%", 0.352),
        ("vendor_iv_pct", "35.2", 0.352),
        ("Implied Volatility", "35.2%", 0.352),
        ("iv", "", None),
        ("vendor_iv", "0", None),
        ("vendor_iv", "-1", None),
    ],
)
def test_the_unit_of_a_volatility_is_in_its_name_or_its_sign(
    tmp_path: Path, column: str, value: str, expected: float | None
) -> None:
    found = row(read(tmp_path, f"occ_symbol,bid,{column}\n{PUT},1.1,{value}\n"))["vendor_iv"]
    assert math.isnan(found) if expected is None else found == pytest.approx(expected, rel=1e-12)


def test_a_volatility_of_unstated_unit_is_refused_and_a_map_states_it(tmp_path: Path) -> None:
    text = f"occ_symbol,bid,Implied Vol\n{PUT},1.1,35.2\n"
    error = refuse(tmp_path, text)
    assert "'35.2' in the column 'Implied Vol', percent or decimal" in error.detail
    chain = read(tmp_path, text, '[columns]\n"Implied Vol" = "vendor_iv_pct"\n')
    assert row(chain)["vendor_iv"] == pytest.approx(0.352)


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        ("0", "0", (None, None)),
        ("0", "", (None, None)),
        ("0", "0.05", (0.0, 0.05)),
        ("-1", "-1", (None, None)),
        ("-999", "1.5", (None, 1.5)),
        ("NaN", "null", (None, None)),
        ("2", "1", (2.0, 1.0)),
    ],
)
def test_sentinels_are_unknown(tmp_path: Path, bid: str, ask: str, expected: tuple[float | None, ...]) -> None:
    put = row(read(tmp_path, f"{HEADER}{PUT},{bid},{ask}\n"))
    assert tuple(None if math.isnan(put[name]) else put[name] for name in ("bid", "ask")) == expected


def test_rows_that_cannot_be_read_are_counted_by_reason(tmp_path: Path) -> None:
    header = "occ_symbol,root,expiration,option_type,strike,bid,ask,volume,multiplier\n"
    rows = {
        f"{PUT},AAPL,2026-11-27,put,240,1.1,1.2,5,100": None,
        "GARBAGE,AAPL,2026-11-27,put,240,1.1,1.2,5,100": "contract_symbol",
        "AAPL261127P00245000,AAPL,2026-11-27,call,245,1.1,1.2,5,100": "side_mismatch",
        "AAPL261127P00250000,AAPL,2026-11-28,put,250,1.1,1.2,5,100": "expiration_mismatch",
        "AAPL261127P00255000,AAPL,2026-11-27,put,256,1.1,1.2,5,100": "strike_mismatch",
        "AAPL261127P00260000,AAPL1,2026-11-27,put,260,1.1,1.2,5,100": "root_mismatch",
        "AAPL261127P00265000,AAPL,2026-11-27,put,265,=1+1,1.2,5,100": "bad_bid",
        "AAPL261127P00270000,AAPL,2026-11-27,put,270,1.1,abc,5,100": "bad_ask",
        "AAPL261127P00275000,AAPL,2026-11-27,put,275,1.1,1.2,5.5,100": "bad_volume",
        "AAPL261127P00280000,AAPL,2026-11-27,sell,280,1.1,1.2,5,100": "bad_option_type",
        "AAPL261127P00285000,AAPL,2026-11-27,put,285,1.1,1.2,5,0": "bad_multiplier",
    }
    chain = read(tmp_path, header + "".join(f"{line}\n" for line in rows))
    assert list(chain.contracts["occ_symbol"]) == [PUT]
    assert chain.unreadable == {reason: 1 for reason in rows.values() if reason}


def test_rows_without_a_part_of_their_identity_are_counted(tmp_path: Path) -> None:
    lines = [
        "AAPL,2026-11-27,put,240,1.1,1.2",
        "AAPL,,put,245,1.1,1.2",
        "AAPL,2026-11-27,,250,1.1,1.2",
        "AAPL,2026-11-27,put,,1.1,1.2",
        "AAPL,someday,put,260,1.1,1.2",
        "AAPL,2026-11-27,put,260.0005,1.1,1.2",
        "AAPL,2026-11-27,put,-5,1.1,1.2",
    ]
    chain = read(tmp_path, PARTS + "\n".join(lines) + "\n")
    assert list(chain.contracts["occ_symbol"]) == [PUT]
    assert chain.unreadable == {
        "no_expiration": 1,
        "no_option_type": 1,
        "no_strike": 1,
        "bad_expiration": 1,
        "bad_strike": 2,
    }


def test_equal_repeats_count_as_duplicates_and_the_first_stands(tmp_path: Path) -> None:
    chain = read(tmp_path, HEADER + TWO + TWO)
    assert len(chain.contracts) == 2
    assert chain.unreadable == {"duplicate": 2}


def test_of_contradicting_repeats_none_stands(tmp_path: Path) -> None:
    chain = read(tmp_path, f"{HEADER}{TWO}{PUT},1.11,1.15\n{PUT},1.12,1.15\n")
    assert list(chain.contracts["occ_symbol"]) == [CALL]
    assert chain.unreadable == {"contradictory_duplicate": 3}


def test_a_file_without_a_readable_contract_is_refused(tmp_path: Path) -> None:
    error = refuse(tmp_path, f"{HEADER}{PUT},abc,1\n{CALL},def,1\nAAPL,1,1\n")
    assert "bad_bid (2 rows, first in line 2), contract_symbol (1 rows, first in line 4)" in error.detail
    assert "found no underlying symbol" in refuse(tmp_path, HEADER).detail
    assert "found no contract below the header" in refuse(tmp_path, HEADER, 'symbol = "AAPL"').detail


def test_expired_contracts_are_kept_for_the_scan_to_count(tmp_path: Path) -> None:
    chain = read(tmp_path, f"{HEADER}AAPL240119P00150000,0.01,0.02\n{TWO}")
    assert chain.listed == (date(2024, 1, 19), date(2026, 11, 27))


def test_a_cut_row_is_an_error_with_its_line(tmp_path: Path) -> None:
    error = refuse(tmp_path, HEADER + TWO + f"{PUT},1.1\n")
    assert error.detail.startswith("chain.csv, line 4: found 2 cells, expected 3")
    assert error.symbol == "AAPL"
    assert error.detail.startswith("chain.csv, line 4: found 2 cells")


def test_a_cell_too_many_is_an_error_unless_it_is_empty(tmp_path: Path) -> None:
    assert "found 4 cells, expected 3" in refuse(tmp_path, f"{HEADER}{PUT},1,1,7\n").detail
    assert len(read(tmp_path, f"{HEADER}{PUT},1,1,\n,,,\n").contracts) == 1


def test_a_last_line_without_an_end_may_be_cut(tmp_path: Path) -> None:
    text = (HEADER + TWO).rstrip("\n")
    error = refuse(tmp_path, text)
    assert "line 3: the last line does not end" in error.detail
    assert error.symbol == "AAPL"
    assert len(read(tmp_path, text, "final_newline = false").contracts) == 2


def test_an_open_quote_is_an_error(tmp_path: Path) -> None:
    assert "is no CSV" in refuse(tmp_path, f'{HEADER}{PUT},"1.1,1.2\n').detail


def test_a_header_nobody_knows_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    error = refuse(tmp_path, "\nfoo,bar\n1,2\n")
    assert error.detail.startswith("chain.csv, line 2: found 'foo,bar', expected Cboe's quotedata, or a header")
    assert "occ_symbol" in error.detail
    assert error.symbol is None


def test_two_headers_of_one_meaning_are_refused(tmp_path: Path) -> None:
    error = refuse(tmp_path, "Bid,Ask,Strike,Bid,Ask,Expiration,Type,Symbol\n1,2,3,4,5,6,7,8\n")
    assert "two columns for bid, 'Bid' and 'Bid'" in error.detail


def test_several_underlyings_are_refused(tmp_path: Path) -> None:
    error = refuse(tmp_path, f"{HEADER}{PUT},1,2\nMSFT261127P00240000,1,2\n")
    assert "found AAPL, MSFT, expected the chain of one underlying" in error.detail


def test_a_stated_symbol_must_be_that_of_the_contracts(tmp_path: Path) -> None:
    assert "contracts of AAPL where MSFT is stated" in refuse(tmp_path, HEADER + TWO, 'symbol = "MSFT"').detail
    brk = f"{HEADER}BRKB261127P00475000,1,2\n"
    assert read(tmp_path, brk).symbol == "BRKB"
    assert read(tmp_path, brk, 'symbol = "brk/b"').symbol == "BRK.B"


def test_adjusted_contracts_belong_to_their_underlying(tmp_path: Path) -> None:
    chain = read(tmp_path, f"{HEADER}{TWO}AAPL1261127P00240000,1,2\n")
    assert chain.symbol == "AAPL"
    adjusted = row(chain, "AAPL1261127P00240000")
    assert (adjusted["root"], adjusted["adjusted"], adjusted["multiplier"]) == ("AAPL1", True, 100)
    stated = read(tmp_path, f"occ_symbol,bid,multiplier,non-standard\n{PUT},1,150,\n{CALL},1,100,yes\n")
    assert list(stated.contracts["multiplier"]) == [150, 100]
    assert stated.contracts["adjusted"].all()


def test_the_root_tells_the_index_options_apart(tmp_path: Path) -> None:
    chain = read(tmp_path, f"{HEADER}SPX261218P06000000,1,2\nSPXW261218P06000000,1,2\n")
    assert chain.symbol == "SPX"
    assert list(chain.contracts["root"]) == ["SPX", "SPXW"]
    error = refuse(tmp_path, f"{PARTS}SPX,2026-12-18,put,6000,1,2\n")
    assert "without their root" in error.detail
    with_root = read(tmp_path, "root,expiration,type,strike,bid\nSPXW,2026-12-18,put,6000,1\n")
    assert (with_root.symbol, list(with_root.contracts["root"])) == ("SPX", ["SPXW"])


def test_an_unclear_order_of_dates_is_asked_for(tmp_path: Path) -> None:
    text = f"{PARTS}AAPL,03/04/2026,put,240,1.5,2\n"
    error = refuse(tmp_path, text)
    assert "column 'expiration'" in error.detail
    assert "2026-03-04 (mdy) or 2026-04-03 (dmy)" in error.detail
    assert read(tmp_path, text, 'date_order = "dmy"').listed == (date(2026, 4, 3),)


def test_beside_a_code_the_order_of_the_expiration_does_not_matter(tmp_path: Path) -> None:
    text = "occ_symbol,expiration,bid\nAAPL260403P00240000,03/04/2026,1.5\nAAPL260402P00240000,04/02/2026,1.5\n"
    assert read(tmp_path, text).unreadable == {}


def test_quote_times_need_a_zone(tmp_path: Path) -> None:
    text = f"occ_symbol,bid,quote_time\n{PUT},1.5,2026-11-20 12:29:30\n{CALL},1.5,\n"
    error = refuse(tmp_path, text)
    assert "'2026-11-20 12:29:30' in the column 'quote_time' without a time zone" in error.detail
    chain = read(tmp_path, text, 'time_zone = "America/New_York"')
    assert row(chain)["quote_time"] == pd.Timestamp("2026-11-20T17:29:30Z")
    assert pd.isna(row(chain, CALL)["quote_time"])
    assert chain.newest_quote_time == datetime(2026, 11, 20, 17, 29, 30, tzinfo=UTC)
    assert chain.answer_time is None


def test_facts_of_the_file_stand_in_every_row(tmp_path: Path) -> None:
    header = (
        "occ_symbol,bid,underlying_bid,underlying_ask,underlying_last,underlying_volume,underlying_quote_time,"
        "underlying_last_time,answer_time,fetched_at\n"
    )
    facts = '244.1,244.2,0,"1,200,300",2026-11-20T17:29:00Z,,2026-11-20T17:28:00Z,2026-11-20T17:31:00Z'
    held = hold(tmp_path, f"{header}{PUT},1.1,{facts}\n{CALL},1.1,{facts}\n")
    chain = read(tmp_path, f"{header}{PUT},1.1,{facts}\n{CALL},1.1,,,,,,,,\n")
    assert chain.underlying == UnderlyingQuote(
        bid=244.1, ask=244.2, quote_time=datetime(2026, 11, 20, 17, 29, tzinfo=UTC), volume=1200300
    )
    assert held.quote_time == datetime(2026, 11, 20, 17, 28, tzinfo=UTC)
    assert held.fetched_at == datetime(2026, 11, 20, 17, 31, tzinfo=UTC)


def test_facts_that_differ_or_cannot_be_read_are_refused(tmp_path: Path) -> None:
    header = "occ_symbol,bid,underlying_last\n"
    error = refuse(tmp_path, f"{header}{PUT},1.1,244.1\n{CALL},1.1,244.2\n")
    assert "'underlying_last' has '244.1' and '244.2'" in error.detail
    assert "is no number" in refuse(tmp_path, f"{header}{PUT},1.1,much\n").detail


def test_the_file_says_less_than_its_map(tmp_path: Path) -> None:
    stated = 'quote_time = 2026-11-20T12:29:00-05:00\nunderlying_last = 244\nsource = "Some Broker"\n'
    chain = read(tmp_path, HEADER + TWO, stated)
    at = datetime(2026, 11, 20, 17, 29, tzinfo=UTC)
    assert (chain.answer_time, chain.source) == (at, "Some Broker")
    assert chain.underlying == UnderlyingQuote(last=244.0, last_time=at)


def test_a_map_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    text = f"occ_symbol,bid,answer_time,underlying_last\n{PUT},1.1,2026-11-20T17:28:00Z,244.1\n"
    assert "take one of them out" in refuse(tmp_path, text, "quote_time = 2026-11-20T12:29:00-05:00").detail
    assert "take one out" in refuse(tmp_path, text, "underlying_last = 244.0").detail


def test_quotes_later_than_their_file_are_a_contradiction(tmp_path: Path) -> None:
    text = f"occ_symbol,bid,quote_time\n{PUT},1.1,2026-11-20T%s:00Z\n"
    assert hold(tmp_path, text % "17:34").fetched_at == datetime(2026, 11, 20, 17, 34, tzinfo=UTC)
    error = refuse(tmp_path, text % "17:36")
    assert "later than the file itself" in error.detail
    assert error.symbol == "AAPL"


def test_without_a_header_the_map_names_the_columns(tmp_path: Path) -> None:
    text = f"{PUT};x;1,10;1,15\n{CALL};x;2,00;2,10\nTotal\n"
    stated = 'column_order = ["occ_symbol", "", "bid", "ask"]\nfooter_lines = 1\n'
    chain = read(tmp_path, text, stated)
    assert list(chain.contracts["ask"]) == [1.15, 2.10]
    assert "expected Cboe's quotedata, or a header" in refuse(tmp_path, text).detail
    error = refuse(tmp_path, text, 'column_order = ["occ_symbol", "bid"]')
    assert "found no separator that gives the 2 cells" in error.detail
    error = refuse(tmp_path, text, 'column_order = ["bid", "", "ask", ""]')
    assert "does not identify contracts" in error.detail


def test_a_map_renames_headers_and_they_alone_count(tmp_path: Path) -> None:
    text = f"Kontrakt;Geld;Brief;Bid\n{PUT};1,10;1,15;7,00\n"
    stated = '[columns]\nKontrakt = "occ_symbol"\nGeld = "bid"\nBrief = "ask"\n'
    assert row(read(tmp_path, text, stated))["bid"] == 1.10
    error = refuse(tmp_path, text, f'{stated}Letzter = "last"\n')
    assert "names the header 'Letzter', found 'Kontrakt', 'Geld', 'Brief', 'Bid'" in error.detail
