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
3. Where a condition of `_shortfall` fails, Gauss-Newton steps with the shortfalls as further residuals, each round
   four times heavier, until none fails; if that leads nowhere, again from ten times the lambda.
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
    quadratic,
    solve,
    trace_of,
    trace_of_quotient,
)
from scanner.pricing.kernels.compilation import CODES, COUNT, NUMBERS, TABLE, device, kernel
from scanner.pricing.kernels.elementary import erfcx, exp
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
_GRID: Final = 8
_FINER_GRID: Final = 32
_FINER_FROM: Final = 4
_CHECKED_GRID: Final = 64
_NEAR: Final = 0.3
"""g this near to 0 is looked at between steps."""
_ATTEMPTS: Final = 5
_ROUNDS: Final = 10
_STEPS: Final = 4
_HALVINGS: Final = 8
_HEAVIER: Final = 4.0
_MARGIN: Final = 1e-3
"""What a condition is pushed above, so that nothing between two points of the grid falls below 0."""
_ROOT_HALF: Final = 0.7071067811865476
_ROOT_HALF_PI: Final = 1.2533141373155003

STARTS: Final = types.Array(types.int64, 1, "C", readonly=True)


@device
def durrleman(k: float, w: float, slope: float, bend: float) -> float:
    """g = (1 - k w'/(2w))^2 - w'^2 (1/w + 1/4)/4 + w''/2, which has the sign of the risk-neutral density.

    J. Gatheral, A. Jacquier, Arbitrage-free SVI volatility surfaces, Quantitative Finance 14 (2014), equation 2.1.
    """
    inside = 1.0 - 0.5 * k * slope / w
    return inside * inside - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend


@device
def steepest(k: float, w: float, side: float) -> float:
    """How fast w may rise outwards at the end `side` of the points: -1 the lowest strike, 1 the highest.

    With x = side (k/sqrt w + sqrt w/2) the probability beyond that end is N(-x) - side phi(x) w'/(2 sqrt w). Where it
    is negative, puts would grow dearer as their strike falls below the lowest, or calls as it rises above the highest.
    """
    root = math.sqrt(w)
    x = side * (k / root + 0.5 * root)
    small = _ROOT_HALF_PI * erfcx(abs(x) * _ROOT_HALF)
    return 2.0 * root * (small if x >= 0.0 else 2.0 * _ROOT_HALF_PI * exp(0.5 * x * x) - small)


@device
def _shortfall(
    knots: Column, interval: int, z: float, side: float, coefficients: Column, scale: float, basis: Table, row: Column
) -> float:
    """What the condition at z lacks to the margin; `row` gets its derivatives in the four coefficients, negative.

    Side 0: g. Side -1 or 1: the probability beyond that end, as a slope per sqrt w. Infinite where w is not positive.
    """
    fill_basis(knots, interval, z, basis)
    k, unit = z * scale, scale * scale
    w = unit * value_of(basis[0], coefficients, interval)
    if not w > 0.0:
        return math.inf
    slope = scale * value_of(basis[1], coefficients, interval)
    if side != 0.0:
        root = math.sqrt(w)
        limit = steepest(k, w, side)
        for j in range(ORDER):
            row[j] = -side * scale * basis[1, j] / root
        return (side * slope - (1.0 - _MARGIN) * limit) / root
    inside = 1.0 - 0.5 * k * slope / w
    by_w = (inside * k * slope + 0.25 * slope * slope) / (w * w)
    by_slope = -inside * k / w - 0.5 * slope * (1.0 / w + 0.25)
    for j in range(ORDER):
        row[j] = by_w * unit * basis[0, j] + by_slope * scale * basis[1, j] + 0.5 * basis[2, j]
    return _MARGIN - durrleman(k, w, slope, value_of(basis[2], coefficients, interval))


@device
def _walk(
    knots: Column,
    intervals: int,
    coefficients: Column,
    scale: float,
    basis: Table,
    row: Column,
    grid: int,
    push: float,
    band: Table,
    right: Column,
) -> tuple[float, float]:
    """All conditions: `grid` steps of g in each interval, closer towards its ends, and both ends of the curve.

    Between them, too: after three steps with the greatest shortfall in the middle, the top of the parabola through
    them (the odd half steps).

    Returns the greatest shortfall and the sum of squares of the positive ones. With a `push` other than 0, adds them
    with this weight to a least-squares problem.
    """
    greatest, squares = -math.inf, 0.0
    for interval in range(intervals):
        low, width = knots[interval + 3], knots[interval + 4] - knots[interval + 3]
        before, here, after = -math.inf, -math.inf, -math.inf
        for half_step in range(2 * grid + 4):
            step = half_step // 2
            t, side = step / grid, 0.0
            if step > grid:
                t = float(half_step - 2 * grid - 2)
                side = 2.0 * t - 1.0
                if (side < 0.0 and interval > 0) or (side > 0.0 and interval < intervals - 1):
                    continue
            elif half_step % 2 == 1:
                bend = before - 2.0 * here + after
                if step < 2 or not (here >= before and here >= after and here > -_NEAR and bend < 0.0):
                    continue
                t += (0.5 * (before - after) / bend - 1.0) / grid
            z = low + width * t * t * (3.0 - 2.0 * t)
            short = _shortfall(knots, interval, z, side, coefficients, scale, basis, row)
            if half_step % 2 == 0 and side == 0.0:
                before, here, after = here, after, short
            greatest = max(greatest, short)
            if not short > 0.0:
                continue
            squares += short * short
            if push > 0.0:
                linear = short + value_of(row, coefficients, interval)
                add_square(band, interval, row, push)
                for j in range(ORDER):
                    right[interval + j] += push * linear * row[j]
    return greatest, squares


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
def _mend(
    knots: Column,
    intervals: int,
    scale: float,
    basis: Table,
    row: Column,
    problem: Table,
    right: Column,
    factor: Table,
    trial: Column,
    moved: Column,
    coefficients: Column,
    first_push: float,
) -> tuple[float, int]:
    """Step 3 of the module; the greatest shortfall that is left and the rounds taken."""
    size = intervals + ORDER - 1
    greatest, _ = _walk(knots, intervals, coefficients, scale, basis, row, _CHECKED_GRID, 0.0, factor, trial)
    rounds, push = 0, first_push
    while not greatest <= _MARGIN and rounds < _ROUNDS:
        rounds += 1
        grid = _GRID if rounds <= _FINER_FROM else _FINER_GRID
        for _ in range(_STEPS):
            for j in range(size):
                trial[j] = right[j]
            add_multiple(factor, problem, problem, 0.0, size)
            _, squares = _walk(knots, intervals, coefficients, scale, basis, row, grid, push, factor, trial)
            if not factorise(factor, size):
                break
            solve(factor, trial, size)
            before = quadratic(problem, right, coefficients, size) + push * squares
            after, stride = math.inf, 1.0
            for _ in range(_HALVINGS):
                for j in range(size):
                    moved[j] = coefficients[j] + stride * (trial[j] - coefficients[j])
                _, squares = _walk(knots, intervals, moved, scale, basis, row, grid, 0.0, factor, trial)
                after = quadratic(problem, right, moved, size) + push * squares
                if after <= before:
                    break
                stride *= 0.5
            if not after < before:
                break
            for j in range(size):
                coefficients[j] = moved[j]
        greatest, _ = _walk(knots, intervals, coefficients, scale, basis, row, _CHECKED_GRID, 0.0, factor, trial)
        push *= _HEAVIER
    return greatest, rounds


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
        first_push = trace_of(normal, size) / (size * _GRID)
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
            greatest, taken = _mend(
                knots, intervals, scale, basis, row, problem, right, factor, trial, moved, coefficients, first_push
            )
            rounds += taken + attempt
            if greatest <= _MARGIN:
                break
            smoothing *= 10.0
        failed[group] = 0 if greatest <= _MARGIN else 1
        facts[group, 0], facts[group, 1], facts[group, 2] = intervals, _MARGIN - greatest, smoothing
        facts[group, 3], facts[group, 4] = freedom, rounds
        _write(knots, intervals, scale, basis, coefficients, group, knots_table, pieces_table)
