"""Cubic B-splines on uneven knots: the four that live on an interval, where knots go, how rough a curve is.

A curve on `intervals` intervals has `intervals` + 3 coefficients; its knot vector repeats both ends four times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.kernels.banded import ORDER, Column, Table, add_square
from scanner.pricing.kernels.compilation import device


@device
def fill_basis(knots: Column, interval: int, x: float, basis: Table) -> None:
    """The splines of an interval at x: rows are value, first and second derivative.

    The recursion of C. de Boor, A Practical Guide to Splines (1978), chapter X, written out.
    """
    t1, t2, t3 = knots[interval + 1], knots[interval + 2], knots[interval + 3]
    t4, t5, t6 = knots[interval + 4], knots[interval + 5], knots[interval + 6]
    right, left = (t4 - x) / (t4 - t3), (x - t3) / (t4 - t3)
    over42, over53 = 1.0 / (t4 - t2), 1.0 / (t5 - t3)
    over41, over52, over63 = 1.0 / (t4 - t1), 1.0 / (t5 - t2), 1.0 / (t6 - t3)
    p0 = right * (t4 - x) * over42
    p1 = right * (x - t2) * over42 + left * (t5 - x) * over53
    p2 = left * (x - t3) * over53
    basis[0, 0] = p0 * (t4 - x) * over41
    basis[0, 1] = p0 * (x - t1) * over41 + p1 * (t5 - x) * over52
    basis[0, 2] = p1 * (x - t2) * over52 + p2 * (t6 - x) * over63
    basis[0, 3] = p2 * (x - t3) * over63
    _fill_differences(basis, 1, 3.0 * p0 * over41, 3.0 * p1 * over52, 3.0 * p2 * over63)
    q0, q1 = right * over42, left * over53
    _fill_differences(basis, 2, -6.0 * q0 * over41, 6.0 * (q0 - q1) * over52, 6.0 * q1 * over63)


@device
def _fill_differences(basis: Table, row: int, first: float, second: float, third: float) -> None:
    basis[row, 0] = -first
    basis[row, 1] = first - second
    basis[row, 2] = second - third
    basis[row, 3] = third


@device
def value_of(row: Column, coefficients: Column, interval: int) -> float:
    """A row of the basis times the coefficients of the interval."""
    total: float = row[0] * coefficients[interval] + row[1] * coefficients[interval + 1]
    total += row[2] * coefficients[interval + 2] + row[3] * coefficients[interval + 3]
    return total


@device
def place_knots(x: Column, count: int, wanted: int, knots: Column) -> int:
    """Knots half way between ascending points, as many points in each interval; how many intervals there are.

    Fewer than wanted where points coincide.
    """
    for i in range(ORDER):
        knots[i] = x[0]
    intervals = 1
    for i in range(1, wanted):
        at = i * count // wanted
        knot = 0.5 * (x[at - 1] + x[at])
        if knot > knots[intervals + ORDER - 2] and knot < x[count - 1]:
            knots[intervals + ORDER - 1] = knot
            intervals += 1
    for i in range(ORDER):
        knots[intervals + ORDER - 1 + i] = x[count - 1]
    return intervals


@device
def fill_rows(
    knots: Column, intervals: int, x: Column, count: int, basis: Table, place: NDArray[np.int64], rows: Table
) -> None:
    """The interval of each ascending point and the values of the four splines there."""
    at = 0
    for i in range(count):
        while at < intervals - 1 and x[i] > knots[at + ORDER]:
            at += 1
        place[i] = at
        fill_basis(knots, at, x[i], basis)
        for j in range(ORDER):
            rows[i, j] = basis[0, j]


@device
def fill_roughness(knots: Column, intervals: int, basis: Table, rough: Table) -> None:
    """The band whose quadratic form is the integral of the squared second derivative.

    That derivative is linear in an interval, so Simpson's rule is exact.
    """
    rough[:] = 0.0
    for interval in range(intervals):
        low, width = knots[interval + 3], knots[interval + 4] - knots[interval + 3]
        for node in range(3):
            fill_basis(knots, interval, low + 0.5 * width * node, basis)
            add_square(rough, interval, basis[2], width * (4.0 if node == 1 else 1.0) / 6.0)
