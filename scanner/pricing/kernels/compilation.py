"""How kernels are compiled: once per machine, without the user waiting twice, and safe to run on several threads.

A kernel is compiled at its first use and kept on disk: beside the source, else in numba's own user folder, or where
numba's CACHE_DIR points. Where nothing can be written or read it is compiled in every process; the answers are the
same. Kernels release the GIL and start no threads of their own (`scanner.pricing.threads` does).

Compiled code is stale when any file of this package or `scanner.conventions` has changed: numba itself would look at
the one file a kernel stands in, and miss the functions it takes from others.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from llvmlite import ir
from numba import njit, types
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.extending import intrinsic as _numba_intrinsic

from scanner import conventions

Function = TypeVar("Function", bound=Callable[..., Any])

NUMBERS: Final = types.Array(types.float64, 1, "C", readonly=True)
"""An input column; writeable arrays fit as well."""
INDICES: Final = types.Array(types.int64, 1, "C", readonly=True)
FLAGS: Final = types.Array(types.boolean, 1, "C", readonly=True)
CODES: Final = types.Array(types.int8, 1, "C")
TABLE: Final = types.Array(types.float64, 2, "C")
COUNT: Final = types.int64

_FAST: Final = {"contract", "nsz", "arcp"}
"""Never "reassoc": it would cancel the additions that round in `elementary`; never "nnan", "ninf": NaN is an answer."""

_OPTIONS: Final[dict[str, Any]] = {"fastmath": _FAST, "error_model": "numpy"}
_WIDEST: Final = '"prefer-vector-width"="512"'

_intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = _numba_intrinsic
_POINTER_TO_NUMBERS: Final = ir.DoubleType().as_pointer()
_kernels: Final[list[Callable[[], Any]]] = []
_log: Final = logging.getLogger(__name__)


def device(function: Function) -> Function:
    """Mark a function that kernels inline; it cannot be called from Python."""
    inlined: Function = njit(forceinline=True, **_OPTIONS)(function)
    return inlined


def inner(function: Function) -> Function:
    """Mark a function that kernels call and do not inline."""
    called: Function = njit(nogil=True, **_OPTIONS)(function)
    return called


def kernel(*arguments: types.Type) -> Callable[[Function], Callable[[], Function]]:
    """Make a function of these argument types a kernel: calling it gives the compiled function, compiled once."""

    def decorate(function: Function) -> Callable[[], Function]:
        compiled = functools.wraps(function)(functools.cache(lambda: _compiled(function, types.void(*arguments))))
        _kernels.append(compiled)
        return compiled

    return decorate


def kernels() -> tuple[Callable[[], Any], ...]:
    """Every kernel of the modules imported so far."""
    return tuple(_kernels)


@_intrinsic
def prefer_widest_vectors(_typing: Any) -> Any:
    """Let the function that calls this use 512-bit vectors where the processor has them.

    LLVM prefers 256 bits on processors that once slowed down under 512; kernels here gain a quarter from the full
    width. Without effect elsewhere.
    """

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        set.add(builder.function.attributes, _WIDEST)  # llvmlite's own `add` knows only attributes without a value
        return context.get_dummy_value()

    return types.none(), generate


@_intrinsic
def separate_arrays(_typing: Any) -> Any:
    """Promise that what the function that calls this writes through one argument, it reaches through no other.

    The function is kept out of line, so that the promise covers it and nothing else.
    """

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        function = builder.function
        for argument in function.args:
            if argument.type == _POINTER_TO_NUMBERS:
                argument.add_attribute("noalias")
        function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), generate


@_intrinsic
def bits_of(_typing: Any, _value: Any) -> Any:
    """The 64 bits of a float64 as an integer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@_intrinsic
def float_of(_typing: Any, _bits: Any) -> Any:
    """The float64 of 64 bits."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@functools.cache
def source_stamp() -> str:
    """Digest of everything that is compiled into kernels."""
    digest = hashlib.sha256()
    for path in [*sorted(Path(__file__).parent.glob("*.py")), Path(conventions.__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _compiled(function: Function, signature: Any) -> Function:
    dispatcher = njit(nogil=True, **_OPTIONS)(function)
    try:
        dispatcher._cache = _KernelCache(function)
    except (RuntimeError, OSError) as error:
        _log.info("compiled kernels cannot be kept, every process compiles its own: %s", error)
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    result: Function = dispatcher
    return result


class _Stamped:
    def get_source_stamp(self) -> str:
        return source_stamp()


class _Chosen(_Stamped, UserProvidedCacheLocator):  # type: ignore[misc]
    pass


class _BesideTheSource(_Stamped, InTreeCacheLocator):  # type: ignore[misc]
    pass


class _OfTheUser(_Stamped, UserWideCacheLocator):  # type: ignore[misc]
    pass


class _Files(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Chosen, _BesideTheSource, _OfTheUser)


class _KernelCache(FunctionCache):  # type: ignore[misc]
    """Files that cannot be read or written, or hold something else, cost time and nothing more."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except (OSError, pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, ImportError) as error:
            _log.warning("kept kernel %s is unreadable, compiling it again: %s", self._name, error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, pickle.UnpicklingError, EOFError) as error:
            _log.warning("compiled kernel %s could not be kept: %s", self._name, error)
