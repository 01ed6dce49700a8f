from __future__ import annotations

import math

import numpy as np
import pytest

from scanner.pricing.arrays import Floats
from scanner.pricing.quotes import pair
from scanner.pricing.skew import SkewInputs, fitted_skew_inputs, skew_inputs
from scanner.pricing.smile_fit import fit_smiles

STRIKES = np.repeat([80.0, 85.0, 90.0, 95.0, 100.0, 105.0, 110.0, 115.0], 2)
IS_CALL = np.tile([False, True], 8)
VOLATILITY = np.repeat([0.40, 0.38, 0.36, 0.33, 0.30, 0.29, 0.28, 0.27], 2)
PUT_DELTA = np.array([-0.05, -0.10, -0.20, -0.35, -0.50, -0.65, -0.80, -0.90])
DELTA = np.where(IS_CALL, 1 + np.repeat(PUT_DELTA, 2), np.repeat(PUT_DELTA, 2))


def inputs(
    forward: float = 101.0,
    *,
    volatility: Floats = VOLATILITY,
    delta: Floats = DELTA,
    unusable: tuple[tuple[float, bool], ...] = (),
) -> SkewInputs:
    usable = np.ones(len(STRIKES), dtype=np.bool_)
    for strike, is_call in unusable:
        usable[(strike == STRIKES) & (is_call == IS_CALL)] = False
    group = np.zeros(len(STRIKES), dtype=np.intp)
    return skew_inputs(
        pairs=pair(group, STRIKES, IS_CALL),
        group=group,
        forward=np.array([forward]),
        strike=STRIKES,
        volatility=volatility,
        delta=delta,
        usable=usable,
        is_call=IS_CALL,
    )


def test_linear_in_delta_between_the_bracketing_strikes() -> None:
    found = inputs()
    assert found.iv_25d_put[0] == pytest.approx(0.36 + (0.33 - 0.36) * (0.05 / 0.15))
    assert found.iv_25d_call[0] == pytest.approx(0.29 + (0.28 - 0.29) * (0.10 / 0.15))
    assert found.atm_iv[0] == pytest.approx(0.30 - 0.01 * 1 / 5)


def test_a_strike_at_the_very_delta_is_taken() -> None:
    delta = np.where((STRIKES == 90.0) & ~IS_CALL, -0.25, DELTA)
    assert inputs(delta=delta).iv_25d_put[0] == pytest.approx(0.36)


def test_unusable_strikes_are_stepped_over() -> None:
    found = inputs(unusable=((90.0, False),))
    assert found.iv_25d_put[0] == pytest.approx(0.38 + (0.33 - 0.38) * (0.15 / 0.25))


def test_only_out_of_the_money_contracts_count() -> None:
    """Puts above and calls below the forward may say what they like."""
    inside = np.where(IS_CALL, STRIKES < 101.0, STRIKES > 101.0)
    found = inputs(volatility=np.where(inside, 9.0, VOLATILITY), delta=np.where(inside, 0.25, DELTA))
    assert found.iv_25d_put[0] == pytest.approx(0.35)


def test_a_missing_wing_is_unknown_and_never_zero() -> None:
    deep = tuple((strike, False) for strike in (80.0, 85.0, 90.0))
    found = inputs(unusable=deep)
    assert np.isnan(found.iv_25d_put[0])
    assert not np.isnan(found.iv_25d_call[0])


def test_of_several_crossings_the_one_nearest_the_forward() -> None:
    delta = np.where((STRIKES == 85.0) & ~IS_CALL, -0.30, DELTA)
    assert inputs(delta=delta).iv_25d_put[0] == pytest.approx(0.35)


def test_unknown_deltas_and_volatilities_are_no_points() -> None:
    hole = (STRIKES == 90.0) & ~IS_CALL
    expected = inputs(unusable=((90.0, False),)).iv_25d_put[0]
    assert inputs(delta=np.where(hole, np.nan, DELTA)).iv_25d_put[0] == pytest.approx(expected)
    assert inputs(volatility=np.where(hole, np.nan, VOLATILITY)).iv_25d_put[0] == pytest.approx(expected)


def test_without_a_forward_nothing_is_known() -> None:
    found = inputs(math.nan)
    assert np.isnan([found.iv_25d_put[0], found.iv_25d_call[0], found.atm_iv[0]]).all()


def test_no_contracts_at_all() -> None:
    none, group = np.zeros(0), np.zeros(0, dtype=np.intp)
    found = skew_inputs(
        pairs=pair(group, none, none.astype(np.bool_)),
        group=group,
        forward=np.array([100.0]),
        strike=none,
        volatility=none,
        delta=none,
        usable=none.astype(np.bool_),
        is_call=none.astype(np.bool_),
    )
    assert np.isnan([found.iv_25d_put[0], found.iv_25d_call[0], found.atm_iv[0]]).all()


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def fitted(lowest: float, highest: float, carry: float) -> tuple[SkewInputs, Floats, Floats]:
    k = np.linspace(lowest, highest, 51)
    volatility = 0.25 - 0.3 * k + 0.4 * k * k
    count = len(k)
    smiles = fit_smiles(
        group=np.zeros(count, dtype=np.intp),
        group_count=1,
        log_moneyness=k,
        years=np.full(count, 0.2),
        volatility=volatility,
        half_spread=np.full(count, 1e-3),
        usable=np.ones(count, dtype=np.bool_),
    )
    return fitted_skew_inputs(smiles, carry=np.array([carry])), k, volatility


@pytest.mark.parametrize("carry", [1.0, 0.98])
def test_on_the_curve_the_delta_is_met_exactly(carry: float) -> None:
    """Solved here by halving on the formula the points were made from."""
    found, _, _ = fitted(-0.4, 0.3, carry)

    def at(sign: float) -> float:
        low, high = 0.0, sign * 0.3
        for _ in range(100):
            k = 0.5 * (low + high)
            deviation = (0.25 - 0.3 * k + 0.4 * k * k) * math.sqrt(0.2)
            reached = carry * normal(sign * (-k / deviation + deviation / 2))
            low, high = (low, k) if reached < 0.25 else (k, high)
        return 0.25 - 0.3 * k + 0.4 * k * k

    assert found.iv_25d_put[0] == pytest.approx(at(-1.0), abs=2e-5)
    assert found.iv_25d_call[0] == pytest.approx(at(1.0), abs=2e-5)
    assert found.atm_iv[0] == pytest.approx(0.25, abs=2e-5)


def test_a_curve_that_ends_early_leaves_its_wing_unknown() -> None:
    found, _, _ = fitted(-0.02, 0.3, 1.0)
    assert np.isnan(found.iv_25d_put[0])
    assert found.iv_25d_call[0] > 0
    beyond, _, _ = fitted(0.05, 0.3, 1.0)
    assert np.isnan([beyond.iv_25d_put[0], beyond.atm_iv[0]]).all()
