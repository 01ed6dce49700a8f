"""How the numeric kernels take their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FLOAT64 = np.dtype(np.float64)


def as_floats(**arguments: ArrayLike) -> tuple[Floats, ...]:
    """The arguments as float64 arrays, in order. Raises InputError for what is no number or does not broadcast.

    None is not a number here: unknown is NaN.
    """
    arrays: list[Floats] = []
    for name, values in arguments.items():
        if type(values) is np.ndarray and values.dtype is _FLOAT64:
            arrays.append(values)
            continue
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


def as_columns(*arrays: NDArray[Any]) -> tuple[tuple[int, ...], tuple[NDArray[Any], ...]]:
    """The shape arrays broadcast to, and each as a contiguous, aligned column a kernel can read.

    A column has one element where the array has one, else one for each element of the shape, in C order. Nothing is
    copied that has this form already.
    """
    shape = arrays[0].shape
    if any(array.shape != shape for array in arrays):
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
    return shape, tuple(_as_column(array, shape) for array in arrays)


def _as_column(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if array.size == 1:
        return array.reshape(1)
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned):
        array = array.copy(order="C")
    return array if array.ndim == 1 else array.reshape(-1)


def _check_shapes(names: dict[str, ArrayLike], arrays: list[Floats] | list[NDArray[np.generic]]) -> None:
    first = arrays[0].shape
    if all(array.shape == first or array.ndim == 0 for array in arrays):
        return
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError as error:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise InputError(f"{', '.join(names)} have shapes {shapes}, which do not broadcast") from error
