"""The fitted smile against curves known in closed form, and against bad input of every kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import InputError
from scanner.pricing.arrays import Floats
from scanner.pricing.black_scholes import price
from scanner.pricing.smile_fit import (
    SMILE_REASONS,
    SmileReason,
    Smiles,
    curve_points,
    curve_volatility,
    fit_smiles,
)

YEARS = 0.25
K = np.linspace(-0.35, 0.25, 61)
Svi = Callable[[Floats], Floats]


def svi(a: float, b: float, rho: float, m: float, sigma: float) -> Svi:
    """J. Gatheral, A. Jacquier (2014), equation 3.1."""
    return lambda k: a + b * (rho * (k - m) + np.sqrt((k - m) ** 2 + sigma**2))


SMILE = svi(0.004, 0.06, -0.6, 0.02, 0.08)
VOGT = svi(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
"""Example 3.1 there, of A. Vogt, for one year: not free of butterfly arbitrage although w is convex."""


def fit(
    k: Floats, volatility: Floats, *, years: float = YEARS, half_spread: float = 1e-3, group: Floats | None = None
) -> Smiles:
    numbers = np.zeros(len(k), dtype=np.intp) if group is None else group.astype(np.intp)
    return fit_smiles(
        group=numbers,
        group_count=1 if group is None else int(group.max()) + 1,
        log_moneyness=k,
        years=np.full(len(k), years),
        volatility=volatility,
        half_spread=np.full(len(k), half_spread),
        usable=np.ones(len(k), dtype=np.bool_),
    )


def on_curve(smiles: Smiles, k: Floats, years: float = YEARS) -> Floats:
    numbers = np.zeros(len(k), dtype=np.intp)
    return curve_volatility(smiles, group=numbers, log_moneyness=k, years=np.full(len(k), years))


def smile_volatility(k: Floats) -> Floats:
    return np.asarray(np.sqrt(SMILE(k) / YEARS))


def reason_of(smiles: Smiles) -> SmileReason | None:
    code = int(smiles.reason[0])
    return SMILE_REASONS[code - 1] if code else None


def least_g(smiles: Smiles) -> float:
    k = np.linspace(smiles.lowest[0], smiles.highest[0], 5001)
    return float(curve_points(smiles, group=np.zeros(5001, dtype=np.intp), log_moneyness=k).g.min())


class TestKnownCurves:
    def test_a_smooth_smile_is_met_between_the_points_too(self) -> None:
        smiles = fit(K, smile_volatility(K))
        between = np.linspace(K[0], K[-1], 997)
        assert reason_of(smiles) is None
        np.testing.assert_allclose(on_curve(smiles, between), smile_volatility(between), atol=5e-5)
        assert smiles.points[0] == 61
        assert smiles.inside[0] == 1.0
        assert not smiles.mended[0]
        assert smiles.years[0] == pytest.approx(YEARS)

    def test_few_strikes_give_the_outline(self) -> None:
        k = K[::10]
        smiles = fit(k, smile_volatility(k))
        np.testing.assert_allclose(on_curve(smiles, K), smile_volatility(K), atol=0.01)

    def test_noise_inside_the_spread_is_smoothed_away(self) -> None:
        noise = np.random.default_rng(7).normal(size=len(K)) * 5e-4
        smiles = fit(K, smile_volatility(K) + noise)
        off = on_curve(smiles, K) - smile_volatility(K)
        assert np.sqrt(np.mean(off**2)) < 0.6 * np.sqrt(np.mean(noise**2))
        assert smiles.inside[0] > 0.9

    def test_tight_quotes_count_for_more(self) -> None:
        wrong = np.where(np.arange(len(K)) % 2 == 0, 0.004, 0.0)
        numbers = np.zeros(len(K), dtype=np.intp)
        smiles = fit_smiles(
            group=numbers,
            group_count=1,
            log_moneyness=K,
            years=np.full(len(K), YEARS),
            volatility=smile_volatility(K) + wrong,
            half_spread=np.where(wrong > 0, 0.02, 5e-4),
            usable=np.ones(len(K), dtype=np.bool_),
        )
        assert np.abs(on_curve(smiles, K) - smile_volatility(K)).max() < 5e-4

    def test_a_few_wild_quotes_do_not_bend_it_and_stand_out(self) -> None:
        rng = np.random.default_rng(3)
        quoted = smile_volatility(K) + rng.normal(size=len(K)) * 2e-4
        wild = np.array([8, 25, 47])
        quoted[wild] += [0.05, -0.04, 0.06]
        smiles = fit(K, quoted)
        residual = np.abs(quoted - on_curve(smiles, K))
        assert set(np.argsort(residual)[-3:]) == set(wild)
        assert np.abs(on_curve(smiles, K) - smile_volatility(K)).max() < 0.002
        assert smiles.worst[0] > 0.03

    def test_groups_do_not_mix_and_order_does_not_matter(self) -> None:
        k = np.tile(K, 2)
        group = np.repeat([0.0, 1.0], len(K))
        volatility = smile_volatility(k) * np.where(group > 0, 1.3, 1.0)
        mixed = np.random.default_rng(1).permutation(len(k))
        both = fit(k[mixed], volatility[mixed], group=group[mixed])
        for number, factor in ((0, 1.0), (1, 1.3)):
            alone = fit(K, smile_volatility(K) * factor)
            assert np.array_equal(both.pieces[number], alone.pieces[0], equal_nan=True)

    def test_read_only_and_strided_arrays(self) -> None:
        volatility = np.repeat(smile_volatility(K), 2)[::2]
        volatility.setflags(write=False)
        assert np.array_equal(fit(K, volatility).pieces, fit(K, smile_volatility(K)).pieces, equal_nan=True)


class TestArbitrage:
    def test_vogts_smile_has_it_and_the_curve_does_not(self) -> None:
        k = np.linspace(-1.5, 1.5, 121)
        h = 1e-4
        slope = (VOGT(k + h) - VOGT(k - h)) / (2 * h)
        bend = (VOGT(k + h) - 2 * VOGT(k) + VOGT(k - h)) / h**2
        w = VOGT(k)
        raw = (1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + bend / 2
        assert raw.min() < -0.01
        smiles = fit(k, np.sqrt(w), years=1.0, half_spread=0.005)
        assert reason_of(smiles) is None
        assert smiles.mended[0]
        assert smiles.slack[0] >= 0
        assert least_g(smiles) >= 0
        assert smiles.worst[0] < 0.01

    def test_g_is_the_density(self) -> None:
        """g phi(d2)/(K sqrt w) against the second difference of call prices in the strike (Breeden, Litzenberger)."""
        smiles = fit(K, smile_volatility(K))
        k = np.linspace(-0.3, 0.2, 11)
        strike, step = np.exp(k), 1e-3

        def call(level: Floats) -> Floats:
            return price(
                spot=1.0,
                strike=level,
                years=YEARS,
                rate=0.0,
                dividend_yield=0.0,
                volatility=on_curve(smiles, np.log(level)),
                is_call=True,
            )

        density = (call(strike + step) - 2 * call(strike) + call(strike - step)) / step**2
        points = curve_points(smiles, group=np.zeros(11, dtype=np.intp), log_moneyness=k)
        root = np.sqrt(points.variance)
        d2 = -k / root - root / 2
        expected = points.g * np.exp(-0.5 * d2**2) / np.sqrt(2 * np.pi) / (strike * root)
        np.testing.assert_allclose(density, expected, rtol=2e-3, atol=1e-4)

    def test_slope_and_bend_are_derivatives(self) -> None:
        smiles = fit(K, smile_volatility(K))
        k, h = np.linspace(-0.3, 0.2, 37), 1e-5
        numbers = np.zeros(37, dtype=np.intp)
        here, up, down = (curve_points(smiles, group=numbers, log_moneyness=k + move) for move in (0, h, -h))
        np.testing.assert_allclose(here.slope, (up.variance - down.variance) / (2 * h), atol=1e-8)
        np.testing.assert_allclose(here.bend, (up.slope - down.slope) / (2 * h), atol=1e-5)

    def test_noise_that_implies_arbitrage_is_mended_within_the_spread(self) -> None:
        k = np.linspace(-0.1, 0.1, 41)
        base = 0.1 - 0.15 * k + 0.5 * k**2
        quoted = base + np.random.default_rng(11).normal(size=41) * 0.004
        smiles = fit(k, quoted, years=0.02, half_spread=0.008)
        assert reason_of(smiles) is None
        assert least_g(smiles) >= 0
        assert np.abs(on_curve(smiles, k, 0.02) - base).max() < 0.008

    def test_quotes_no_curve_can_meet_are_refused(self) -> None:
        """Volatility that grows by 5 per unit of |k| makes calls grow dearer with the strike."""
        smiles = fit(K, 0.2 + 5 * np.abs(K), years=0.1)
        assert reason_of(smiles) is SmileReason.ARBITRAGE
        assert np.isnan(on_curve(smiles, K)).all()
        assert np.isnan([smiles.rms[0], smiles.slack[0], smiles.lowest[0], smiles.years[0], smiles.inside[0]]).all()


class TestBadInput:
    @pytest.mark.parametrize("count", [0, 1, 4])
    def test_too_few_points(self, count: int) -> None:
        smiles = fit(K[:count], smile_volatility(K[:count]))
        assert reason_of(smiles) is SmileReason.TOO_FEW_POINTS
        assert smiles.points[0] == count

    def test_five_are_enough(self) -> None:
        assert reason_of(fit(K[::12][:5], smile_volatility(K[::12][:5]))) is None

    def test_one_strike_many_times_is_one_point(self) -> None:
        assert reason_of(fit(np.zeros(40), smile_volatility(K[:40]))) is SmileReason.TOO_FEW_POINTS

    def test_coinciding_strikes_are_fitted_together(self) -> None:
        k = np.repeat(K[::6], 3)
        assert reason_of(fit(k, smile_volatility(k))) is None

    def test_one_volatility_copied_is_no_smile(self) -> None:
        smiles = fit(K, np.full(len(K), 0.500005))
        assert reason_of(smiles) is SmileReason.ALL_EQUAL
        assert np.isnan(on_curve(smiles, K)).all()

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -0.2])
    def test_bad_volatilities_are_left_out_and_counted(self, bad: float) -> None:
        volatility = smile_volatility(K)
        volatility[[3, 30]] = bad
        smiles = fit(K, volatility)
        assert reason_of(smiles) is None
        assert (smiles.points[0], smiles.invalid[0]) == (59, 2)
        assert np.abs(on_curve(smiles, K) - smile_volatility(K)).max() < 2e-4

    @pytest.mark.parametrize("argument", ["log_moneyness", "years", "half_spread"])
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -1e300])
    def test_other_bad_numbers_too(self, argument: str, bad: float) -> None:
        columns = {
            "log_moneyness": K.copy(),
            "years": np.full(len(K), YEARS),
            "volatility": smile_volatility(K),
            "half_spread": np.full(len(K), 1e-3),
        }
        columns[argument][5] = bad
        smiles = fit_smiles(
            group=np.zeros(len(K), dtype=np.intp), group_count=1, usable=np.ones(len(K), dtype=np.bool_), **columns
        )
        assert (smiles.reason[0], smiles.points[0], smiles.invalid[0]) == (0, 60, 1)

    def test_crossed_quotes_are_no_points(self) -> None:
        smiles = fit(K, smile_volatility(K), half_spread=-1e-3)
        assert reason_of(smiles) is SmileReason.TOO_FEW_POINTS
        assert (smiles.points[0], smiles.invalid[0]) == (0, 61)

    def test_locked_quotes_are(self) -> None:
        assert reason_of(fit(K, smile_volatility(K), half_spread=0.0)) is None

    def test_unusable_contracts_are_not_looked_at(self) -> None:
        numbers, usable = np.zeros(len(K), dtype=np.intp), np.arange(len(K)) % 2 == 0
        smiles = fit_smiles(
            group=numbers,
            group_count=1,
            log_moneyness=K,
            years=np.full(len(K), YEARS),
            volatility=np.where(usable, smile_volatility(K), np.nan),
            half_spread=np.full(len(K), 1e-3),
            usable=usable,
        )
        assert (smiles.points[0], smiles.invalid[0]) == (31, 0)

    def test_nothing_is_extrapolated(self) -> None:
        smiles = fit(K, smile_volatility(K))
        ends = np.array([K[0] - 1e-9, K[0], K[-1], K[-1] + 1e-9, np.nan])
        assert np.isnan(on_curve(smiles, ends)).tolist() == [True, False, False, True, True]

    def test_no_groups_and_empty_groups(self) -> None:
        none = np.zeros(0)
        for count in (0, 3):
            smiles = fit_smiles(
                group=np.zeros(0, dtype=np.intp),
                group_count=count,
                log_moneyness=none,
                years=none,
                volatility=none,
                half_spread=none,
                usable=none.astype(np.bool_),
            )
            assert smiles.reason.tolist() == [1] * count

    def test_contradictory_arguments_raise(self) -> None:
        numbers, usable = np.zeros(len(K), dtype=np.intp), np.ones(len(K), dtype=np.bool_)
        good = {"years": np.full(len(K), YEARS), "volatility": smile_volatility(K), "half_spread": np.zeros(len(K))}
        with pytest.raises(InputError, match="one length"):
            fit_smiles(group=numbers[:-1], group_count=1, log_moneyness=K, usable=usable, **good)
        with pytest.raises(InputError, match="numbered from 0 to 0"):
            fit_smiles(group=numbers + 1, group_count=1, log_moneyness=K, usable=usable, **good)
        with pytest.raises(InputError, match="True or False"):
            fit_smiles(group=numbers, group_count=1, log_moneyness=K, usable=np.ones(len(K)), **good)

    @settings(max_examples=150, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.floats(-5, 1), st.floats(-6, 0))
    def test_any_numbers_give_a_curve_or_a_reason(self, seed: int, count: int, level: float, noise: float) -> None:
        rng = np.random.default_rng(seed)
        years = 10.0 ** rng.uniform(-6, 1)
        k = rng.normal(size=count) * 10.0**level
        volatility = 0.2 + rng.normal() * k + rng.normal(size=count) * 10.0**noise
        volatility[rng.uniform(size=count) < 0.1] = np.nan
        smiles = fit(k, volatility, years=years, half_spread=10.0 ** rng.uniform(-5, 0))
        if smiles.reason[0] == 0:
            assert smiles.slack[0] >= 0
            assert (on_curve(smiles, np.linspace(smiles.lowest[0], smiles.highest[0], 101), years) > 0).all()
        else:
            assert np.isnan(smiles.pieces).all()
