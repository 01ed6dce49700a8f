from __future__ import annotations

import pytest

from app.ui import filters
from scanner.errors import InputError
from scanner.model import BasisKind, EarningsFilter, Grade, PremiumFilters, PriceBasis, Strategy

EVERYTHING_CHANGED = PremiumFilters(
    strategies=(Strategy.CASH_SECURED_PUT, Strategy.COVERED_CALL),
    target_dtes=(14, 45),
    dte_min=5,
    dte_max=60,
    delta_min=0.15,
    delta_max=0.25,
    volume_min=0,
    open_interest_min=500,
    max_stock_price=250.0,
    min_premium_pct=0.5,
    max_spread_pct=10.0,
    min_grade=Grade.B,
    earnings=EarningsFilter.EXCLUDE_KNOWN,
    basis=PriceBasis(BasisKind.FILL, 0.35),
    best_per_expiration=False,
)


@pytest.mark.parametrize(
    "chosen",
    [
        filters.SCANNER_DEFAULTS,
        filters.DATABASE_DEFAULTS,
        EVERYTHING_CHANGED,
        PremiumFilters(basis=PriceBasis(BasisKind.MID)),
    ],
)
def test_widget_values_reproduce_the_filters(chosen: PremiumFilters) -> None:
    assert filters.filters_of(filters.widget_values(chosen)) == chosen


def test_defaults_are_those_of_the_definitions() -> None:
    scanner, database = filters.SCANNER_DEFAULTS, filters.DATABASE_DEFAULTS
    assert (scanner.delta_min, scanner.delta_max) == (0.20, 0.40)
    assert (database.delta_min, database.delta_max) == (0.25, 0.40)
    assert (scanner.volume_min, scanner.open_interest_min) == (100, 50)
    assert scanner.basis == PriceBasis(BasisKind.BID)


def test_slider_values_lose_their_binary_tail() -> None:
    values = filters.widget_values(PremiumFilters())
    values["delta"] = (0.1 + 0.05, 0.1 + 0.2)
    chosen = filters.filters_of(values)
    assert (chosen.delta_min, chosen.delta_max) == (0.15, 0.3)


def test_no_strategy_is_refused() -> None:
    values = filters.widget_values(PremiumFilters()) | {"strategy": []}
    with pytest.raises(InputError):
        filters.filters_of(values)


def test_no_target_means_every_expiration_in_the_window() -> None:
    values = filters.widget_values(PremiumFilters()) | {"target": []}
    assert filters.filters_of(values) == PremiumFilters(target_dtes=())


def test_presets_lie_around_the_deltas_of_their_names() -> None:
    centres = {preset.name: preset.centre for preset in filters.PRESETS}
    assert centres == {"Conservative": 0.20, "Moderate": 0.30, "Aggressive": 0.40}
    for preset in filters.PRESETS:
        low, high = preset.delta
        assert (low + high) / 2 == pytest.approx(preset.centre)
        assert filters.preset_of(preset.delta) == preset.name
    assert filters.preset_of((0.20, 0.40)) is None


def test_an_entry_may_be_a_pasted_list() -> None:
    read = filters.read_symbols(["AAPL", "msft, NYSE:KO\nbrk-b", "AAPL", "???"])
    assert read.symbols == ("AAPL", "MSFT", "KO", "BRK.B")
    assert read.invalid == ("???",)


def test_no_target_days_stand_in_the_address_as_such() -> None:
    assert filters.in_address("db", PremiumFilters(target_dtes=()))["db_target"] == ""
    assert filters.in_address("db", PremiumFilters(target_dtes=(7, 30)))["db_target"] == ["7", "30"]


def test_filters_in_words_name_every_limit_that_is_set() -> None:
    asked = PremiumFilters(
        target_dtes=(),
        max_stock_price=1_250.0,
        min_premium_pct=0.5,
        max_spread_pct=5.0,
        min_grade=Grade.C,
        earnings=EarningsFilter.EXCLUDE,
    )
    assert filters.in_words(asked) == (
        "cash-secured put, |delta| 0.2-0.4, target days any, 1-75 days, volume from 100 or open interest from 50, "
        "basis bid, stock price up to $1,250, premium from 0.5 %, spread up to 5 %, grade C or better, "
        "earnings: exclude"
    )
