"""No butterfly arbitrage: Durrleman's condition and the ends of a spline of total variance, checked and mended.

Short names as in `scanner.pricing.kernels.smile`: z = k/scale, w and its slope and bend in k.
"""

from __future__ import annotations

import math
from typing import Final

from scanner.pricing.kernels.banded import (
    ORDER,
    Column,
    Table,
    add_multiple,
    add_square,
    factorise,
    quadratic,
    solve,
)
from scanner.pricing.kernels.compilation import device
from scanner.pricing.kernels.elementary import erfcx, exp
from scanner.pricing.kernels.splines import fill_basis, value_of

GRID: Final = 8
_FINER_GRID: Final = 32
_FINER_FROM: Final = 4
_CHECKED_GRID: Final = 64
_NEAR: Final = 0.3
"""g this near to 0 is looked at between steps."""
_ROUNDS: Final = 10
_STEPS: Final = 4
_HALVINGS: Final = 8
_HEAVIER: Final = 4.0
MARGIN: Final = 1e-3
"""What a condition is pushed above, so that nothing between two points of the grid falls below 0."""
_ROOT_HALF: Final = 0.7071067811865476
_ROOT_HALF_PI: Final = 1.2533141373155003


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
        return (side * slope - (1.0 - MARGIN) * limit) / root
    inside = 1.0 - 0.5 * k * slope / w
    by_w = (inside * k * slope + 0.25 * slope * slope) / (w * w)
    by_slope = -inside * k / w - 0.5 * slope * (1.0 / w + 0.25)
    for j in range(ORDER):
        row[j] = by_w * unit * basis[0, j] + by_slope * scale * basis[1, j] + 0.5 * basis[2, j]
    return MARGIN - durrleman(k, w, slope, value_of(basis[2], coefficients, interval))


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
def mend(
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
    """Move coefficients until no condition fails; the greatest shortfall left, at most MARGIN then, and the rounds.

    Gauss-Newton steps on the least-squares problem with the shortfalls as further residuals, each round four times
    heavier.
    """
    size = intervals + ORDER - 1
    greatest, _ = _walk(knots, intervals, coefficients, scale, basis, row, _CHECKED_GRID, 0.0, factor, trial)
    rounds, push = 0, first_push
    while not greatest <= MARGIN and rounds < _ROUNDS:
        rounds += 1
        grid = GRID if rounds <= _FINER_FROM else _FINER_GRID
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
