"""How finely American options are computed: points, weights and interpolation matrices, the same for every contract."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import numpy as np

from scanner.pricing.arrays import Floats


class Accuracy(StrEnum):
    """Errors as measured in docs/pricing.md, in units of the strike."""

    FAST = "fast"
    """About 6e-8 on average, 2e-6 at most on ordinary contracts."""
    ACCURATE = "accurate"
    """About 5e-10 on average, 1e-7 at most, at a tenth of the speed."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """Arrays for the kernels, contiguous; their meaning: `scanner.pricing.kernels.american_boundary`."""

    times: Floats
    matrix: Floats
    sines: Floats
    cosines: Floats
    weights: Floats
    sweeps: int
    second_sweeps: int
    value_matrix: Floats
    value_sines: Floats
    value_cosines: Floats
    value_weights: Floats
    derivative: Floats

    def arguments(self) -> tuple[Floats | int, ...]:
        """The fields in the kernels' order."""
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class _Size:
    nodes: int
    points: int
    sweeps: int
    second_sweeps: int
    value_points: int


_SIZES: Final = {Accuracy.FAST: _Size(8, 5, 2, 8, 19), Accuracy.ACCURATE: _Size(16, 10, 6, 20, 31)}


@cache
def scheme(accuracy: Accuracy) -> Scheme:
    """The scheme of a setting; built once."""
    size = _SIZES[accuracy]
    return build(size.nodes, size.points, size.sweeps, size.second_sweeps, size.value_points)


def build(nodes: int, points: int, sweeps: int, second_sweeps: int, value_points: int) -> Scheme:
    """A scheme of `nodes` collocation points besides expiry and so many points of the two quadratures."""
    positions = np.cos(np.arange(nodes + 1) * np.pi / nodes)
    times = 0.5 * (1.0 + positions[:-1])
    sines, cosines, weights = _quadrature(points)
    value_sines, value_cosines, value_weights = _quadrature(value_points)
    matrix = np.stack([_interpolation(nodes, 2.0 * time * sines - 1.0) for time in times])
    return Scheme(
        times=times,
        matrix=np.ascontiguousarray(matrix),
        sines=sines,
        cosines=cosines,
        weights=weights,
        sweeps=sweeps,
        second_sweeps=second_sweeps,
        value_matrix=_interpolation(nodes, 2.0 * value_sines - 1.0),
        value_sines=value_sines,
        value_cosines=value_cosines,
        value_weights=value_weights,
        derivative=_end_derivative(nodes),
    )


def _quadrature(points: int) -> tuple[Floats, Floats, Floats]:
    """Sines, cosines and weights times 2 sin cos of Gauss-Legendre angles between 0 and a right angle."""
    places, weights = np.polynomial.legendre.leggauss(points)
    angles = (places + 1.0) * (np.pi / 4)
    sines, cosines = np.sin(angles), np.cos(angles)
    return sines, cosines, weights * (np.pi / 4) * 2.0 * sines * cosines


def _to_coefficients(nodes: int) -> Floats:
    """Chebyshev coefficients from values at cos(i pi / nodes)."""
    count = np.arange(nodes + 1)
    table = np.cos(np.outer(count, count) * np.pi / nodes) * (2.0 / nodes)
    table[[0, -1]] *= 0.5
    table[:, [0, -1]] *= 0.5
    return table


def _interpolation(nodes: int, positions: Floats) -> Floats:
    """Rows of weights of the values at all nodes but the last, where H is 0."""
    polynomials = np.cos(np.outer(np.arccos(np.clip(positions, -1.0, 1.0)), np.arange(nodes + 1)))
    return np.ascontiguousarray((polynomials @ _to_coefficients(nodes))[:, :-1])


def _end_derivative(nodes: int) -> Floats:
    """Weights of the derivative at 1, where that of the k-th Chebyshev polynomial is k^2."""
    return np.ascontiguousarray((np.arange(nodes + 1.0) ** 2 @ _to_coefficients(nodes))[:-1])
