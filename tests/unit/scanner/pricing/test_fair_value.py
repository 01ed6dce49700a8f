from __future__ import annotations

import math

import numpy as np
import pytest

from scanner.pricing.fair_value import FairValues, fair_values, stands_out
from scanner.pricing.smile_fit import fit_smiles


def fair(bid: float, ask: float, *, volatility: float = 0.2, is_call: bool = True) -> FairValues:
    return fair_values(
        forward=100.0, strike=100.0, years=0.25, rate=0.04, volatility=volatility, is_call=is_call, bid=bid, ask=ask
    )


WORTH = math.exp(-0.01) * 100 * math.erf(0.05 / math.sqrt(2))
"""At the forward, e^{-rT} F (2 N(sigma sqrt T/2) - 1)."""


def test_price_and_edges() -> None:
    found = fair(4.0, 4.2)
    assert found.price == pytest.approx(WORTH)
    assert found.sell_edge == pytest.approx(4.0 - WORTH)
    assert found.buy_edge == pytest.approx(WORTH - 4.2)
    assert fair(4.0, 4.2, is_call=False).price == pytest.approx(WORTH)


def test_a_fair_quote_has_no_edge_either_way() -> None:
    found = fair(WORTH - 0.05, WORTH + 0.05)
    assert found.sell_edge == pytest.approx(-0.05)
    assert found.buy_edge == pytest.approx(-0.05)


def test_unknown_stays_unknown() -> None:
    found = fair(math.nan, 4.2)
    assert np.isnan(found.sell_edge)
    assert found.buy_edge == pytest.approx(WORTH - 4.2)
    assert np.isnan(fair(4.0, 4.2, volatility=math.nan).sell_edge)


class TestStandsOut:
    """Five volatilities of a flat smile known to 0.002 each: a quote is off beyond its own half spread and 0.004."""

    SMILES = fit_smiles(
        group=np.zeros(5, dtype=np.intp),
        group_count=1,
        log_moneyness=np.linspace(-0.2, 0.2, 5),
        years=np.full(5, 0.25),
        volatility=0.3 + 1e-6 * np.arange(5),
        half_spread=np.full(5, 0.002),
        usable=np.ones(5, dtype=np.bool_),
    )

    @pytest.mark.parametrize(
        ("residual", "half_spread", "expected"),
        [
            (0.0059, 0.002, False),
            (0.0061, 0.002, True),
            (-0.0061, 0.002, True),
            (0.0061, 0.003, False),
            (math.nan, 0.002, False),
            (0.1, math.nan, False),
        ],
    )
    def test_limits(self, residual: float, half_spread: float, expected: bool) -> None:
        found = stands_out(self.SMILES, group=np.zeros(1, dtype=np.intp), residual=[residual], half_spread=half_spread)
        assert found.tolist() == [expected]
