"""The smile of each (root, expiration) as one curve: total variance w(k) = volatility^2 x years over k = ln(K/F).

A cubic smoothing spline through the quotes' own volatilities, each as exact as half its spread, as smooth as
cross-validation finds right, and free of butterfly arbitrage: Durrleman's g(k) is nowhere negative, so that the
risk-neutral density is not, and beyond neither end do prices run the wrong way. The curve exists between the outermost
points and nowhere else: nothing is extrapolated.

Why a spline and not SVI: docs/decisions. Method and sources: `scanner.pricing.kernels.smile`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError
from scanner.pricing.arrays import Flags, Floats, as_flags, as_floats
from scanner.pricing.quotes import Indices

LEAST_POINTS: Final = 5
"""Strikes a curve needs."""
LEAST_ERROR: Final = 2e-4
"""No volatility counts as known better than this: a locked quote has no spread and is a rounded price all the same."""
ALL_EQUAL: Final = 1e-9
"""Volatilities that differ by no more are one number copied, not quotes: a vendor's placeholder, a model's constant."""
_LEAST_VARIANCE, _GREATEST_VARIANCE, _FARTHEST = 1e-12, 1e3, 1e2


class SmileReason(StrEnum):
    """Why an expiration has no curve: the first that applies."""

    TOO_FEW_POINTS = "too_few_points"
    """Fewer than `LEAST_POINTS` strikes with usable, valid numbers."""
    ALL_EQUAL = "all_equal"
    """All volatilities are one number: not implied by quotes."""
    ARBITRAGE = "arbitrage"
    """No curve near the points is free of butterfly arbitrage."""


SMILE_REASONS: Final = tuple(SmileReason)
"""Reason of each code: `SMILE_REASONS[code - 1]`; code 0 means that there is a curve."""
SMILE_REASON_CODE: Final = {reason: code for code, reason in enumerate(SMILE_REASONS, start=1)}


@dataclass(frozen=True, slots=True)
class Smiles:
    """One element or row per group; NaN, and no curve, where `reason` is not 0.

    `reason`: int8, see `SMILE_REASONS`. `points`: how many volatilities the curve was fitted to; `invalid`: how many
    more were called usable and could not be (NaN, infinite, not positive, bid above ask). `years`: mean of the points'.
    `lowest`, `highest`: the curve's ends, k. `rms`: root mean square of volatility less curve over the points;
    `worst`: the largest, absolute; `inside`: the share of points that lie within half their spread of the curve;
    `error`: median half spread of the points, in volatility. `slack`: the least value of g and of the conditions at
    the ends, not negative. `mended`: whether the smooth curve itself had arbitrage and was moved.

    `point_k` and `point_half_spread` are the points' ln(K/F) and half spreads, those of group n from `starts[n]` to
    `starts[n + 1]`, k ascending.

    `knots` (groups, n + 1) and `pieces` (groups, n, 4: w and its first three derivatives in k at the left end of each
    interval) are the curve, NaN beyond its last interval.
    """

    reason: NDArray[np.int8]
    points: Indices
    invalid: Indices
    years: Floats
    lowest: Floats
    highest: Floats
    rms: Floats
    worst: Floats
    inside: Floats
    error: Floats
    slack: Floats
    mended: Flags
    starts: Indices
    point_k: Floats
    point_half_spread: Floats
    knots: Floats
    pieces: Floats

    def __len__(self) -> int:
        return len(self.reason)


@dataclass(frozen=True, slots=True)
class CurvePoints:
    """`variance` w, its derivatives in k, `slope` and `bend`, and Durrleman's `g`; NaN off the curve."""

    variance: Floats
    slope: Floats
    bend: Floats
    g: Floats


def fit_smiles(
    *,
    group: Indices,
    group_count: int,
    log_moneyness: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    half_spread: ArrayLike,
    usable: ArrayLike,
) -> Smiles:
    """Fit every group of contracts; one-dimensional arrays, one element per contract, in any order.

    `group` from 0 to `group_count` - 1; `log_moneyness` ln(K/F); `volatility` decimal; `half_spread` half of ask less
    bid in volatility, (ask - bid)/(2 vega), negative where they are crossed; only `usable` contracts are looked at.
    Raises InputError for an argument that is no number, lengths that differ, or a group out of range.
    """
    k, time, level, error = as_floats(
        log_moneyness=log_moneyness, years=years, volatility=volatility, half_spread=half_spread
    )
    wanted = as_flags("usable", usable, k)
    if any(array.shape != group.shape or array.ndim != 1 for array in (k, time, level, error, wanted)):
        raise InputError("the arguments of fit_smiles must be one-dimensional and of one length")
    if len(group) and not (group.min() >= 0 and group.max() < group_count):
        raise InputError(f"groups must be numbered from 0 to {group_count - 1}")
    with np.errstate(invalid="ignore", over="ignore"):
        variance = level * level * time
        valid = (
            (np.abs(k) <= _FARTHEST)
            & (time > 0)
            & (level > 0)
            & (variance >= _LEAST_VARIANCE)
            & (variance <= _GREATEST_VARIANCE)
            & (error >= 0)
            & (error < np.inf)
        )
    rows = np.flatnonzero(wanted & valid)
    rows = rows[np.lexsort((k[rows], group[rows]))]
    counts = np.bincount(group[rows], minlength=group_count)
    invalid = np.bincount(group[wanted & ~valid], minlength=group_count)
    reason = _hopeless(group[rows], counts, k[rows], level[rows])
    rows = rows[reason[group[rows]] == 0]
    return _fitted(group[rows], k[rows], time[rows], level[rows], error[rows], reason, counts, invalid)


def curve_points(smiles: Smiles, *, group: Indices, log_moneyness: ArrayLike) -> CurvePoints:
    """The curves of `group` at k, which broadcast; NaN outside a curve's ends and where there is none."""
    (k,) = as_floats(log_moneyness=log_moneyness)
    numbers, k = np.broadcast_arrays(group, k)
    which, at = numbers.reshape(-1), k.reshape(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        inner = smiles.knots[which, 1:]
        interval = np.sum(at[:, None] >= inner, axis=1)
        last = np.sum(~np.isnan(inner), axis=1) - 1
        interval = np.maximum(np.minimum(interval, last), 0)
        x = at - smiles.knots[which, interval]
        w0, w1, w2, w3 = smiles.pieces[which, interval].T
        variance = w0 + x * (w1 + x * (w2 / 2 + x * w3 / 6))
        slope, bend = w1 + x * (w2 + x * w3 / 2), w2 + x * w3
        g = (1 - at * slope / (2 * variance)) ** 2 - slope**2 / 4 * (1 / variance + 0.25) + bend / 2
        on = (at >= smiles.lowest[which]) & (at <= smiles.highest[which])
    return CurvePoints(*(np.where(on, values, np.nan).reshape(k.shape) for values in (variance, slope, bend, g)))


def curve_volatility(smiles: Smiles, *, group: Indices, log_moneyness: ArrayLike, years: ArrayLike) -> Floats:
    """The curve's volatility, decimal, at ln(K/F) for contracts of `years`; NaN off the curve or without time."""
    (time,) = as_floats(years=years)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = curve_points(smiles, group=group, log_moneyness=log_moneyness).variance
        return np.where(time > 0, np.sqrt(variance / time), np.nan)


def _hopeless(group: Indices, counts: Indices, k: Floats, level: Floats) -> NDArray[np.int8]:
    """The reason code of groups that need not be tried; points sorted by group, then k."""
    strikes = np.bincount(group, weights=np.diff(k, prepend=np.nan) != 0, minlength=len(counts))
    lowest, highest = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
    np.minimum.at(lowest, group, level)
    np.maximum.at(highest, group, level)
    equal = highest - lowest <= ALL_EQUAL
    reason = np.where(equal, SMILE_REASON_CODE[SmileReason.ALL_EQUAL], 0)
    return np.where(strikes < LEAST_POINTS, SMILE_REASON_CODE[SmileReason.TOO_FEW_POINTS], reason).astype(np.int8)


def _fitted(
    group: Indices,
    k: Floats,
    years: Floats,
    level: Floats,
    error: Floats,
    reason: NDArray[np.int8],
    counts: Indices,
    invalid: Indices,
) -> Smiles:
    from scanner.pricing.kernels.smile import FACTS, MOST_INTERVALS, smile_kernel

    groups = len(counts)
    used = np.bincount(group, minlength=groups)
    starts = np.concatenate(([0], np.cumsum(used)))
    knots, pieces = np.full((groups, MOST_INTERVALS + 1), np.nan), np.full((groups, 4 * MOST_INTERVALS), np.nan)
    facts, failed = np.full((groups, FACTS), np.nan), np.zeros(groups, dtype=np.int8)
    deviation = 2 * level * years * np.maximum(error, LEAST_ERROR)
    if len(group):
        smile_kernel()(k, level * level * years, deviation, starts, knots, pieces, facts, failed, 0, groups)
    reason = np.where(failed > 0, SMILE_REASON_CODE[SmileReason.ARBITRAGE], reason).astype(np.int8)
    none = reason > 0
    knots[none], pieces[none], facts[none] = np.nan, np.nan, np.nan
    lowest, highest = np.full(groups, np.nan), np.full(groups, np.nan)
    lowest[~none], highest[~none] = k[starts[:-1][~none]], k[starts[1:][~none] - 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_years = np.where(none, np.nan, np.bincount(group, weights=years, minlength=groups) / used)
    smiles = Smiles(
        reason=reason,
        points=counts,
        invalid=invalid,
        years=mean_years,
        lowest=lowest,
        highest=highest,
        rms=np.full(groups, np.nan),
        worst=np.full(groups, np.nan),
        inside=np.full(groups, np.nan),
        error=np.full(groups, np.nan),
        slack=facts[:, 1],
        mended=facts[:, 4] > 0,
        starts=starts,
        point_k=k,
        point_half_spread=error,
        knots=knots,
        pieces=pieces.reshape(groups, MOST_INTERVALS, 4),
    )
    _measure(smiles, group, k, years, level, error)
    return smiles


def _measure(smiles: Smiles, group: Indices, k: Floats, years: Floats, level: Floats, error: Floats) -> None:
    """Fill `rms`, `worst`, `inside` and `error`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.abs(level - curve_volatility(smiles, group=group, log_moneyness=k, years=years))
        groups = len(smiles)
        count = np.bincount(group, minlength=groups)
        smiles.rms[:] = np.sqrt(np.bincount(group, weights=off * off, minlength=groups) / count)
        smiles.inside[:] = np.bincount(group, weights=off <= np.maximum(error, LEAST_ERROR), minlength=groups) / count
    has_curve = np.flatnonzero(smiles.reason == 0)
    starts = np.searchsorted(group, has_curve)
    ends = np.searchsorted(group, has_curve, side="right")
    for number, first, last in zip(has_curve.tolist(), starts.tolist(), ends.tolist(), strict=True):
        smiles.worst[number] = off[first:last].max()
        smiles.error[number] = np.median(error[first:last])
    smiles.inside[smiles.reason > 0] = np.nan
