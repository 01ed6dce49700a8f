from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import SymbolError, UnknownIndexRootError
from scanner.model import OptionType
from scanner.symbols import (
    DEFAULT_UNIVERSE,
    Contract,
    Settlement,
    is_index_root,
    normalise,
    occ_symbol,
    option_root,
    parse_occ,
    parse_symbols,
    settlement,
)

SHARED = Path(__file__).parents[4] / "shared" / "data"

# definitions 4, copied from the page
UNIVERSE = """AAPL MSFT GOOGL AMZN NVDA META TSLA AVGO ORCL AMD CRM GS NFLX IBIT COIN APP PLTR SNOW TEAM CRWD SPY QQQ
AXP JPM C WFC XOM CVX PG JNJ UNH V MA HD WMT KO PEP MRK ABBV CAT TMO LLY DIA IWM"""


def test_default_universe() -> None:
    assert " ".join(DEFAULT_UNIVERSE) == " ".join(UNIVERSE.split())
    assert len(DEFAULT_UNIVERSE) == 44


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        *((root, Settlement.PM) for root in ("SPXW", "NDXP", "RUTW", "XSP", "AAPL", "SPY", "BRKB", "C", "GOOG1")),
        *((root, Settlement.AM) for root in ("SPX", "NDX", "RUT", "DJX", "VIX", "VIXW")),
    ],
)
def test_settlement(root: str, expected: Settlement) -> None:
    assert settlement(root) is expected


def test_settlement_refuses() -> None:
    for root in ("OEX", "XEO", "MRUT", "^SPX", "$NDX"):
        assert is_index_root(root)
        with pytest.raises(UnknownIndexRootError):
            settlement(root)
    for root in ("", "aapl", "BRK.B", "TOOLONG", "1ABC"):
        with pytest.raises(SymbolError):
            settlement(root)


def test_index_roots() -> None:
    assert all(is_index_root(root) for root in ("SPX", "SPXW", "XSP", "VIX", "RUTW"))
    assert not any(is_index_root(root) for root in ("SPY", "QQQ", "AAPL", "BRKB", ""))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("brk-b", "BRK.B"),
        ("BRK/B", "BRK.B"),
        ("BRK.B", "BRK.B"),
        (" aapl ", "AAPL"),
        ("c", "C"),
        ("^spx", "SPX"),
        ("$VIX", "VIX"),
        ("GOOGL", "GOOGL"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "BRK B", "BRK.", ".B", "BRK.B.C", "1234", "TOOLONGX", "ABCDEF.B", "A;B", "ÄB"]
)
def test_normalise_refuses(text: str) -> None:
    with pytest.raises(SymbolError) as caught:
        normalise(text)
    assert caught.value.text == text


def test_normalise_refuses_unknown_index() -> None:
    with pytest.raises(UnknownIndexRootError):
        normalise("^GSPC")


def test_option_root() -> None:
    assert option_root("BRK.B") == "BRKB"
    assert option_root("spy") == "SPY"


@pytest.mark.parametrize(
    ("text", "contract"),
    [
        ("AAPL250117C00150000", Contract("AAPL", date(2025, 1, 17), OptionType.CALL, 150.0)),
        ("AAPL  250117P00152500", Contract("AAPL", date(2025, 1, 17), OptionType.PUT, 152.5)),
        ("C     261120P00000500", Contract("C", date(2026, 11, 20), OptionType.PUT, 0.5)),
        ("SPXW  250221C06125000", Contract("SPXW", date(2025, 2, 21), OptionType.CALL, 6125.0)),
        ("GOOG1 151224C00747500", Contract("GOOG1", date(2015, 12, 24), OptionType.CALL, 747.5)),
    ],
)
def test_occ_codes(text: str, contract: Contract) -> None:
    assert parse_occ(text) == contract
    assert contract.occ == text.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        *("", "AAPL", "AAPL250117X00150000", "AAPL250230C00150000", "AAPL25011C00150000", "AAPL250117C0015000"),
        *(
            "AAPL250117C00000000",
            "aapl250117C00150000",
            "TOOLONG250117C00150000",
            "250117C00150000",
            "O:AAPL250117C00150000",
        ),
    ],
)
def test_parse_occ_refuses(text: str) -> None:
    with pytest.raises(SymbolError):
        parse_occ(text)


@pytest.mark.parametrize("strike", [0.0, -5.0, 100_000.0, 12.3456, float("nan"), float("inf")])
def test_occ_symbol_refuses_strikes(strike: float) -> None:
    with pytest.raises(SymbolError):
        occ_symbol("AAPL", date(2025, 1, 17), OptionType.CALL, strike)


def test_occ_symbol_refuses_roots() -> None:
    with pytest.raises(SymbolError):
        occ_symbol("BRK.B", date(2025, 1, 17), OptionType.CALL, 100.0)


@given(
    root=st.from_regex(r"[A-Z][A-Z0-9]{0,5}", fullmatch=True),
    expiration=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    option_type=st.sampled_from(OptionType),
    thousandths=st.integers(1, 99_999_999),
)
def test_occ_round_trip(root: str, expiration: date, option_type: OptionType, thousandths: int) -> None:
    contract = Contract(root, expiration, option_type, thousandths / 1000)
    assert parse_occ(contract.occ) == contract
    assert contract.occ[-8:] == f"{thousandths:08d}"


def test_pasted_list() -> None:
    parsed = parse_symbols('aapl, MSFT;brk/b\tNYSE:BRK.B\n"SPY" 123 aapl\r\n?? 123 NASDAQ:')
    assert parsed.symbols == ("AAPL", "MSFT", "BRK.B", "SPY")
    assert parsed.invalid == ("123", "??", "NASDAQ:")


def test_pasted_nothing() -> None:
    assert parse_symbols(" \n,; ") == parse_symbols("")
    assert parse_symbols("").symbols == ()


def test_tradingview_export() -> None:
    folder = SHARED / "tradingview"
    if not folder.is_dir():
        pytest.skip(f"real data is not here: {folder}")
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
    parsed = parse_symbols(texts[0])
    assert parsed.symbols[:3] == ("AAPL", "AVGO", "ACN")
    assert parsed.symbols[-3:] == ("NBIS", "BRK.B", "ASTS")
    assert len(parsed.symbols) == 36
    assert parsed.invalid == ()
