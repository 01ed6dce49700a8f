"""Smiles and skew of Cboe's recorded chains, the same comparisons as on docs/evidence.md."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.evidence.chains import (
    FILES,
    Chain,
    executable_violations,
    read_chains,
    skew_rows,
    volatility_differences,
)
from benchmarks.evidence.early_exercise import american_differences
from benchmarks.evidence.published import ALL, lean_agreement
from scanner.pricing.smile_fit import SMILE_REASON_CODE, SmileReason, curve_points
from tests.reference.shared_data import FOLDER, shared_path

TOO_WIDE = ("SPXW", "2020-12-31")
"""The good row whose quotes are all wider than clean ones may be."""


@pytest.fixture(scope="module")
def chains() -> list[Chain]:
    for file, _ in FILES:
        shared_path(f"cboe/{file}")
    return list(read_chains(FOLDER))


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return pd.read_csv(shared_path("cboe/skew25_reference.csv"))


@pytest.fixture(scope="module")
def skews(chains: list[Chain], reference: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([skew_rows(chain, reference) for chain in chains], ignore_index=True)


@pytest.mark.parametrize("folder", list(ALL))
def test_published_figures_are_met(folder: str) -> None:
    shared_path(folder)
    findings = ALL[folder](FOLDER)
    assert findings
    assert [one for one in findings if not one.met] == []


def test_leans_volatility_is_ours_or_of_another_time() -> None:
    """Equal to LEAN's digits or far from it, with next to nothing in between."""
    shared_path("lean/option_universe/goog")
    found = lean_agreement(FOLDER)
    assert found.contracts > 1600
    assert found.equal >= 460
    assert found.near <= 15


def test_volatility_against_cboes(chains: list[Chain], reference: pd.DataFrame) -> None:
    frame = pd.concat([volatility_differences(chain, reference) for chain in chains])
    assert len(frame) > 1900
    assert (frame["iv"] - frame["cboe_iv"]).abs().median() <= 0.0005


def test_what_is_left_of_spy_is_the_value_of_early_exercise(chains: list[Chain], reference: pd.DataFrame) -> None:
    """Taken off the mids of the forward, with the American model for the volatilities, chain by chain."""
    for chain in (chain for chain in chains if chain.american):
        own = volatility_differences(chain, reference)
        american = american_differences(chain, own)
        left = (american["iv"] - american["cboe_iv"]).abs().median()
        assert len(american) == len(own)
        assert left <= 0.0004
        assert left < 0.65 * (own["iv"] - own["cboe_iv"]).abs().median()
        assert (american["above_parity"] > 0).all()


class TestSkew:
    def test_every_good_row_is_looked_at(self, skews: pd.DataFrame, reference: pd.DataFrame) -> None:
        assert len(skews) == int(reference["good"].sum()) == 38

    def test_within_three_thousandths_with_the_delta_of_the_reference(self, skews: pd.DataFrame) -> None:
        known = skews[skews["ours"].notna()]
        assert (known["forward_delta"] - known["skew25_own"]).abs().max() <= 0.003
        assert (known["cboe_delta"] - known["skew25_cboe"]).abs().max() <= 0.003

    def test_our_own_definition_differs_by_its_delta_only(self, skews: pd.DataFrame) -> None:
        """Over 0.003 only where e^{-qT} is far from 1: the S&P 500 half a year and more out, in 2020."""
        apart = (skews["ours"] - skews["skew25_own"]).abs()
        over = skews[apart > 0.003]
        assert apart.median() <= 0.0005
        assert apart.max() <= 0.0036
        assert len(over) == 5
        assert (over["file"] == "fagan2888/quotedata.dat").all()
        assert (over["T"] > 0.49).all()
        assert (over["forward_delta"] - over["skew25_own"]).abs().max() <= 0.001

    def test_cboes_delta_is_the_forwards(self, skews: pd.DataFrame) -> None:
        """Call and put of a European strike add up to 1; ours to e^{-qT}."""
        index = skews[skews["root"].str.startswith("SPX")]
        assert (index["cboe_delta_sum"] - 1).abs().max() <= 0.005
        assert (index["delta_sum"] < 0.994).all()
        cboe = (skews["ours"] - skews["skew25_cboe"]).abs()
        assert cboe.median() <= 0.0015
        assert cboe.max() <= 0.004

    def test_the_one_row_without_a_skew_has_no_clean_quote_near_the_forward(self, skews: pd.DataFrame) -> None:
        unknown = skews[skews["ours"].isna()]
        assert list(zip(unknown["root"], unknown["expiry"], strict=True)) == [TOO_WIDE]
        assert unknown["spread_near_forward"].iloc[0] > 0.2
        assert abs(unknown["wide"].iloc[0] - unknown["skew25_own"].iloc[0]) <= 0.003

    def test_the_curve_gives_the_same_skew(self, skews: pd.DataFrame) -> None:
        apart = (skews["fitted"] - skews["ours"]).abs()
        assert apart.median() <= 0.0002
        assert apart.max() <= 0.003


class TestSmiles:
    def test_every_expiration_with_enough_quotes_has_a_curve(self, chains: list[Chain]) -> None:
        reasons = np.concatenate([chain.smiles.smiles.reason for chain in chains])
        assert set(reasons.tolist()) <= {0, SMILE_REASON_CODE[SmileReason.TOO_FEW_POINTS]}
        assert (reasons == 0).sum() >= 89

    def test_curves_lie_inside_the_quotes(self, chains: list[Chain]) -> None:
        inside = np.concatenate([chain.smiles.smiles.inside for chain in chains])
        inside = inside[~np.isnan(inside)]
        assert np.median(inside) >= 0.99
        assert inside.min() >= 0.9

    def test_no_density_is_negative_between_the_points_of_the_check(self, chains: list[Chain]) -> None:
        for chain in chains:
            smiles = chain.smiles.smiles
            known = np.flatnonzero(smiles.reason == 0)
            share = np.linspace(0.0, 1.0, 2999)
            k = smiles.lowest[known, None] + (smiles.highest - smiles.lowest)[known, None] * share
            points = curve_points(
                smiles, group=known[:, None], log_moneyness=np.minimum(k, smiles.highest[known, None])
            )
            assert np.nanmin(points.g) >= 0
            assert np.nanmin(points.variance) > 0

    def test_no_arbitrage_in_executable_terms(self, chains: list[Chain]) -> None:
        found = [executable_violations(chain) for chain in chains]
        assert sum(count for count, _ in found) > 10_000
        assert [blamed for _, blamed in found] == [0] * len(found)

    def test_neighbouring_expirations_have_no_calendar_arbitrage_beyond_the_spread(self, chains: list[Chain]) -> None:
        compared = [chain.smiles.calendar for chain in chains]
        assert sum(len(one.near) for one in compared) > 70
        assert not np.concatenate([one.beyond_spread for one in compared]).any()

    def test_two_roots_of_one_index_agree_on_thirty_days(self, chains: list[Chain]) -> None:
        """SPX expires in the morning, SPXW in the evening; both say 59 % for April 2020."""
        smiles = chains[0].smiles
        months = dict(zip(smiles.families, smiles.constant_maturity.volatility.tolist(), strict=True))
        assert months["SPX"] == pytest.approx(months["SPXW"], abs=0.001)
        assert 0.5 < months["SPX"] < 0.7

    def test_fair_values_lie_inside_nearly_all_quotes(self, chains: list[Chain]) -> None:
        for chain in chains:
            fair, clean = chain.smiles.fair, chain.quotes.clean & chain.contracts["outside"].to_numpy()
            judged = clean & ~np.isnan(fair.price)
            edge = np.maximum(fair.sell_edge, fair.buy_edge)[judged]
            assert np.mean(edge <= 0.01) > 0.95

    def test_few_quotes_stand_out_and_all_of_them_are_worth_cents(self, chains: list[Chain]) -> None:
        judged = sum(int((chain.quotes.clean & chain.contracts["outside"]).sum()) for chain in chains)
        out = pd.concat([chain.contracts[chain.smiles.stands_out] for chain in chains])
        assert 0 < len(out) <= 0.005 * judged
        assert (out["ask"] <= 0.25).all()

    def test_american_contracts_in_the_money_have_no_fair_value(self, chains: list[Chain]) -> None:
        chain = chains[-1]
        assert np.isnan(chain.smiles.fair.price[~chain.contracts["outside"].to_numpy()]).all()
