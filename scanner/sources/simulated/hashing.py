"""Random numbers by name instead of by order: the same key and index give the same number everywhere.

SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators") over a counter, so any draw is
found directly, in any process, thread and call order.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))
_TO_53_BITS: Final = np.uint64(11)
_UNIT: Final = 2.0**-53


def stream(*parts: object) -> int:
    """The key of a stream of numbers: 64 bits from the text of the parts, the same in every process."""
    text = "|".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def uniforms(key: int, index: Integers) -> Floats:
    """Draws at `index` of the stream `key`, uniform in the open interval (0, 1). Shape of `index` (1-d or more)."""
    mixed = index.astype(np.uint64)
    mixed += np.uint64(1)
    mixed *= _STEP
    mixed += np.uint64(key)
    mixed ^= mixed >> _SHIFTS[0]
    mixed *= _MIX_1
    mixed ^= mixed >> _SHIFTS[1]
    mixed *= _MIX_2
    mixed ^= mixed >> _SHIFTS[2]
    return ((mixed >> _TO_53_BITS).astype(np.float64) + 0.5) * _UNIT


def normals(key: int, index: Integers) -> Floats:
    """Standard normal draws at `index` of the stream `key`."""
    values: Floats = ndtri(uniforms(key, index))
    return values


def uniform(*parts: object) -> float:
    """One draw in (0, 1) named by its parts."""
    return (stream(*parts) >> 11) * _UNIT + 0.5 * _UNIT
