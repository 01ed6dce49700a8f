from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from app.ui import charts, text
from scanner.model import PremiumFilters, RejectionReason, ScanResult, Strategy, SymbolCount
from tests.unit.app.ui.frames import AS_OF, call, put, scan_frame, unknown


def result() -> ScanResult:
    counts = (
        SymbolCount("AAPL", 100, 7, {RejectionReason.OTHER_STRATEGY: 50, RejectionReason.NO_BID: 43}),
        SymbolCount("KO", 60, 5, {RejectionReason.OTHER_STRATEGY: 30, RejectionReason.DELTA_OUT_OF_RANGE: 25}),
    )
    return ScanResult(scan_frame(put()), PremiumFilters(), AS_OF, counts)


def test_funnel_goes_from_fetched_through_the_reasons_to_shown_and_adds_up() -> None:
    steps = charts.funnel_steps(result())
    assert list(steps["step"]) == [
        *("Fetched", "Other strategy's side", "No bid", "Delta out of range", "Passed", "Shown"),
    ]
    assert list(steps["contracts"]) == [160, 80, 43, 25, 12, 1]
    rejected = steps.loc[steps["kind"] == "rejected", "contracts"].sum()
    assert steps["contracts"].iloc[0] == rejected + steps["contracts"].iloc[-2]


def test_funnel_bars_descend_like_stairs_and_end_where_the_passed_begin() -> None:
    bars = charts.funnel(charts.funnel_steps(result())).data[0]
    assert list(bars.base) == [0, 80, 37, 12, 0, 0]
    assert list(bars.x) == [160, 80, 43, 25, 12, 1]


def test_every_reason_of_rejection_has_words() -> None:
    assert set(text.REASONS) == set(RejectionReason)


def test_short_put_keeps_the_premium_above_the_strike_and_loses_below_the_break_even() -> None:
    prices = np.array([0.0, 246.9, 250.0, 300.0])
    profit = charts.payoff_per_share(Strategy.CASH_SECURED_PUT, prices, strike=250.0, premium=3.1, spot=262.5)
    assert profit == pytest.approx([-246.9, 0.0, 3.1, 3.1])


def test_covered_call_is_capped_at_the_strike() -> None:
    prices = np.array([0.0, 259.4, 262.5, 275.0, 400.0])
    profit = charts.payoff_per_share(Strategy.COVERED_CALL, prices, strike=275.0, premium=3.1, spot=262.5)
    assert profit == pytest.approx([-259.4, 0.0, 3.1, 15.6, 15.6])


@pytest.mark.parametrize("row", [put(), call()])
def test_payoff_is_per_contract_and_covers_price_strike_and_break_even(row: dict[str, object]) -> None:
    series = scan_frame(row).iloc[0]
    line = charts.payoff(series).data[0]
    assert min(line.x) < min(series["break_even"], series["strike"], series["spot"])
    assert max(line.x) > max(series["break_even"], series["strike"], series["spot"])
    at_break_even = list(line.x).index(series["break_even"])
    assert line.y[at_break_even] == pytest.approx(0.0, abs=1e-9)
    expected = 310.0 if row["strategy"] == "cash_secured_put" else 1560.0
    assert max(line.y) == pytest.approx(expected)


def test_payoff_without_a_volatility_has_no_band() -> None:
    series = scan_frame(put(upper_1sd=np.nan, lower_1sd=np.nan)).iloc[0]
    kinds = [shape.type for shape in charts.payoff(series).layout.shapes]
    assert "rect" not in kinds


def chain() -> pd.DataFrame:
    return scan_frame(
        put(),
        put(strike=240.0, occ_symbol="AAPL261218P00240000", iv=0.31),
        call(),
        call(strike=250.0, otm_pct=-4.8, occ_symbol="AAPL261218C00250000"),
        unknown(strike=200.0, occ_symbol="AAPL261218P00200000"),
    )


def test_smile_tells_puts_from_calls_by_shape_and_rings_the_contract() -> None:
    puts, calls, chosen = charts.smile(chain(), "AAPL261218P00250000").data
    assert list(puts.x) == [240.0, 250.0]
    assert list(puts.y) == pytest.approx([31.0, 28.8])
    assert list(calls.x) == [275.0]
    assert puts.marker.symbol != calls.marker.symbol
    assert puts.line.dash != calls.line.dash
    assert list(chosen.x) == [250.0]
    assert list(chosen.y) == pytest.approx([28.8])


def test_scatter_takes_absolute_delta_and_leaves_unknown_out() -> None:
    figure = charts.delta_return(scan_frame(put(), call(), unknown()))
    assert [trace.name for trace in figure.data] == ["Puts", "Calls"]
    assert [list(trace.x) for trace in figure.data] == [[pytest.approx(0.256)], [pytest.approx(0.291)]]


def test_heat_map_shows_the_median_with_its_number_and_unknown_sectors_apart() -> None:
    rows = scan_frame(put(annual_return=10.0), put(annual_return=30.0), put(annual_return=99.0), unknown())
    sectors = pd.Series(["Energy", "Energy", None, "Energy"])
    heat = charts.sector_heat_map(rows, sectors).data[0]
    assert list(heat.y) == ["Sector unknown", "Energy"]
    assert list(heat.x) == ["28 d"]
    assert np.asarray(heat.z).tolist() == [[99.0], [20.0]]
    assert "n 2" in heat.text[1][0]


def test_yield_by_days_has_one_box_a_side() -> None:
    figure = charts.yield_by_dte(scan_frame(put(dte=7), put(), call()))
    assert [(box.name, list(box.x)) for box in figure.data] == [("Puts", ["7 d", "28 d"]), ("Calls", ["28 d"])]
