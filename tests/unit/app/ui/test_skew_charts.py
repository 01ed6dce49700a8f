from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from app.services.flow import Mood
from app.services.skew_series import Percentile
from app.services.smiles import Smile
from app.ui import skew_charts, skew_view
from app.ui.skew_charts import MEASURES
from tests.unit.app.ui.flow_frames import skew_rows

EXPIRES = pd.Series(["2026-12-18", None, "2026-12-18"], dtype="datetime64[s]")
SMILE = Smile(
    root="SPY",
    expiration=date(2026, 12, 18),
    fetched_at=datetime(2026, 11, 20, 19, 0, tzinfo=UTC),
    source="simulated",
    forward=100.0,
    points=pd.DataFrame(
        {"strike": [90.0, 110.0], "option_type": ["put", "call"], "iv": [0.3, 0.2], "of_forward": [0.9, 1.1]}
    ),
    curve=pd.DataFrame({"of_forward": [0.9, 1.1], "iv": [0.3, 0.2]}),
    reason=None,
)


def test_a_missing_scan_is_a_gap_in_the_line() -> None:
    times = pd.to_datetime(["2026-11-20T15:00Z", "2026-11-20T15:15Z", "2026-11-20T15:30Z"])
    rows = pd.DataFrame({"timestamp": times, "expiration": EXPIRES, "atm_iv": [0.2, np.nan, 0.25]})
    (line,) = skew_charts.over_time({"SPY": rows}, MEASURES["ATM volatility"]).data
    assert line.connectgaps is False
    np.testing.assert_allclose(line.y, [20.0, np.nan, 25.0])
    assert [str(time)[11:16] for time in pd.to_datetime(line.x)] == ["10:00", "10:15", "10:30"]


def test_sessions_are_named_by_their_day() -> None:
    days = pd.to_datetime(["2026-11-18", "2026-11-19", "2026-11-20"])
    rows = pd.DataFrame({"session": days, "expiration": EXPIRES, "skew_25d": [1.0, 2.0, 3.0]})
    figure = skew_charts.over_time({"SPY": rows}, MEASURES["25-delta skew"])
    assert list(figure.data[0].x) == ["Wed 18 Nov", "Thu 19 Nov", "Fri 20 Nov"]
    assert figure.layout.xaxis.type == "category"


def test_roots_are_lines_of_their_own() -> None:
    rows = skew_rows(
        {"symbol": "SPX", "root": "SPX", "skew_25d": 1.0},
        {"symbol": "SPX", "root": "SPXW", "skew_25d": 2.0},
        {"symbol": "SPY", "root": "SPY", "skew_25d": 3.0},
    )
    figure = skew_charts.term_structure(rows, MEASURES["25-delta skew"])
    assert [(line.name, list(line.y)) for line in figure.data] == [
        ("SPX", [1.0]),
        ("SPX SPXW", [2.0]),
        ("SPY", [3.0]),
    ]


def test_a_smile_has_points_by_side_and_its_curve() -> None:
    puts, calls, curve = skew_charts.smiles({"Latest scan": SMILE}).data
    assert (list(puts.x), list(puts.y), list(calls.x), list(calls.y)) == ([90.0], [30.0], [110.00000000000001], [20.0])
    assert curve.mode == "lines"


def test_sentiment_has_a_gap_where_a_session_has_no_scan() -> None:
    mood = Mood(1, datetime(2026, 11, 20, 21, 0, tzinfo=UTC), "NEUTRAL", 1.5, 0.5, 40, 4)
    figure = skew_charts.sentiment([mood], [date(2026, 11, 19), date(2026, 11, 20)])
    assert list(figure.data[0].y) == [None, 1.5]
    assert figure.data[0].customdata[1] == "Neutral, n 40"


def test_a_percentile_of_too_few_sessions_is_said_to_be_unknown() -> None:
    assert skew_view.percentile_line(Percentile(62.6, 29)) == "Higher than 63 % of 29 earlier sessions"
    assert skew_view.percentile_line(Percentile(None, 3)) == "Percentile unknown: 3 earlier sessions, 10 are needed"
