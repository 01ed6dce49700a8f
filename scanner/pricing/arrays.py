"""How the numeric kernels take their arguments."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def as_floats(**arguments: ArrayLike) -> tuple[Floats, ...]:
    """The arguments as float64 arrays, in order. Raises InputError for what is no number or does not broadcast.

    None is not a number here: unknown is NaN.
    """
    arrays: list[Floats] = []
    for name, values in arguments.items():
        array = np.asarray(values)
        if array.dtype.kind not in "fiu":
            raise InputError(f"{name} must be real numbers, not {array.dtype}")
        arrays.append(array.astype(np.float64, copy=False))
    _check_shapes(arguments, arrays)
    return tuple(arrays)


def as_flags(name: str, values: ArrayLike, *others: Floats) -> Flags:
    """`values` as a boolean array. Raises InputError for another type or a shape that does not broadcast with `others`.

    Numbers and letters are refused: 0 and -1 would both mean "put" to somebody.
    """
    array = np.asarray(values)
    if array.dtype.kind != "b":
        raise InputError(f"{name} must be True or False, not {array.dtype}")
    _check_shapes({name: values}, [array, *others])
    return array


def _check_shapes(names: dict[str, ArrayLike], arrays: list[Floats] | list[NDArray[np.generic]]) -> None:
    first = arrays[0].shape
    if all(array.shape == first or array.ndim == 0 for array in arrays):
        return
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError as error:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise InputError(f"{', '.join(names)} have shapes {shapes}, which do not broadcast") from error
