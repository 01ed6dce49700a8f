from __future__ import annotations

import math

import pandas as pd
import pytest

from app.ui import sorting

ROWS = pd.DataFrame(
    {
        "symbol": ["KO", "AAPL", "KO", "PEP"],
        "monthly_return": [3.0, 2.0, math.nan, 2.0],
        "delta": [-0.2, -0.3, -0.4, -0.2],
        "grade": ["A", "C", "B", "A"],
    }
)


@pytest.mark.parametrize(
    ("chosen", "order"),
    [
        ([], [0, 1, 2, 3]),
        (["Monthly % ↓"], [0, 1, 3, 2]),
        (["Monthly % ↑"], [1, 3, 0, 2]),
        (["Ticker ↑", "Monthly % ↑"], [1, 0, 2, 3]),
        (["Delta ↑", "Grade ↓"], [2, 1, 0, 3]),
        (["Grade ↑", "Ticker ↓"], [3, 0, 2, 1]),
        (["Monthly % ↓", "Monthly % ↑"], [0, 1, 3, 2]),
    ],
)
def test_the_first_chosen_counts_most_and_unknown_comes_last(chosen: list[str], order: list[int]) -> None:
    assert set(chosen) <= set(sorting.OPTIONS)
    expected = ROWS.iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(sorting.in_order(ROWS, chosen), expected)
