from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pandas as pd

from app.ui import flow_tables
from scanner.calendar import MarketCalendar
from scanner.schema import FLOW_ROWS
from tests.unit.app.ui.flow_frames import SLOT, opportunities
from tests.unit.app.ui.frames import AS_OF

CALENDAR = MarketCalendar.around(AS_OF)
TODAY = date(2026, 11, 20)
SATURDAY = AS_OF + timedelta(days=1)


def shown(*changes: dict[str, Any], counts: dict[str, int] | None = None) -> pd.DataFrame:
    rows = opportunities(*changes)
    return flow_tables.opportunity_table(rows, counts or {}, CALENDAR.clock(AS_OF), AS_OF, TODAY)


def test_score_and_parts_stand_beside_each_other() -> None:
    row = shown({}, counts={"NVDA": 23}).iloc[0]
    parts = [row[name] for name in ("whale_points", "fresh_points", "skew_points")]
    assert sum(parts) == row["composite_score"] == 75
    assert (row["expires"], row["side"], row["signal"]) == ("2026-12-04 (14)", "Call", "Contrarian bull")
    assert (row["score_percentile"], row["earlier_scores"]) == (83.0, 23.0)
    assert row["scan"] == "15 min ago"


def test_a_percentile_without_history_is_unknown() -> None:
    row = shown({"score_percentile": None}, counts={"NVDA": 0}).iloc[0]
    assert math.isnan(row["score_percentile"])
    assert math.isnan(row["earlier_scores"])


def test_a_closed_market_is_no_old_scan() -> None:
    rows = opportunities({})
    table = flow_tables.opportunity_table(rows, {}, CALENDAR.clock(SATURDAY), SATURDAY, date(2026, 11, 21))
    assert table["scan"].tolist() == ["closed (Fri 14:45)"]


def test_the_scan_of_another_session_names_its_day() -> None:
    yesterday = {"timestamp": SLOT - timedelta(days=1)}
    assert shown(yesterday)["scan"].tolist() == ["session before (Thu 14:45)"]


def test_flow_is_sorted_by_expiration_and_keeps_its_order_within() -> None:
    rows = pd.DataFrame(
        {
            **{name: pd.Series([None] * 3) for name in FLOW_ROWS.names},
            "expiration": pd.to_datetime(["2026-12-11", "2026-12-04", "2026-12-11"]),
            "option_type": ["call", "put", "put"],
            "strike": [3.0, 1.0, 2.0],
            "dollar_ratio": [0.002, math.nan, 0.01],
            "iv": [0.3, math.nan, 0.5],
        }
    )
    table = flow_tables.flow_table(rows, flow_tables.WHALE_COLUMNS, TODAY)
    assert table["strike"].tolist() == [1.0, 3.0, 2.0]
    assert table["expires"].tolist() == ["2026-12-04 (14)", "2026-12-11 (21)", "2026-12-11 (21)"]
    assert table["dollar_ratio"].tolist()[1:] == [0.2, 1.0]
    assert table["iv"].tolist()[1:] == [30.0, 50.0]


def test_every_column_explains_itself() -> None:
    for columns in (
        flow_tables.OPPORTUNITY_COLUMNS,
        flow_tables.WHALE_COLUMNS,
        flow_tables.FRESH_COLUMNS,
        flow_tables.NEW_COLUMNS,
    ):
        assert all(column["help"] for column in columns.values())
