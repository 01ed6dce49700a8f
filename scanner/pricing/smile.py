"""What one expiration's quotes say together: volatility at the forward and expected move."""

from __future__ import annotations

import numpy as np

from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.forward import nearest_pairs
from scanner.pricing.quotes import Indices, Pairs


def atm_volatility(
    *, pairs: Pairs, group: Indices, forward: Floats, strike: Floats, volatility: Floats, usable: Flags, is_call: Flags
) -> Floats:
    """The volatility at the forward of each group, linear in strike; decimal, NaN where the forward is not bracketed.

    Taken between the highest `usable` put strike not above and the lowest `usable` call strike not below the forward.
    `forward` has one element per group, the others one per contract.
    """
    ordered = pairs.order[usable[pairs.order]]
    ahead = forward[group[ordered]]
    below = ordered[~is_call[ordered] & (strike[ordered] <= ahead)]
    above = ordered[is_call[ordered] & (strike[ordered] >= ahead)][::-1]
    low, high = _last(below, group, len(forward)), _last(above, group, len(forward))
    bracketed = (low >= 0) & (high >= 0)
    if not bracketed.any():
        return np.full(len(forward), np.nan)
    width = strike[high] - strike[low]
    weight = np.where(width > 0, (forward - strike[low]) / np.where(width > 0, width, 1.0), 0.0)
    return np.where(bracketed, volatility[low] + weight * (volatility[high] - volatility[low]), np.nan)


def expected_moves(*, pairs: Pairs, group: Indices, forward: Floats, strike: Floats, mid: Floats) -> Floats:
    """The straddle's mid at the strike nearest the forward of each group, $ per share: about 0.8 standard deviations.

    Among the strikes that list both sides; the lower strike on a tie. NaN where the forward, the strike or one of the
    two mids is unknown.
    """
    if not len(pairs.call):
        return np.full(len(forward), np.nan)
    of_pair = group[pairs.call]
    distance = np.abs(strike[pairs.call] - forward[of_pair])
    nearest = nearest_pairs(of_pair, distance, len(forward), 1)[:, 0]
    straddle = mid[pairs.call[nearest]] + mid[pairs.put[nearest]]
    return np.where((nearest >= 0) & ~np.isnan(forward), straddle, np.nan)


def _last(rows: Indices, group: Indices, group_count: int) -> Indices:
    """The last of `rows` in each group, -1 where it has none."""
    found = np.full(group_count, -1, dtype=np.intp)
    found[group[rows]] = rows
    return found
