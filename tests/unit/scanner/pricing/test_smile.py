from __future__ import annotations

import numpy as np
import pytest

from scanner.pricing.arrays import Floats
from scanner.pricing.quotes import pair
from scanner.pricing.smile import atm_volatility, expected_moves

STRIKES = np.repeat([90.0, 95.0, 100.0, 105.0, 110.0], 2)
IS_CALL = np.tile([False, True], 5)
GROUP = np.zeros(10, dtype=np.intp)
VOLATILITY = np.repeat([0.34, 0.32, 0.30, 0.29, 0.28], 2)


def at_the_money(forward: float, *, volatility: Floats = VOLATILITY, keep: slice = slice(None)) -> float:
    return float(
        atm_volatility(
            pairs=pair(GROUP[keep], STRIKES[keep], IS_CALL[keep]),
            group=GROUP[keep],
            forward=np.array([forward]),
            strike=STRIKES[keep],
            volatility=volatility[keep],
            usable=~np.isnan(volatility[keep]),
            is_call=IS_CALL[keep],
        )[0]
    )


class TestAtmVolatility:
    def test_linear_in_strike_between_its_neighbours(self) -> None:
        assert at_the_money(97.0) == pytest.approx(0.32 - 0.02 * 2 / 5)

    def test_on_a_strike_it_is_that_strikes(self) -> None:
        assert at_the_money(100.0) == pytest.approx(0.30)

    def test_unusable_neighbours_are_stepped_over(self) -> None:
        known = np.where(STRIKES == 100.0, np.nan, VOLATILITY)
        assert at_the_money(97.0, volatility=known) == pytest.approx(0.32 - 0.03 * 2 / 10)

    def test_only_out_of_the_money_sides_count(self) -> None:
        """Puts below and calls above the forward; the other sides may say what they like."""
        inside = np.where(IS_CALL, STRIKES < 97.0, STRIKES > 97.0)
        assert at_the_money(97.0, volatility=np.where(inside, 9.0, VOLATILITY)) == pytest.approx(0.312)

    @pytest.mark.parametrize("forward", [89.0, 111.0, np.nan])
    def test_not_bracketed_is_unknown(self, forward: float) -> None:
        assert np.isnan(at_the_money(forward))

    def test_no_contracts_at_all(self) -> None:
        assert np.isnan(at_the_money(97.0, keep=slice(0)))

    def test_groups_do_not_mix(self) -> None:
        group = np.concatenate([GROUP, GROUP + 2])
        strike, is_call = np.tile(STRIKES, 2), np.tile(IS_CALL, 2)
        volatility = np.concatenate([VOLATILITY, VOLATILITY + 0.1])
        found = atm_volatility(
            pairs=pair(group, strike, is_call),
            group=group,
            forward=np.array([97.0, 97.0, 102.5]),
            strike=strike,
            volatility=volatility,
            usable=np.ones(20, dtype=bool),
            is_call=is_call,
        )
        np.testing.assert_allclose(found, [0.312, np.nan, 0.395])


class TestExpectedMoves:
    MID = np.where(IS_CALL, 2.0, 3.0) + STRIKES / 100

    def moves(self, forward: float, mid: Floats = MID) -> float:
        pairs = pair(GROUP, STRIKES, IS_CALL)
        return float(expected_moves(pairs=pairs, group=GROUP, forward=np.array([forward]), strike=STRIKES, mid=mid)[0])

    def test_straddle_at_the_strike_nearest_the_forward(self) -> None:
        assert self.moves(101.0) == pytest.approx(7.0)
        assert self.moves(103.0) == pytest.approx(7.1)

    def test_a_tie_takes_the_lower_strike(self) -> None:
        assert self.moves(102.5) == pytest.approx(7.0)

    def test_a_leg_without_a_mid_leaves_it_unknown(self) -> None:
        """The next strike is not taken instead: its straddle is another number."""
        assert np.isnan(self.moves(101.0, np.where((STRIKES == 100.0) & IS_CALL, np.nan, self.MID)))

    def test_without_a_forward_it_is_unknown(self) -> None:
        assert np.isnan(self.moves(np.nan))

    def test_strikes_that_list_one_side_only_are_no_straddle(self) -> None:
        keep = ~((STRIKES == 100.0) & IS_CALL)
        pairs = pair(GROUP[keep], STRIKES[keep], IS_CALL[keep])
        found = expected_moves(
            pairs=pairs, group=GROUP[keep], forward=np.array([101.0]), strike=STRIKES[keep], mid=self.MID[keep]
        )
        assert found.tolist() == pytest.approx([7.1])

    def test_no_pairs_at_all(self) -> None:
        none = np.zeros(0)
        pairs = pair(GROUP[:0], none, IS_CALL[:0])
        found = expected_moves(pairs=pairs, group=GROUP[:0], forward=np.array([np.nan]), strike=none, mid=none)
        assert np.isnan(found).tolist() == [True]
