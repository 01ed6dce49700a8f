"""Columns in blocks of rows.

A kernel is two functions. The outer one walks through blocks; the inner one, a loop over contiguous arrays, is what
LLVM turns into vectors. For that it must know that results overlap neither arguments nor one another
(`compilation.separate_arrays`). All blocks have a whole number of steps of 64 rows, a multiple of any vector's length:
every row is worked on by the same instructions, so that its result does not depend on where it stands. The rows of the
last, incomplete step are copied to padded arrays and back; a column of one number is repeated once for all blocks.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scanner.pricing.kernels.compilation import device

BLOCK: Final = 4096
"""Rows: each block costs half a microsecond of its own."""
STEP: Final = 64

Column = NDArray[np.float64]
Flags = NDArray[np.bool_]


@device
def next_block(first: int, last: int) -> int:
    """How many rows the block that begins at `first` has: whole steps while there are any, then the rest."""
    left = last - first
    return left if left < STEP else min(BLOCK, left - left % STEP)


@device
def repeated(column: NDArray[Any], rows: int) -> NDArray[Any]:
    """A column of one number as often as a block needs it; a longer column as it is."""
    if column.size == 1:
        return np.full(min(BLOCK, rows + STEP), column[0], column.dtype)
    return column


@device
def block_of(column: NDArray[Any], repeated_column: NDArray[Any], first: int, count: int) -> NDArray[Any]:
    """`count` rows from `first` on; of an incomplete step a copy, filled up."""
    if column.size == 1:
        return repeated_column[: max(count, STEP)]
    if count >= STEP:
        return column[first : first + count]
    padded = np.full(STEP, column[first], column.dtype)
    for i in range(count):
        padded[i] = column[first + i]
    return padded


@device
def room_for(results: NDArray[Any], first: int, count: int) -> NDArray[Any]:
    """Where the inner loop writes `count` rows: the results themselves, or a step of its own."""
    if count >= STEP:
        return results[first : first + count]
    return np.empty(STEP, results.dtype)


@device
def keep(block: NDArray[Any], results: NDArray[Any], first: int, count: int) -> None:
    """Copy what `room_for` gave to the results, where it is not them."""
    if count < STEP:
        for i in range(count):
            results[first + i] = block[i]
