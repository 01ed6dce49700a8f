from __future__ import annotations

import pandas as pd

from app.services.stocks import OVERVIEW
from app.ui import stocks
from scanner.schema import validate


def overview() -> pd.DataFrame:
    rows = [
        ("AAPL", "Apple Inc.", "Technology", 242.38, 0.29, "2027-01-20", "estimated", "2026-12-07", 16.0, 434, None),
        ("ZZZ", None, None, None, None, None, "unknown", None, None, 0, "SymbolNotFoundError: unknown"),
    ]
    names = [name for name in OVERVIEW.names if name != "synced_at"]
    frame = pd.DataFrame(rows, columns=names)
    frame["synced_at"] = pd.Series([pd.Timestamp("2026-11-20T20:00Z"), None])
    return validate(frame.astype({column.name: column.dtype for column in OVERVIEW.columns}), OVERVIEW)


def test_a_known_stock_is_shown_with_its_facts_and_age() -> None:
    shown = stocks.overview_frame(overview()).iloc[0]
    assert shown.to_dict() | {"Last error": None} == {
        "Ticker": "AAPL",
        "Name": "Apple Inc.",
        "Sector": "Technology",
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
