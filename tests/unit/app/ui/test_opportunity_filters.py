from __future__ import annotations

from typing import Any

import pytest

from app.ui.opportunity_filters import Wanted, passing
from tests.unit.app.ui.flow_frames import opportunities

ROWS = opportunities(
    {},
    {"symbol": "KO", "option_type": "put", "composite_score": 40, "signal_type": "NEUTRAL", "expiration": "2026-12-11"},
    {"symbol": "SPY", "composite_score": 40},
)


@pytest.mark.parametrize(
    ("wanted", "symbols"),
    [
        ({}, ["NVDA", "KO", "SPY"]),
        ({"score": 40}, ["NVDA", "KO", "SPY"]),
        ({"score": 41}, ["NVDA"]),
        ({"side": "put"}, ["KO"]),
        ({"side": "call"}, ["NVDA", "SPY"]),
        ({"signals": ("NEUTRAL", "MOMENTUM_BULL")}, ["KO"]),
        ({"symbols": ("SPY", "KO")}, ["KO", "SPY"]),
        ({"expirations": ("2026-12-11",)}, ["KO"]),
        ({"expirations": ("not a date",)}, []),
        ({"score": 41, "symbols": ("KO",)}, []),
    ],
)
def test_each_filter_and_all_together(wanted: dict[str, Any], symbols: list[str]) -> None:
    assert passing(ROWS, Wanted(**wanted))["symbol"].tolist() == symbols


def test_filters_are_written_into_the_csv() -> None:
    assert str(Wanted(score=60, symbols=("KO", "SPY"))) == (
        "min_composite_score=60; signal_type=all; option_type=both; symbols=KO+SPY; expirations=all"
    )
