"""The smiles of chains written by hand, whose volatilities are known."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from scanner.calendar import MarketCalendar
from scanner.pricing.chain import price_chain
from scanner.pricing.chain_smiles import ChainSmiles, chain_smiles
from scanner.pricing.rates import RateCurve
from scanner.pricing.smile_fit import SMILE_REASON_CODE, SmileReason
from tests.unit.scanner.pricing.chains import JULY, RATE, quotes, snapshot

JUNE = date(2025, 6, 20)
STRIKES = np.arange(80.0, 121.0, 2.5).tolist()
FORWARD = 100.5


def smile(strike: float) -> float:
    k = math.log(strike / FORWARD)
    return 0.30 - 0.15 * k + 0.4 * k * k


def smiles_of(calendar: MarketCalendar, *frames: pd.DataFrame) -> tuple[ChainSmiles, pd.DataFrame]:
    chain = snapshot(*frames)
    priced = price_chain(chain, calendar=calendar, rates=RateCurve.flat(RATE))
    return chain_smiles(chain, priced), chain.contracts.assign(iv=priced.columns["iv"])


def row_of(contracts: pd.DataFrame, strike: float, side: str) -> int:
    return int(np.flatnonzero((contracts["strike"] == strike) & (contracts["option_type"] == side))[0])


def test_the_curve_is_the_smile_the_quotes_were_made_of(calendar: MarketCalendar) -> None:
    found, contracts = smiles_of(calendar, quotes(STRIKES, forward=FORWARD, volatility=smile))
    assert found.smiles.reason.tolist() == [0]
    np.testing.assert_allclose(found.volatility, [smile(k) for k in contracts["strike"]], atol=2e-4)
    assert not found.stands_out.any()
    assert np.nanmax(np.abs(found.residual)) < 2e-4


def test_interpolated_skew_lies_on_the_smile(calendar: MarketCalendar) -> None:
    """Where |N(d1)| e^{-qT} is 0.25, found by bisection on the formula."""
    found, _ = smiles_of(calendar, quotes(STRIKES, forward=FORWARD, volatility=smile))
    years = found.smiles.years[0]
    carry = FORWARD * math.exp(-RATE * years) / 100.0

    def excess(strike: float, side: int) -> float:
        deviation = smile(strike) * math.sqrt(years)
        d1 = math.log(FORWARD / strike) / deviation + deviation / 2
        return carry * 0.5 * math.erfc(-side * d1 / math.sqrt(2)) - 0.25

    def at_quarter(side: int, low: float, high: float) -> float:
        for _ in range(80):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if side * excess(middle, side) > 0 else (low, middle)
        return smile(low)

    assert found.fitted_skew.iv_25d_put[0] == pytest.approx(at_quarter(-1, 80.0, 100.0), abs=2e-4)
    assert found.fitted_skew.iv_25d_call[0] == pytest.approx(at_quarter(1, 100.0, 120.0), abs=2e-4)
    assert found.fitted_skew.atm_iv[0] == pytest.approx(0.30, abs=2e-4)
    assert found.skew.iv_25d_put[0] == pytest.approx(found.fitted_skew.iv_25d_put[0], abs=1e-3)


def test_a_quote_off_the_smile_has_an_edge_and_stands_out(calendar: MarketCalendar) -> None:
    frame = quotes(STRIKES, forward=FORWARD, volatility=smile)
    bad = row_of(frame, 90.0, "put")
    frame.loc[bad, ["bid", "ask"]] += 0.30
    found, contracts = smiles_of(calendar, frame)
    assert np.flatnonzero(found.stands_out).tolist() == [bad]
    half_spread = (contracts["ask"][bad] - contracts["bid"][bad]) / 2
    assert found.fair.sell_edge[bad] == pytest.approx(0.30 - half_spread, abs=0.03)
    assert found.fair.buy_edge[bad] < -0.25
    others = (contracts.index != bad) & ~np.isnan(found.fair.price)
    assert np.maximum(found.fair.sell_edge, found.fair.buy_edge)[others].max() < 0.01


def test_wide_quotes_and_contracts_in_the_money_do_not_stand_out(calendar: MarketCalendar) -> None:
    frame = quotes(STRIKES, forward=FORWARD, volatility=smile)
    wide, inside = row_of(frame, 90.0, "put"), row_of(frame, 110.0, "put")
    frame.loc[[wide], ["ask"]] += 1.0
    frame.loc[inside, ["bid", "ask"]] += 0.30
    found, _ = smiles_of(calendar, frame)
    assert not found.stands_out.any()
    assert np.isnan(found.fair.price[inside])


def test_thirty_days_lie_between_two_expirations(calendar: MarketCalendar) -> None:
    near = quotes(STRIKES, forward=FORWARD, volatility=lambda strike: smile(strike) + 0.1, expiration=JUNE)
    found, _ = smiles_of(calendar, near, quotes(STRIKES, forward=FORWARD, volatility=smile))
    month, (early, late) = 30 / 365, found.smiles.years
    total = 0.16 * early + (0.09 * late - 0.16 * early) * (month - early) / (late - early)
    assert found.families == ("AAPL",)
    assert found.constant_maturity.volatility[0] == pytest.approx(math.sqrt(total / month), abs=3e-4)
    assert not found.calendar.arbitrage.any()


def test_total_variance_that_falls_with_time_is_flagged(calendar: MarketCalendar) -> None:
    near = quotes(STRIKES, forward=FORWARD, volatility=lambda strike: smile(strike) + 0.3, expiration=JUNE)
    found, _ = smiles_of(calendar, near, quotes(STRIKES, forward=FORWARD, volatility=smile))
    assert found.days == (JUNE, JULY)
    assert found.calendar.arbitrage.tolist() == [True]
    assert found.calendar.beyond_spread.tolist() == [True]


def test_an_expiration_of_few_strikes_has_no_curve_and_nothing_is_read_off_it(calendar: MarketCalendar) -> None:
    found, _ = smiles_of(calendar, quotes([95.0, 100.0, 105.0], forward=FORWARD, volatility=smile))
    assert found.smiles.reason.tolist() == [SMILE_REASON_CODE[SmileReason.TOO_FEW_POINTS]]
    assert np.isnan(found.volatility).all()
    assert np.isnan(found.fair.sell_edge).all()
    assert not found.stands_out.any()
    assert np.isnan(found.constant_maturity.volatility).all()


def test_a_chain_of_nothing(calendar: MarketCalendar) -> None:
    found, _ = smiles_of(calendar)
    assert len(found.smiles) == 0
    assert found.stands_out.shape == (0,)
