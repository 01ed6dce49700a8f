from __future__ import annotations

import numpy as np
import pytest

from scanner.errors import InputError
from scanner.pricing.smile_fit import Smiles, fit_smiles
from scanner.pricing.term_structure import calendar_arbitrage, constant_maturity_volatility

K = np.linspace(-0.2, 0.2, 41)
ONE = np.zeros(3, dtype=np.intp)


def smiles(*expirations: tuple[float, float], half_spread: float = 1e-3, k: list[np.ndarray] | None = None) -> Smiles:
    """One smile for each (years, volatility at the forward)."""
    points = k or [K] * len(expirations)
    sizes = [len(one) for one in points]
    at = np.concatenate(points)
    years = np.repeat([years for years, _ in expirations], sizes)
    level = np.repeat([level for _, level in expirations], sizes)
    return fit_smiles(
        group=np.repeat(np.arange(len(expirations)), sizes),
        group_count=len(expirations),
        log_moneyness=at,
        years=years,
        volatility=np.sqrt(level**2 * (1 + at**2)),
        half_spread=np.full(len(at), half_spread),
        usable=np.ones(len(at), dtype=np.bool_),
    )


class TestCalendarArbitrage:
    def test_rising_total_variance_is_none(self) -> None:
        found = calendar_arbitrage(smiles((0.3, 0.25), (0.1, 0.30), (0.2, 0.27)), family=ONE)
        assert found.near.tolist() == [1, 2]
        assert found.far.tolist() == [2, 0]
        assert found.excess.tolist() == [0.0, 0.0]
        assert not found.arbitrage.any()

    def test_falling_total_variance_is_flagged_with_its_size(self) -> None:
        """w falls from 0.4^2 x 0.1 = 0.016 to 0.2^2 x 0.2 = 0.008: the near volatility may be sqrt(0.08) at most."""
        found = calendar_arbitrage(smiles((0.1, 0.4), (0.2, 0.2), (0.5, 0.2)), family=ONE)
        assert found.arbitrage.tolist() == [True, False]
        assert found.beyond_spread.tolist() == [True, False]
        at = found.log_moneyness[0]
        assert found.excess[0] == pytest.approx((0.4 - np.sqrt(0.08)) * np.sqrt(1 + at**2), abs=1e-4)
        assert abs(at) == pytest.approx(0.2)

    def test_inside_the_spreads_it_is_arbitrage_of_mids_only(self) -> None:
        found = calendar_arbitrage(smiles((0.1, 0.2), (0.2, 0.14), (0.5, 0.2), half_spread=0.01), family=ONE)
        assert found.arbitrage[0]
        assert not found.beyond_spread[0]

    def test_the_spreads_at_that_strike_count(self) -> None:
        """Total variance falls in the wing only, by 0.02 of volatility; there, or elsewhere, quotes are wide."""
        k = np.tile(K, 2)
        years = np.repeat([0.1, 0.11], len(K))
        level = np.where((years == 0.1) & (k > 0.1), 0.2 + 2 * (k - 0.1) ** 2, 0.2)
        for wide, expected in ((k > 0.05, False), (k < 0.05, True)):
            fits = fit_smiles(
                group=np.repeat([0, 1], len(K)),
                group_count=2,
                log_moneyness=k,
                years=years,
                volatility=level + 1e-6 * k,
                half_spread=np.where(wide, 0.03, 1e-4),
                usable=np.ones(len(k), dtype=np.bool_),
            )
            found = calendar_arbitrage(fits, family=ONE[:2])
            assert found.arbitrage[0]
            assert found.beyond_spread[0] == expected

    def test_families_are_not_compared_and_some_left_out(self) -> None:
        fits = smiles((0.1, 0.4), (0.2, 0.2), (0.5, 0.1))
        assert len(calendar_arbitrage(fits, family=np.array([0, 1, 2])).near) == 0
        assert calendar_arbitrage(fits, family=np.array([0, -1, 0])).far.tolist() == [2]

    def test_expirations_without_a_curve_are_stepped_over(self) -> None:
        fits = smiles((0.1, 0.4), (0.2, 0.2), (0.5, 0.1), k=[K, K[:3], K])
        assert calendar_arbitrage(fits, family=ONE).near.tolist() == [0]

    def test_one_instant_is_not_compared(self) -> None:
        assert len(calendar_arbitrage(smiles((0.1, 0.4), (0.1, 0.2)), family=ONE[:2]).near) == 0

    def test_curves_that_do_not_overlap_say_nothing(self) -> None:
        found = calendar_arbitrage(smiles((0.1, 0.4), (0.2, 0.2), k=[K - 0.5, K]), family=ONE[:2])
        assert np.isnan(found.excess).tolist() == [True]
        assert not found.arbitrage[0]

    def test_nothing_at_all(self) -> None:
        fits = smiles((0.1, 0.4), k=[K[:2]])
        assert len(calendar_arbitrage(fits, family=ONE[:1]).near) == 0

    def test_family_of_another_length_raises(self) -> None:
        with pytest.raises(InputError, match="1 smiles"):
            calendar_arbitrage(smiles((0.1, 0.4)), family=ONE)


class TestConstantMaturity:
    def test_total_variance_is_linear_in_time(self) -> None:
        found = constant_maturity_volatility(smiles((0.05, 0.30), (0.10, 0.20)), family=ONE[:2], family_count=1)
        t = 30 / 365
        near, far = 0.30**2 * 0.05, 0.20**2 * 0.10
        total = near + (far - near) * (t - 0.05) / 0.05
        assert found.volatility[0] == pytest.approx(np.sqrt(total / t), abs=1e-5)
        assert (found.near[0], found.far[0]) == (0, 1)

    def test_an_expiration_of_that_day_is_taken_as_it_is(self) -> None:
        fits = smiles((0.05, 0.4), (0.125, 0.25), (0.2, 0.1))
        found = constant_maturity_volatility(fits, family=ONE, family_count=1, years=0.125)
        assert found.volatility[0] == pytest.approx(0.25, abs=1e-5)
        assert (found.near[0], found.far[0]) == (1, 1)

    def test_the_nearest_on_both_sides(self) -> None:
        fits = smiles((0.3, 0.2), (0.02, 0.2), (0.05, 0.2), (0.1, 0.2))
        found = constant_maturity_volatility(fits, family=np.zeros(4, dtype=np.intp), family_count=1)
        assert (found.near[0], found.far[0]) == (2, 3)
        assert found.volatility[0] == pytest.approx(0.2, abs=1e-5)

    def test_not_bracketed_is_unknown(self) -> None:
        found = constant_maturity_volatility(smiles((0.1, 0.3), (0.2, 0.3)), family=ONE[:2], family_count=2)
        assert np.isnan(found.volatility).all()
        assert found.near.tolist() == [-1, -1]
        assert found.far.tolist() == [-1, -1]

    def test_curves_that_miss_the_forward_do_not_count(self) -> None:
        fits = smiles((0.05, 0.3), (0.1, 0.3), k=[K + 0.5, K])
        assert np.isnan(constant_maturity_volatility(fits, family=ONE[:2], family_count=1).volatility[0])

    @pytest.mark.parametrize("years", [0.0, -1.0, np.nan, np.inf])
    def test_senseless_maturities_raise(self, years: float) -> None:
        with pytest.raises(InputError, match="positive"):
            constant_maturity_volatility(smiles((0.1, 0.3)), family=ONE[:1], family_count=1, years=years)
