"""Cboe's download in its generations, whole and damaged."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from scanner.model import UnderlyingQuote
from tests.unit.scanner.sources.file.saved import hold, read, refuse
from tests.vendors.saved_files import CBOE_HEADER

HEADER = ",".join(CBOE_HEADER) + "\n"
ROW = (
    "Fri Nov 27 2026,AAPL261127C00240000,6.1,0.5,6.00,6.20,150,0.2512,0.71,0.021,1200,240.00,"
    "AAPL261127P00240000,1.12,-0.1,1.10,1.15,0,0.2498,-0.29,0.021,0\n"
)
TITLE = "Apple Inc,Last: 244.09,Change:  1.2\n"
TIME = '"Date: November 20, 2026 at 12:30 PM EST",Bid: 244.08,Ask: 244.1,Size: 1*1,"Volume: 31,482,292"\n'
FILE = f"\n{TITLE}{TIME}{HEADER}{ROW}"
AT = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


def test_a_file_of_today(tmp_path: Path) -> None:
    chain = read(tmp_path, FILE)
    assert (chain.symbol, chain.format, chain.source) == ("AAPL", "cboe", "Cboe")
    assert (chain.answer_time, chain.stated_time, chain.unreadable) == (AT, AT, {})
    assert chain.underlying == UnderlyingQuote(bid=244.08, ask=244.1, last=244.09, quote_time=AT, volume=31482292.0)
    call, put = chain.contracts.to_dict("records")
    assert (call["occ_symbol"], call["bid"], call["ask"], call["last"]) == ("AAPL261127C00240000", 6.0, 6.2, 6.1)
    assert (call["volume"], call["open_interest"], call["vendor_iv"]) == (150.0, 1200.0, 0.2512)
    assert (put["occ_symbol"], put["volume"], put["open_interest"]) == ("AAPL261127P00240000", 0.0, 0.0)
    assert chain.contracts["quote_time"].isna().all()


def test_the_time_of_the_download_is_when_it_was_fetched(tmp_path: Path) -> None:
    held = hold(tmp_path, FILE)
    assert (held.quote_time, held.fetched_at) == (AT, AT)


@pytest.mark.parametrize(
    ("written", "closed_at"),
    [
        ("November 20, 2026 at 6:50 PM EST", datetime(2026, 11, 20, 21, tzinfo=UTC)),
        ("November 20, 2026 at 9:24 AM EST", datetime(2026, 11, 19, 21, tzinfo=UTC)),
        ("November 28, 2026 at 1:00 AM EST", datetime(2026, 11, 27, 18, tzinfo=UTC)),
    ],
)
def test_outside_the_session_the_quotes_are_of_the_last_close(
    tmp_path: Path, written: str, closed_at: datetime
) -> None:
    """27 November 2026, the day after Thanksgiving, closes at 13:00."""
    chain = read(tmp_path, FILE.replace("November 20, 2026 at 12:30 PM EST", written))
    assert chain.answer_time == closed_at
    assert chain.stated_time is not None
    assert chain.stated_time > closed_at


def test_prices_that_may_be_of_extended_hours_are_unknown(tmp_path: Path) -> None:
    evening = FILE.replace("12:30 PM", "6:50 PM")
    assert read(tmp_path, evening).underlying == UnderlyingQuote()
    stated = read(tmp_path, evening, "underlying_last = 244.0")
    assert stated.underlying == UnderlyingQuote(last=244.0, last_time=datetime(2026, 11, 20, 21, tzinfo=UTC))


def test_on_a_day_without_a_session_the_last_price_is_the_close(tmp_path: Path) -> None:
    holiday = read(tmp_path, FILE.replace("November 20, 2026 at 12:30 PM", "November 26, 2026 at 6:50 PM"))
    close = datetime(2026, 11, 25, 21, tzinfo=UTC)
    assert holiday.underlying == UnderlyingQuote(last=244.09, last_time=close, volume=31482292.0)


def test_an_index_is_not_quoted_and_not_computed_in_the_evening(tmp_path: Path) -> None:
    index = FILE.replace("AAPL", "SPXW").replace("12:30 PM", "6:50 PM")
    chain = read(tmp_path, index)
    assert chain.symbol == "SPX"
    close = datetime(2026, 11, 20, 21, tzinfo=UTC)
    assert chain.underlying == UnderlyingQuote(last=244.09, last_time=close)
    in_session = read(tmp_path, FILE.replace("AAPL", "SPXW"))
    assert in_session.underlying == UnderlyingQuote(last=244.09, last_time=AT)
    assert read(tmp_path, FILE.replace("AAPL", "VIX").replace("12:30 PM", "6:50 PM")).underlying == UnderlyingQuote()


@pytest.mark.parametrize(
    "line",
    [
        "Date: 20 de novembro de 2026 às 12:30 GMT-5,Bid: 244.08,Ask: 244.1,Size: 1*1,Volume: 31482292",
        '"Date: 20. November 2026 um 12:30 GMT-5","Bid: 244,08","Ask: 244,1",Size: 1*1,Volume: 31.482.292',
        "Date: 20 novembre 2026 à 12:30 UTC\u22125,Bid: 244.08,Ask: 244.1,Size: 1*1,Volume: 31\u202f482\u202f292",
        '"Date: 20 de noviembre de 2026, 12:30 GMT-5",Bid: 244.08,Ask: 244.1,Size: 1*1,"Volume: 31.482.292"',
        "Date: 20 de noviembre de 2026, 12:30 GMT-5,Bid: 244.08,Ask: 244.1,Size: 1*1,Volume: 31482292",
        "Date: 20/11/2026 12:30 ET,Bid: 244.08,Ask: 244.1,Size: 1*1,Volume: 31482292",
        "Nov 20 2026 @ 12:30 ET,Bid,244.08,Ask,244.1,Size,1x1,Vol,31482292",
    ],
)
def test_the_line_of_the_time_in_several_languages(tmp_path: Path, line: str) -> None:
    title = '"Last: 244,09"' if "244,08" in line else "Last: 244.09"
    chain = read(tmp_path, f"\nApple Inc,{title},Change: 0\n{line}\n{HEADER}{ROW}")
    assert chain.stated_time == AT
    assert chain.underlying == UnderlyingQuote(bid=244.08, ask=244.1, last=244.09, quote_time=AT, volume=31482292.0)


def test_a_table_with_decimal_commas_between_semicolons(tmp_path: Path) -> None:
    text = FILE.replace('"', "").replace(", 2026 at", " 2026 at").replace(",482,292", "482292")
    text = text.replace(",", ";").replace(".", ",")
    chain = read(tmp_path, text)
    assert list(chain.contracts["bid"]) == [6.0, 1.1]
    assert list(chain.contracts["vendor_iv"]) == [0.2512, 0.2498]
    assert chain.underlying.bid == 244.08


def test_the_generation_of_2020(tmp_path: Path) -> None:
    text = (
        "^SPX (Standard & Poors 500 Index),2304.92,-104.4701\r\n"
        "Mar 20 2020 @ 14:24 ET,Bid,2243.68,Ask,2677.6,Size,1x1,Vol,\r\n"
        "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Vol,IV,Delta,Gamma,Open Int,Strike,"
        "Puts,Last Sale,Net,Bid,Ask,Vol,IV,Delta,Gamma,Open Int\r\n"
        "03/23/2020,SPXW200323C01500000,885.6,-64.8,793,806.7,1,0,0.9311,0.0002,1,1500.000,"
        "SPXW200323P01500000,0.05,-0.1,0,0.05,3,1.7288,-0.0003,0,623\r\n"
    )
    chain = read(tmp_path, text)
    at = datetime(2020, 3, 20, 18, 24, tzinfo=UTC)
    assert (chain.symbol, chain.answer_time) == ("SPX", at)
    assert chain.underlying == UnderlyingQuote(last=2304.92, last_time=at)
    call, put = chain.contracts.to_dict("records")
    assert (call["root"], call["bid"], call["ask"], call["open_interest"]) == ("SPXW", 793.0, 806.7, 1.0)
    assert math.isnan(call["vendor_iv"])
    assert (put["bid"], put["ask"], put["vendor_iv"]) == (0.0, 0.05, 1.7288)


OLD = (
    "IBM (INTL BUSINESS MACHINES),185.08,-0.27,\n"
    "Dec 27 2013 @ 15:06 ET,Bid,184.60,Ask,185.24,Size,1x2,Vol,3382117,\n"
    "Calls,Last Sale,Net,Bid,Ask,Vol,Open Int,Puts,Last Sale,Net,Bid,Ask,Vol,Open Int,\n"
    "13 Dec 125.00 (IBM1327L125),0.0,0.0,58.65,61.90,0,0,13 Dec 125.00 (IBM1327X125),0.0,0.0,0.0,0.01,0,0,\n"
    "13 Dec 125.00 (IBM1327L125-4),0.0,0.0,58.65,62.00,0,0,13 Dec 125.00 (IBM1327X125-4),0.0,0.0,0.0,0.01,0,0,\n"
    "14 Jan 182.50 (IBM1403A182.5),3.1,0.0,3.05,3.15,12,34,14 Jan 182.50 (IBM1403M182.5),0.6,0.0,0.58,0.61,7,8,\n"
)


def test_the_generation_of_2013(tmp_path: Path) -> None:
    """Its codes hold year, day and a letter for month and side; those of single exchanges are counted apart."""
    chain = read(tmp_path, OLD)
    at = datetime(2013, 12, 27, 20, 6, tzinfo=UTC)
    assert (chain.symbol, chain.answer_time) == ("IBM", at)
    assert chain.underlying == UnderlyingQuote(bid=184.60, ask=185.24, last=185.08, quote_time=at, volume=3382117.0)
    assert list(chain.contracts["occ_symbol"]) == [
        "IBM131227C00125000",
        "IBM131227P00125000",
        "IBM140103C00182500",
        "IBM140103P00182500",
    ]
    assert chain.unreadable == {"single_exchange": 2}
    assert chain.contracts["vendor_iv"].isna().all()
    assert list(chain.contracts["open_interest"]) == [0.0, 0.0, 34.0, 8.0]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("14 Jan 182.50 (IBM1403B182.5)", "expiration_mismatch"),
        ("14 Jan 182.50 (IBM1403A185)", "strike_mismatch"),
        ("14 Jan 182.50 (IBM1433A182.5)", "contract_symbol"),
        ("14 Jan 182.50 (IBM1403M182.5)", "side_mismatch"),
        ("09 Jan 85.00 (IBM AQ-E)", "contract_symbol"),
    ],
)
def test_old_codes_that_contradict_themselves(tmp_path: Path, wrong: str, reason: str) -> None:
    chain = read(tmp_path, OLD.replace("14 Jan 182.50 (IBM1403A182.5)", wrong))
    assert chain.unreadable == {"single_exchange": 2, reason: 1}


def test_before_the_calendar_the_market_time_is_unknown(tmp_path: Path) -> None:
    chain = read(tmp_path, OLD.replace("Dec 27 2013", "Dec 27 2012"))
    assert chain.answer_time is None
    assert chain.stated_time == datetime(2012, 12, 27, 20, 6, tzinfo=UTC)
    assert chain.underlying == UnderlyingQuote()


@pytest.mark.parametrize("above", ["", "\n", TITLE, f"\n{TITLE}"])
def test_lines_above_may_be_missing(tmp_path: Path, above: str) -> None:
    chain = read(tmp_path, above + HEADER + ROW)
    assert (chain.symbol, len(chain.contracts)) == ("AAPL", 2)
    assert (chain.answer_time, chain.stated_time, chain.underlying) == (None, None, UnderlyingQuote())


@pytest.mark.parametrize("above", ["", TITLE + TIME])
def test_the_header_may_be_missing(tmp_path: Path, above: str) -> None:
    chain = read(tmp_path, above + ROW)
    assert list(chain.contracts["ask"]) == [6.2, 1.15]
    assert list(chain.contracts["open_interest"]) == [1200.0, 0.0]
    assert chain.answer_time == (AT if above else None)


def test_a_row_of_zeros_says_nothing(tmp_path: Path) -> None:
    nothing = ",".join(["0"] * 9)
    row = f"Fri Nov 27 2026,AAPL261127C00245000,{nothing},245.00,AAPL261127P00245000,{nothing}\n"
    empty = read(tmp_path, FILE + row).contracts.iloc[2:]
    assert empty[["bid", "ask", "last", "volume", "open_interest", "vendor_iv"]].isna().all(axis=None)


def test_rows_that_cannot_be_read_are_counted_by_reason(tmp_path: Path) -> None:
    wrong = {
        "AAPL261127C00241000": "AAPL1261127X00241000",
        "AAPL261127P00242000": "AAPL261127C00252000",
        "243.00": "253.00",
        "Fri Nov 27 2026": "Thu Nov 26 2026",
        "6.00": "=6+0",
        "1200": "12.5",
    }
    rows = []
    for number, (right, changed) in enumerate(wrong.items(), start=1):
        row = ROW.replace("240000", f"24{number}000").replace("240.00", f"24{number}.00")
        assert right in row
        rows.append(row.replace(right, changed))
    text = FILE + "".join(rows)
    assert read(tmp_path, text).unreadable == {
        "contract_symbol": 1,
        "side_mismatch": 1,
        "strike_mismatch": 2,
        "expiration_mismatch": 2,
        "bad_bid": 1,
        "bad_count": 1,
    }


def test_adjusted_roots_belong_to_the_underlying(tmp_path: Path) -> None:
    adjusted = ROW.replace("AAPL", "AAPL1")
    chain = read(tmp_path, FILE + adjusted)
    assert chain.symbol == "AAPL"
    assert list(chain.contracts["adjusted"]) == [False, False, True, True]


def test_a_side_that_is_not_listed_is_no_contract(tmp_path: Path) -> None:
    cells = ROW.strip().split(",")
    row = ",".join([*cells[:12], *([""] * 10)]).replace("240", "245")
    chain = read(tmp_path, FILE + row + "\n")
    assert (len(chain.contracts), chain.unreadable) == (3, {})


@pytest.mark.parametrize("length", [3, 40, 90])
def test_a_cut_file_is_refused(tmp_path: Path, length: int) -> None:
    error = refuse(tmp_path, FILE + ROW[:length])
    assert error.detail.startswith("chain.csv, line 6: the last line does not end")
    assert error.symbol == "AAPL"


def test_a_short_line_is_refused_with_its_number(tmp_path: Path) -> None:
    error = refuse(tmp_path, f"{FILE}Fri Nov 27 2026,AAPL261127C00245000,6.1\n{ROW}")
    assert error.detail.startswith("chain.csv, line 6: found 3 cells, expected 22")
    assert error.symbol == "AAPL"


def test_a_header_without_contracts_is_refused(tmp_path: Path) -> None:
    assert "found no underlying symbol" in refuse(tmp_path, f"\n{TITLE}{TIME}{HEADER}").detail
    two = "SPX (S&P 500 INDEX),2750.79,-16.34\n"
    assert "found no contract below the header" in refuse(tmp_path, two + HEADER).detail


def test_a_number_parted_by_its_comma_is_refused(tmp_path: Path) -> None:
    error = refuse(tmp_path, FILE.replace("Last: 244.09", "Last: 244,09"))
    assert error.detail.startswith("chain.csv, line 2: found '09' without a label")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Downloaded by somebody\n", "above the table, expected the underlying's line"),
        ("Date: yesterday,Bid: 1\n", "the time 'yesterday' cannot be read"),
        ("Date: 03/04/2026 12:30 ET,Bid: 1\n", "date_order"),
        ("Date: November 20 2026 at 12:30 PM XYZ\n", "time zone 'XYZ' is not known"),
    ],
)
def test_lines_above_the_table_that_nobody_knows_are_refused(tmp_path: Path, line: str, why: str) -> None:
    error = refuse(tmp_path, line + HEADER + ROW)
    assert error.detail.startswith("chain.csv, line 1: ")
    assert why in error.detail


def test_a_price_above_the_table_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "'n.a.' above the table" in refuse(tmp_path, FILE.replace("Last: 244.09", "Last: n.a.")).detail


def test_a_stated_order_reads_the_time(tmp_path: Path) -> None:
    text = f"Date: 03/04/2026 12:30 ET\n{HEADER}{ROW}"
    assert read(tmp_path, text, 'date_order = "dmy"').stated_time == datetime(2026, 4, 3, 16, 30, tzinfo=UTC)


def test_the_symbol_of_the_title_must_be_that_of_the_contracts(tmp_path: Path) -> None:
    error = refuse(tmp_path, f"IBM (INTL BUSINESS MACHINES),185.08,-0.27\n{HEADER}{ROW}")
    assert "contracts of AAPL where IBM is stated" in error.detail
    assert read(tmp_path, FILE.replace("Apple Inc", "ALLSTATE (THE)")).symbol == "AAPL"


def test_a_map_states_little_about_this_format(tmp_path: Path) -> None:
    brk = FILE.replace("AAPL", "BRKB")
    assert read(tmp_path, brk, 'symbol = "BRK.B"\nsource = "my archive"').symbol == "BRK.B"
    error = refuse(tmp_path, FILE, 'decimal = ","')
    assert "this is Cboe's format, of which a column map may state" in error.detail


def test_several_underlyings_are_refused(tmp_path: Path) -> None:
    assert "found AAPL, MSFT, expected" in refuse(tmp_path, FILE + ROW.replace("AAPL", "MSFT")).detail


def test_expired_contracts_are_kept(tmp_path: Path) -> None:
    old = ROW.replace("261127", "261119").replace("Fri Nov 27", "Thu Nov 19")
    assert read(tmp_path, FILE + old).listed == (date(2026, 11, 19), date(2026, 11, 27))
