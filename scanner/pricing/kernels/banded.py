"""Symmetric matrices of half-bandwidth 3, as cubic splines make them, held by their lower band.

Row j, column d of a band is element (j + d, j) of the matrix; d runs to 3, and what would lie below the matrix is
never read.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.kernels.compilation import device

ORDER: Final = 4
"""Elements of a row of the band: as many as cubic B-splines live on an interval."""

Column = NDArray[np.float64]
Table = NDArray[np.float64]


@device
def add_square(band: Table, first: int, row: Column, weight: float) -> None:
    """Add weight x row row', the row's four elements standing at `first` and after."""
    for i in range(ORDER):
        for d in range(ORDER - i):
            band[first + i, d] += weight * row[i] * row[i + d]


@device
def add_multiple(total: Table, band: Table, more: Table, multiple: float, size: int) -> None:
    """total = band + multiple x more."""
    for j in range(size):
        for d in range(ORDER):
            total[j, d] = band[j, d] + multiple * more[j, d]


@device
def trace_of(band: Table, size: int) -> float:
    total = 0.0
    for j in range(size):
        total += band[j, 0]
    return total


@device
def factorise(band: Table, size: int) -> bool:
    """Cholesky's factor in place of the matrix; False, half done, where the matrix is not positive."""
    for j in range(size):
        for d in range(min(ORDER, size - j)):
            total = band[j, d]
            for back in range(1, min(ORDER - d, j + 1)):
                total -= band[j - back, back] * band[j - back, back + d]
            if d == 0:
                if not total > 0.0:
                    return False
                band[j, 0] = math.sqrt(total)
            else:
                band[j, d] = total / band[j, 0]
    return True


@device
def solve(factor: Table, right: Column, size: int) -> None:
    """The solution in place of the right-hand side."""
    for j in range(size):
        total = right[j]
        for back in range(1, min(ORDER, j + 1)):
            total -= factor[j - back, back] * right[j - back]
        right[j] = total / factor[j, 0]
    for j in range(size - 1, -1, -1):
        total = right[j]
        for d in range(1, min(ORDER, size - j)):
            total -= factor[j, d] * right[j + d]
        right[j] = total / factor[j, 0]


@device
def trace_of_quotient(factor: Table, band: Table, inverse: Table, size: int) -> float:
    """Trace of M^-1 B for the M that was factorised; `inverse` is scratch for the band of M^-1.

    K. Takahashi, J. Fagan, M.-S. Chen, Formation of a sparse bus impedance matrix (1973): last column first.
    """
    total = 0.0
    for j in range(size - 1, -1, -1):
        reach = min(ORDER - 1, size - 1 - j)
        for d in range(reach, -1, -1):
            element = 1.0 / factor[j, 0] if d == 0 else 0.0
            for e in range(1, reach + 1):
                element -= factor[j, e] * inverse[j + min(d, e), abs(d - e)]
            inverse[j, d] = element / factor[j, 0]
            total += (1.0 if d == 0 else 2.0) * inverse[j, d] * band[j, d]
    return total


@device
def quadratic(band: Table, right: Column, c: Column, size: int) -> float:
    """c'Mc - 2 right'c: a sum of squares less a constant."""
    total = 0.0
    for j in range(size):
        total += c[j] * (c[j] * band[j, 0] - 2.0 * right[j])
        for d in range(1, min(ORDER, size - j)):
            total += 2.0 * c[j] * c[j + d] * band[j, d]
    return total
