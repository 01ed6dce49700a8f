from __future__ import annotations

import pandas as pd

from app.ui.watchlist_table import best_of
from scanner.model import Strategy

ROWS = pd.DataFrame(
    {
        "symbol": ["KO", "KO", "KO", "AAPL"],
        "strategy": ["cash_secured_put", "cash_secured_put", "covered_call", "cash_secured_put"],
        "option_type": ["put", "put", "call", "put"],
        "expiration": pd.to_datetime(["2026-12-18", "2026-12-04", "2026-12-18", "2026-12-18"]),
        "strike": [60.0, 62.5, 70.0, 200.0],
        "monthly_return": [1.5, 2.345, 3.0, None],
    }
)


def test_the_best_contract_of_each_symbol_in_words() -> None:
    puts = best_of(ROWS, Strategy.CASH_SECURED_PUT, ["MSFT", "KO", "AAPL"])
    assert puts == [None, "2026-12-04 62.5 put, 2.35 % a month", None]
    assert best_of(ROWS, Strategy.COVERED_CALL, ["KO"]) == ["2026-12-18 70 call, 3.00 % a month"]


def test_without_rows_nothing_is_known() -> None:
    assert best_of(ROWS[:0], Strategy.COVERED_CALL, ["KO", "AAPL"]) == [None, None]
