"""Smoothing splines of total variance without butterfly arbitrage, one (root, expiration) after the other.

What is fitted, its weights and when a slice is refused: `scanner.pricing.smile_fit`. Everything is banded: a point, a
penalty and a value of g touch four neighbouring coefficients. A slice of a hundred points takes some 0.2 ms and has
nothing for vectors to gain.

Short names: z = k/scale and y = w/scale^2, with scale^2 the total variance of the point nearest the forward; w, its
slope and its bend are taken in k.

1. Cubic B-splines on knots at quantiles of the points: one interval for every three points, more where points are
   few, at most 24.
2. Least squares with penalty lambda x the integral of y''^2; lambda from a ladder of half decades by generalised
   cross-validation, degrees of freedom counted 1.4 times against undersmoothing. Then four times more, lambda at most
   a decade away, with points further off than 3 robust standard deviations at weight (3/distance)^2; the last time
   lambda goes on falling until the points lie within half their errors, root mean square, or two decades are used up:
   few points teach cross-validation little.
   P. Craven, G. Wahba, Smoothing noisy data with spline functions, Numer. Math. 31 (1979); Y.-J. Kim, C. Gu, Smoothing
   spline Gaussian regression, J. R. Statist. Soc. B 66 (2004).
3. Where the curve allows butterfly arbitrage, `butterfly.mend`; if that leads nowhere, again from ten times the lambda.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.pricing.kernels.banded import (
    ORDER,
    Column,
    Table,
    add_multiple,
    add_square,
    factorise,
    solve,
    trace_of,
    trace_of_quotient,
)
from scanner.pricing.kernels.butterfly import GRID, MARGIN, mend
from scanner.pricing.kernels.compilation import CODES, COUNT, NUMBERS, TABLE, device, kernel
from scanner.pricing.kernels.splines import (
    fill_basis,
    fill_roughness,
    fill_rows,
    place_knots,
    value_of,
)

MOST_INTERVALS: Final = 24
FACTS: Final = 5
"""Columns of the table of facts: intervals, least g, lambda, degrees of freedom, rounds of step 3."""

_POINTS_PER_INTERVAL: Final = 3
_FEW: Final = 10
_MOST: Final = MOST_INTERVALS + ORDER - 1
_LADDER: Final = 21
_SMOOTHEST: Final = 100.0
_RUNGS_NEARBY: Final = 5
_RUNGS_LAST: Final = 13
_LOOSEST: Final = 0.25
_HALF_DECADE: Final = 0.31622776601683794
_OUTLIER: Final = 3.0
_DEVIATION_OF_MEDIAN: Final = 1.4826
_REWEIGHTINGS: Final = 4
_EFFECTIVE: Final = 1.4
_ATTEMPTS: Final = 5

STARTS: Final = types.Array(types.int64, 1, "C", readonly=True)


@device
def _smooth(
    y: Column,
    weight: Column,
    rows: Table,
    place: NDArray[np.int64],
    count: int,
    normal: Table,
    rough: Table,
    right: Column,
    factor: Table,
    scratch: Table,
    trial: Column,
    coefficients: Column,
    size: int,
    earlier: float,
    last: bool,
) -> tuple[float, float]:
    """Weighted penalised least squares; lambda and degrees of freedom, or NaN where no lambda of the ladder works.

    The whole ladder where `earlier` is NaN, else a decade on both sides of that lambda.
    """
    normal[:] = 0.0
    right[:] = 0.0
    for i in range(count):
        add_square(normal, place[i], rows[i], weight[i])
        for j in range(ORDER):
            right[place[i] + j] += weight[i] * rows[i, j] * y[i]
    chosen, freedom, least, loose = math.nan, math.nan, math.inf, math.inf
    whole = math.isnan(earlier)
    candidate = _SMOOTHEST * trace_of(normal, size) / trace_of(rough, size) if whole else 10.0 * earlier
    for _ in range(_LADDER if whole else (_RUNGS_LAST if last else _RUNGS_NEARBY)):
        add_multiple(factor, normal, rough, candidate, size)
        if factorise(factor, size):
            for j in range(size):
                trial[j] = right[j]
            solve(factor, trial, size)
            squares, used = 0.0, trace_of_quotient(factor, normal, scratch, size)
            for i in range(count):
                off = y[i] - value_of(rows[i], trial, place[i])
                squares += weight[i] * off * off
            left = count - _EFFECTIVE * used
            within = squares / count
            if (left > 0.0 and squares / (left * left) < least) or (last and loose > _LOOSEST and within < loose):
                loose = within
                chosen, freedom, least = candidate, used, (squares / (left * left) if left > 0.0 else least)
                for j in range(size):
                    coefficients[j] = trial[j]
        candidate *= _HALF_DECADE
    return chosen, freedom


@device
def _temper(
    y: Column,
    error: Column,
    rows: Table,
    place: NDArray[np.int64],
    count: int,
    coefficients: Column,
    residual: Column,
    weight: Column,
) -> None:
    """Weights 1/error^2, less for points further off than three robust standard deviations."""
    for i in range(count):
        residual[i] = abs(y[i] - value_of(rows[i], coefficients, place[i])) / error[i]
    ordered = np.sort(residual[:count])
    limit = _OUTLIER * _DEVIATION_OF_MEDIAN * 0.5 * (ordered[(count - 1) // 2] + ordered[count // 2])
    for i in range(count):
        tempered = limit / residual[i] if residual[i] > limit else 1.0
        weight[i] = tempered * tempered / (error[i] * error[i])


@device
def _write(
    knots: Column,
    intervals: int,
    scale: float,
    basis: Table,
    coefficients: Column,
    group: int,
    knots_table: Table,
    pieces_table: Table,
) -> None:
    for interval in range(intervals):
        knots_table[group, interval] = knots[interval + 3] * scale
        width = (knots[interval + 4] - knots[interval + 3]) * scale
        fill_basis(knots, interval, knots[interval + 4], basis)
        bend_after = value_of(basis[2], coefficients, interval)
        fill_basis(knots, interval, knots[interval + 3], basis)
        bend = value_of(basis[2], coefficients, interval)
        pieces_table[group, 4 * interval] = scale * scale * value_of(basis[0], coefficients, interval)
        pieces_table[group, 4 * interval + 1] = scale * value_of(basis[1], coefficients, interval)
        pieces_table[group, 4 * interval + 2] = bend
        pieces_table[group, 4 * interval + 3] = (bend_after - bend) / width
    knots_table[group, intervals] = knots[intervals + 3] * scale


@kernel(NUMBERS, NUMBERS, NUMBERS, STARTS, TABLE, TABLE, TABLE, CODES, COUNT, COUNT)
def smile_kernel(
    log_moneyness: Column,
    variance: Column,
    error: Column,
    starts: NDArray[np.int64],
    knots_table: Table,
    pieces_table: Table,
    facts: Table,
    failed: NDArray[np.int8],
    first_group: int,
    last_group: int,
) -> None:
    """Fit groups `first_group` to `last_group`; points of group n are `starts[n]` to `starts[n + 1]`, k ascending.

    Rows of the tables are groups. `knots_table`: k of the knots; `pieces_table`: w and its three derivatives at the
    left end of each interval; `facts`: see `FACTS`. `failed`: 1 where conditions could not be met, else 0. Groups
    without points keep what the tables hold. Long because the steps share their scratch.
    """
    most = 0
    for group in range(first_group, last_group):
        most = max(most, starts[group + 1] - starts[group])
    z, y, deviation = np.empty(most), np.empty(most), np.empty(most)
    weight, residual, rows = np.empty(most), np.empty(most), np.empty((most, ORDER))
    place = np.empty(most, dtype=np.int64)
    knots, basis, row = np.empty(MOST_INTERVALS + 2 * ORDER), np.empty((3, ORDER)), np.empty(ORDER)
    normal, rough, factor = np.zeros((_MOST, ORDER)), np.zeros((_MOST, ORDER)), np.zeros((_MOST, ORDER))
    scratch, problem = np.zeros((_MOST, ORDER)), np.zeros((_MOST, ORDER))
    right, trial, moved, coefficients = np.zeros(_MOST), np.zeros(_MOST), np.zeros(_MOST), np.zeros(_MOST)
    for group in range(first_group, last_group):
        begin, count = starts[group], starts[group + 1] - starts[group]
        if count == 0:
            continue
        nearest = begin
        for i in range(begin, begin + count):
            nearest = i if abs(log_moneyness[i]) < abs(log_moneyness[nearest]) else nearest
        unit = variance[nearest]
        scale = math.sqrt(unit)
        for i in range(count):
            z[i] = log_moneyness[begin + i] / scale
            y[i] = variance[begin + i] / unit
            deviation[i] = error[begin + i] / unit
            weight[i] = 1.0 / (deviation[i] * deviation[i])
        wanted = max(1, min(MOST_INTERVALS, max(count // _POINTS_PER_INTERVAL, min(count - 3, _FEW))))
        intervals = place_knots(z, count, wanted, knots)
        size = intervals + ORDER - 1
        fill_rows(knots, intervals, z, count, basis, place, rows)
        fill_roughness(knots, intervals, basis, rough)
        smoothing, freedom = math.nan, math.nan
        for reweighting in range(_REWEIGHTINGS + 1):
            if reweighting > 0:
                _temper(y, deviation, rows, place, count, coefficients, residual, weight)
            smoothing, freedom = _smooth(
                y,
                weight,
                rows,
                place,
                count,
                normal,
                rough,
                right,
                factor,
                scratch,
                trial,
                coefficients,
                size,
                smoothing,
                reweighting == _REWEIGHTINGS,
            )
            if math.isnan(smoothing):
                break
        failed[group] = 1
        if math.isnan(smoothing):
            continue
        first_push = trace_of(normal, size) / (size * GRID)
        greatest, rounds = math.inf, 0
        for attempt in range(_ATTEMPTS):
            add_multiple(problem, normal, rough, smoothing, size)
            if attempt > 0:
                add_multiple(factor, problem, problem, 0.0, size)
                for j in range(size):
                    coefficients[j] = right[j]
                if not factorise(factor, size):
                    break
                solve(factor, coefficients, size)
            greatest, taken = mend(
                knots, intervals, scale, basis, row, problem, right, factor, trial, moved, coefficients, first_push
            )
            rounds += taken + attempt
            if greatest <= MARGIN:
                break
            smoothing *= 10.0
        failed[group] = 0 if greatest <= MARGIN else 1
        facts[group, 0], facts[group, 1], facts[group, 2] = intervals, MARGIN - greatest, smoothing
        facts[group, 3], facts[group, 4] = freedom, rounds
        _write(knots, intervals, scale, basis, coefficients, group, knots_table, pieces_table)
