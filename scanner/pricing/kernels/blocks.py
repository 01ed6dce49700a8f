"""Columns through a small scratch table, one block of rows after the other.

LLVM turns a loop into vectors only if it can show that what is written overlaps nothing that is read, and gives up
with more than a few arrays. So kernels copy a block of each column into one scratch array, work there (all distances
are constants), and copy the results out. Blocks have a fixed length and their unused end is worked through too: an
element's result does not depend on where it stands.

Indices are unsigned: numba lets negative ones count from the end, which costs vectors too.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.kernels.compilation import device

BLOCK: Final = 128
"""Rows of a block: scratch of 20 columns fits a first-level cache."""
_STEP: Final = 64
_SMALLEST: Final = -_STEP
_Index = np.uint64


@device
def whole_steps(count: int) -> int:
    """`count` rounded up to a multiple of 64, which any vector width divides."""
    return (count + _STEP - 1) & _SMALLEST


@device
def load(work: NDArray[np.float64], row: int, column: NDArray[np.float64], first: int, count: int) -> None:
    """Copy `count` numbers of a column to a row of the scratch; a column of one number is repeated."""
    start = row * BLOCK
    if column.size == 1:
        number = column[0]
        for i in range(count):
            work[_Index(start + i)] = number
    else:
        for i in range(count):
            work[_Index(start + i)] = column[_Index(first + i)]


@device
def load_signs(work: NDArray[np.float64], row: int, column: NDArray[np.bool_], first: int, count: int) -> None:
    """As `load`: 1 for True, -1 for False."""
    start = row * BLOCK
    if column.size == 1:
        sign = 1.0 if column[0] else -1.0
        for i in range(count):
            work[_Index(start + i)] = sign
    else:
        for i in range(count):
            work[_Index(start + i)] = 1.0 if column[_Index(first + i)] else -1.0


@device
def store(work: NDArray[np.float64], row: int, table: NDArray[np.float64], column: int, first: int, count: int) -> None:
    """Copy `count` numbers of a row of the scratch to a row of the table of results."""
    start = row * BLOCK
    for i in range(count):
        table[_Index(column), _Index(first + i)] = work[_Index(start + i)]


@device
def store_codes(
    work: NDArray[np.float64], row: int, codes: NDArray[np.int8], offset: int, first: int, count: int
) -> None:
    """Copy `count` codes of a row of the scratch, each plus `offset` where it is not 0."""
    start = row * BLOCK
    for i in range(count):
        code = work[_Index(start + i)]
        codes[_Index(first + i)] = np.int8(code + offset if code > 0.0 else 0.0)
