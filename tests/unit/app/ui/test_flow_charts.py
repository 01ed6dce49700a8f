from __future__ import annotations

import math
from typing import Any

import pytest

from app.ui import flow_charts, flow_view
from scanner.schema import FLOW
from scanner.signals.strikes import Walls, by_strike, walls
from tests.unit.app.ui.flow_frames import flow

CONTRACTS = flow(
    {"strike": 135.0, "option_type": "put", "open_interest": 900.0, "gex": 70.0},
    {"strike": 140.0, "open_interest": 100.0, "gex": 50.0},
    {"strike": 145.0, "open_interest": 400.0, "gex": 20.0},
    {"strike": 150.0, "open_interest": 0.0, "gex": 0.0, "vol_oi_ratio": None, "flags": "new_strike"},
    {"strike": 155.0, "volume": 0.0, "vol_oi_ratio": 0.0},
    {"strike": 160.0, "open_interest": None, "gex": None, "vol_oi_ratio": None, "flags": "oi_unknown"},
)
STRIKES = by_strike(CONTRACTS)


def numbers(values: Any) -> list[float | None]:
    return [None if value is None or math.isnan(value) else float(value) for value in values]


def test_open_interest_stands_at_its_strike_with_walls_and_price() -> None:
    figure = flow_charts.open_interest(STRIKES, walls(STRIKES), 140.0)
    calls, puts, *named = figure.data
    assert list(calls.x) == [135.0, 140.0, 145.0, 150.0, 155.0, 160.0]
    assert numbers(calls.y) == [None, 100.0, 400.0, 0.0, 100.0, None]
    assert numbers(puts.y) == [900.0, None, None, None, None, None]
    lines = [(line.x0, line.line.dash) for line in figure.layout.shapes]
    assert lines == [(135.0, "dot"), (145.0, "dash"), (140.0, "solid")]
    assert [(one.name, one.line.dash) for one in named] == [
        ("put wall 135.00", "dot"),
        ("call wall 145.00", "dash"),
        ("price 140.00", "solid"),
    ]


def test_puts_count_negative_in_gamma_exposure_and_the_axis_says_so() -> None:
    figure = flow_charts.net_gex(STRIKES, walls(STRIKES), 140.0)
    up, down, *_ = figure.data
    assert numbers(down.y)[0] == -70.0
    assert numbers(up.y)[:3] == [None, 50.0, 20.0]
    assert "naive sign" in figure.layout.yaxis.title.text


def test_without_a_price_all_strikes_are_shown() -> None:
    figure = flow_charts.open_interest(STRIKES, Walls(None, None), None)
    assert figure.layout.xaxis.range is None
    assert not figure.layout.shapes


def test_the_scatter_draws_what_a_logarithm_can_show_and_counts_the_rest() -> None:
    figure = flow_charts.volume_against_interest(CONTRACTS)
    calls, puts, line = figure.data
    assert (list(calls.x), list(puts.x)) == ([100.0, 400.0], [900.0])
    assert [y / x for x, y in zip(line.x, line.y, strict=True)] == pytest.approx([3.0, 3.0])
    assert flow_view.undrawn_line(CONTRACTS).startswith(
        "3 of 6 contracts are drawn. The others: 1 not traded today, 1 without open interest before, 1 with unknown"
    )


def test_nothing_to_draw_is_no_error() -> None:
    empty = by_strike(FLOW.empty())
    for figure in (
        flow_charts.open_interest(empty, walls(empty), 140.0),
        flow_charts.net_gex(empty, walls(empty), None),
        flow_charts.volume_against_interest(FLOW.empty()),
    ):
        assert all(set(trace.x) <= {None} for trace in figure.data)


def test_expirations_of_another_root_carry_its_name() -> None:
    rows = flow({"symbol": "SPX", "root": "SPX"}, {"symbol": "SPX", "root": "SPXW"})
    assert flow_view.units(rows).tolist() == ["2026-12-04", "SPXW 2026-12-04"]
