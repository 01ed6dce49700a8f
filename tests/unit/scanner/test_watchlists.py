from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import watchlists
from scanner.errors import InputError
from scanner.watchlists import Entry, EntryKind, NotOptionable, decode, optionable, parse, read, render, symbols_of_csv
from tests.reference.shared_data import shared_path


def entry(text: str) -> Entry:
    return Entry(EntryKind.SYMBOL, text)


@given(st.text())
def test_whatever_was_read_is_written_again_byte_for_byte(text: str) -> None:
    assert render(parse(text)) == text


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["NASDAQ:AAPL", "BRK.B", "###Tech stuff", "###", "CME_MINI:ES1!", "^SPX"]),
            st.from_regex(r"[A-Z]{1,5}", fullmatch=True),
        ),
        max_size=30,
    ),
    st.sampled_from([",", ", ", "\n", "\r\n", "\n\n", ",\n"]),
    st.sampled_from(["", "\n", ","]),
)
def test_every_entry_is_found_whatever_stands_between(entries: list[str], separator: str, tail: str) -> None:
    text = separator.join(entries) + tail
    found = parse(text)
    assert [one.text for one in found.entries] == entries
    assert render(found) == text


def test_the_sample_with_sections() -> None:
    text = shared_path("tradingview/sample_with_sections.txt").read_bytes().decode()
    found = parse(text)
    assert render(found) == text
    assert [one.title for one in found.entries if one.kind is EntryKind.SECTION] == re.findall(r"###([^,\n]*)", text)
    assert len(optionable(found.entries)) == len(set(re.findall(r"[A-Z]+:([A-Z.]+)", text)))


def test_empty_sections_and_names_with_spaces_are_kept() -> None:
    found = parse("###One,###Two words,AAPL\n###Three")
    assert [(one.kind.value, one.title or one.text) for one in found.entries] == [
        ("section", "One"),
        ("section", "Two words"),
        ("symbol", "AAPL"),
        ("section", "Three"),
    ]


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("AAPL", "AAPL"),
        ("aapl", "AAPL"),
        ("NASDAQ:AAPL", "AAPL"),
        ("AMEX:SPY", "SPY"),
        ("NYSE:BRK.B", "BRK.B"),
        ("BRK-B", "BRK.B"),
        ("BRK/B", "BRK.B"),
        ("BRKB", "BRK.B"),
        ("NYSE:BF.B", "BF.B"),
        ("SP:SPX", "SPX"),
        ("CBOE:VIX", "VIX"),
        ("^VIX", "VIX"),
        ("NASDAQ:NDX", "NDX"),
    ],
)
def test_what_a_symbol_stands_for(text: str, symbol: str) -> None:
    assert read(entry(text)).symbol == symbol
    assert read(entry(text)).reason is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("BINANCE:BTCUSDT", NotOptionable.CRYPTO),
        ("COINBASE:ETHUSD", NotOptionable.CRYPTO),
        ("BTCUSD", NotOptionable.CRYPTO),
        ("FX:EURUSD", NotOptionable.FOREX),
        ("EURUSD", NotOptionable.FOREX),
        ("CME_MINI:ES1!", NotOptionable.FUTURE),
        ("NQ1!", NotOptionable.FUTURE),
        ("NYMEX:CLZ2026", NotOptionable.FUTURE),
        ("TSX:SHOP", NotOptionable.FOREIGN),
        ("XETR:SAP", NotOptionable.FOREIGN),
        ("LSE:VOD", NotOptionable.FOREIGN),
        ("TVC:DXY", NotOptionable.INDEX),
        ("^GSPC", NotOptionable.INDEX),
        ("AAPL/MSFT", NotOptionable.FORMULA),
        ("NASDAQ:AAPL/NYSE:IBM", NotOptionable.FORMULA),
        ("(SPY+QQQ)", NotOptionable.FORMULA),
        ("日経", NotOptionable.UNREADABLE),
        ("=cmd|x", NotOptionable.UNREADABLE),
    ],
)
def test_what_has_no_options_is_kept_with_its_reason(text: str, reason: NotOptionable) -> None:
    assert read(entry(text)).symbol is None
    assert read(entry(text)).reason is reason


def test_a_symbol_counts_once_however_it_is_written() -> None:
    assert optionable(parse("NASDAQ:AAPL,aapl,BRK.B,BRK-B,BRKB,###A,FX:EURUSD").entries) == ("AAPL", "BRK.B")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"AAPL\nKO", "AAPL\nKO"),
        (b"\xef\xbb\xbfAAPL", "AAPL"),
        ("AAPL,###Überblick".encode(), "AAPL,###Überblick"),
        ("AAPL,KO".encode("utf-16"), "AAPL,KO"),
    ],
)
def test_files_in_usual_encodings(content: bytes, text: str) -> None:
    assert decode(content) == text


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"AAPL\x00KO",
        "Überblick".encode("latin-1"),
        b"\xff\xfeA",
        bytes(range(256)),
        b"A" * 10_000_000,
    ],
)
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"no text|has 10\.0 MB"):
        decode(content)


@given(st.binary(max_size=200))
def test_bytes_are_text_or_an_error_of_ours(content: bytes) -> None:
    try:
        text = decode(content)
    except InputError:
        return
    assert render(parse(text)) == text


def test_more_entries_than_anybody_keeps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchlists, "MOST_ENTRIES", 3)
    parse("A,B,C")
    with pytest.raises(InputError, match="more than 3 entries"):
        parse("A,B,C,D")


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("Symbol,Name\nAAPL,Apple\nBRK.B,Berkshire\n", "AAPL\nBRK.B"),
        ("name;ticker\nApple;AAPL\n;\nCoke;KO", "AAPL\nKO"),
        ('"Ticker","Price"\n"AAPL","1,5"\n', "AAPL"),
        ("AAPL,KO", None),
        ("", None),
    ],
)
def test_the_column_of_symbols_of_a_csv(text: str, symbols: str | None) -> None:
    assert symbols_of_csv(text) == symbols
