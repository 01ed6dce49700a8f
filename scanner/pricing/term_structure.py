"""What the smiles of several expirations say together: calendar arbitrage and volatility at a constant maturity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from scanner.errors import InputError
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.quotes import Indices
from scanner.pricing.smile_fit import Smiles, curve_points

MONTH: Final = 30 / 365
"""Thirty days in years."""
_GRID: Final = 64
_NOISE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class CalendarArbitrage:
    """One element per pair of neighbouring expirations of a family, by groups `near` and `far`.

    Total variance at one k = ln(K/F) must not fall with time. `excess`: by how much the near volatility exceeds the
    highest that the far one allows, at the worst k, decimal; 0 where it nowhere does, NaN where the curves do not
    overlap. `log_moneyness`: that k. `arbitrage`: the excess is above 0. `beyond_spread`: at some k it is above the
    half spreads of both together, interpolated between their quotes: no choice of prices inside the quotes explains it.
    """

    near: Indices
    far: Indices
    excess: Floats
    log_moneyness: Floats
    arbitrage: Flags
    beyond_spread: Flags


@dataclass(frozen=True, slots=True)
class ConstantMaturity:
    """One element per family. `volatility` at the forward, decimal, NaN where expirations do not bracket the maturity.

    `near` and `far` are the groups it lies between, one and the same where an expiration is that far away; -1 unknown.
    """

    volatility: Floats
    near: Indices
    far: Indices


def calendar_arbitrage(smiles: Smiles, *, family: Indices) -> CalendarArbitrage:
    """Compare each curve with the next later one of its family: groups whose options have one underlying.

    `family` numbers them from 0, -1 leaves a group out. Expirations of the same instant are not compared. Source:
    J. Gatheral, A. Jacquier (2014), lemma 2.1: it holds for European options on a forward, approximately for American
    ones.
    """
    known = _by_time(smiles, family)
    near, far = known[:-1], known[1:]
    pairs = (family[near] == family[far]) & (smiles.years[near] < smiles.years[far])
    near, far = near[pairs], far[pairs]
    low = np.maximum(smiles.lowest[near], smiles.lowest[far])
    high = np.minimum(smiles.highest[near], smiles.highest[far])
    k = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, _GRID + 1)
    k = np.where((low <= high)[:, None], k, np.nan)
    earlier = curve_points(smiles, group=near[:, None], log_moneyness=k).variance
    later = curve_points(smiles, group=far[:, None], log_moneyness=k).variance
    years = smiles.years[near][:, None]
    with np.errstate(invalid="ignore"):
        over = np.sqrt(earlier / years) - np.sqrt(later / years)
        worst = np.argmax(np.where(np.isnan(over), -np.inf, over), axis=1) if len(near) else np.zeros(0, dtype=np.intp)
        pair = np.arange(len(near))
        excess = np.maximum(over[pair, worst], 0.0)
        allowed = _half_spreads(smiles, near, k)
        allowed += _half_spreads(smiles, far, k) * np.sqrt(smiles.years[far][:, None] / years)
        return CalendarArbitrage(
            near=near,
            far=far,
            excess=excess,
            log_moneyness=k[pair, worst],
            arbitrage=excess > _NOISE,
            beyond_spread=np.any(over > np.maximum(allowed, _NOISE), axis=1),
        )


def constant_maturity_volatility(
    smiles: Smiles, *, family: Indices, family_count: int, years: float = MONTH
) -> ConstantMaturity:
    """The volatility at the forward `years` ahead, per family: total variance linear in time between two expirations.

    Between the last expiration not after that instant and the first not before it, among those whose curve reaches the
    forward. Nothing is extrapolated. Raises InputError where `years` is not positive.
    """
    if not 0 < years < np.inf:
        raise InputError(f"years must be positive, not {years}")
    volatility = np.full(family_count, np.nan)
    near, far = np.full(family_count, -1, dtype=np.intp), np.full(family_count, -1, dtype=np.intp)
    known = _by_time(smiles, family)
    variance = curve_points(smiles, group=np.arange(len(smiles)), log_moneyness=np.zeros(len(smiles))).variance
    known = known[~np.isnan(variance[known])]
    before = known[smiles.years[known] <= years]
    after = known[smiles.years[known] >= years][::-1]
    near[family[before]] = before
    far[family[after]] = after
    both = (near >= 0) & (far >= 0)
    near, far = np.where(both, near, -1), np.where(both, far, -1)
    low, high = near[both], far[both]
    width = smiles.years[high] - smiles.years[low]
    weight = np.where(width > 0, (years - smiles.years[low]) / np.where(width > 0, width, 1.0), 0.0)
    volatility[both] = np.sqrt((variance[low] + weight * (variance[high] - variance[low])) / years)
    return ConstantMaturity(volatility=volatility, near=near, far=far)


def _half_spreads(smiles: Smiles, groups: Indices, k: Floats) -> Floats:
    """Half spreads in volatility at k, a row for each of `groups`, linear between their points."""
    found = np.full(k.shape, np.nan)
    for row, group in enumerate(groups.tolist()):
        points = slice(smiles.starts[group], smiles.starts[group + 1])
        found[row] = np.interp(k[row], smiles.point_k[points], smiles.point_half_spread[points])
    return found


def _by_time(smiles: Smiles, family: Indices) -> Indices:
    """Groups that have a curve and a family, ascending by family, then time."""
    if family.shape != smiles.reason.shape:
        raise InputError(f"family has shape {family.shape}, there are {len(smiles)} smiles")
    known = np.flatnonzero((smiles.reason == 0) & (family >= 0))
    return known[np.lexsort((smiles.years[known], family[known]))]
