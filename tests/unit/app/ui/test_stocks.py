from __future__ import annotations

import pandas as pd
import pytest

from app.services.stocks import OVERVIEW
from app.ui import stocks
from scanner.schema import validate


def overview() -> pd.DataFrame:
    rows = [
        (
            *("AAPL", True, "has options", "Apple Inc.", "Technology", "Consumer Electronics", 3.64e12, 242.38, 0.29),
            *("2027-01-20", "estimated", "2026-12-07", 16.0, "yahoo", 434, None),
        ),
        (
            *("ZZZ", True, "unknown to the source", None, None, None, None, None, None),
            *(None, "unknown", None, None, None, 0, "SymbolNotFoundError: unknown"),
        ),
        (
            *("QQQ", False, "known, not synced", "Invesco QQQ Trust", None, None, None, 600.0, -0.5),
            *(None, "none", None, None, None, 0, None),
        ),
    ]
    names = [name for name in OVERVIEW.names if name != "synced_at"]
    frame = pd.DataFrame(rows, columns=names)
    frame["synced_at"] = pd.Series([pd.Timestamp("2026-11-20T20:00Z"), None, None])
    return validate(frame.astype({column.name: column.dtype for column in OVERVIEW.columns}), OVERVIEW)


def test_a_known_stock_is_shown_with_its_facts_and_age() -> None:
    shown = stocks.overview_frame(overview()).iloc[0]
    assert shown.to_dict() | {"Last error": None} == {
        "Ticker": "AAPL",
        "Name": "Apple Inc.",
        "State": "has options",
        "Sector": "Technology",
        "Industry": "Consumer Electronics",
        "Market cap, $bn": 3640.0,
        "Source": "yahoo",
        "Last": 242.38,
        "Change %": 0.29,
        "Next earnings": "2027-01-20 (est.)",
        "Ex-dividend": "2026-12-07",
        "Synced": "16 s ago",
        "Contracts": 434,
        "Last error": None,
    }


def test_a_stock_never_synced_says_so_and_keeps_unknown_unknown() -> None:
    shown = stocks.overview_frame(overview()).iloc[1]
    assert shown["Synced"] == "never"
    assert shown["Last error"] == "SymbolNotFoundError: unknown"
    assert shown[["Name", "Sector", "Last", "Change %", "Next earnings", "Ex-dividend"]].isna().all()


def test_an_inactive_stock_and_a_fund_say_so() -> None:
    shown = stocks.overview_frame(overview()).iloc[2]
    assert (shown["State"], shown["Next earnings"]) == ("inactive", "none")


@pytest.mark.parametrize(
    ("words", "symbols"),
    [
        ("", ["AAPL", "ZZZ", "QQQ"]),
        ("q", ["QQQ"]),
        ("apple", ["AAPL"]),
        ("electronics tech", ["AAPL"]),
        ("apple qqq", []),
        ("(", []),
        ("trust", ["QQQ"]),
    ],
)
def test_a_stock_is_found_by_any_part_of_its_facts(words: str, symbols: list[str]) -> None:
    assert stocks.searched(overview(), words)["symbol"].tolist() == symbols


def test_a_symbol_that_begins_so_comes_first() -> None:
    rows = overview()
    rows["name"] = ["Zoo of Apples", "Nothing", None]
    assert stocks.searched(rows, "z")["symbol"].tolist() == ["ZZZ", "AAPL"]


def test_the_overview_is_counted_by_what_the_sources_said() -> None:
    line = stocks.summary_line(overview())
    assert line.startswith("**2 stocks**, 1 has options, 1 unknown to the source")
    assert line.endswith("1 with an error in the last sync; 1 inactive")
