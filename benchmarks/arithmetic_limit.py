"""What the arithmetic of price and five Greeks costs at least on this machine: the limit of docs/pricing.md, measured.

Three exp, one log, two normal distributions, one root and three divisions for each contract, each as a loop of its own
over 8 kB, in the widest vectors. The functions are those of Intel's SVML, which the stated limit was summed from too;
on other makers' processors they need not be the fastest. It needs Linux on x86-64 and `pip install intel-cmplr-lib-rt`
(150 MB, so no part of `make install-dev`).
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import llvmlite.binding as llvm
import numpy as np

ROWS: Final = 1024
OPERATIONS: Final = {"exp": 3, "log": 1, "cdfnorm": 2, "sqrt": 1, "divide": 3}
"""How often a contract needs each."""

_LOOP: Final = """
{declaration}
define void @{name}(ptr %values, ptr %results, i64 %rounds) "prefer-vector-width"="512" {{
entry:
  br label %round
round:
  %done = phi i64 [0, %entry], [%again, %end]
  br label %step
step:
  %i = phi i64 [0, %round], [%next, %step]
  %from = getelementptr double, ptr %values, i64 %i
  %to = getelementptr double, ptr %results, i64 %i
  %v = load {vector}, ptr %from, align 8
  %r = {operation}
  store {vector} %r, ptr %to, align 8
  %next = add i64 %i, {width}
  %more = icmp ult i64 %next, {rows}
  br i1 %more, label %step, label %end
end:
  %again = add i64 %done, 1
  %left = icmp ult i64 %again, %rounds
  br i1 %left, label %round, label %leave
leave:
  ret void
}}
"""


def arithmetic_limit() -> Callable[[int], None] | None:
    """A function that does the arithmetic of so many contracts on one core; None where SVML is not installed."""
    library = Path(sys.prefix) / "lib" / "libsvml.so"
    if not library.exists():
        return None
    ctypes.CDLL(str(library.with_name("libintlc.so.5")), mode=ctypes.RTLD_GLOBAL)
    llvm.load_library_permanently(str(library))
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    loops = {name: prototype(_engine().get_function_address(name)) for name in OPERATIONS}
    values = np.random.default_rng(1).uniform(0.1, 2.0, ROWS)
    results = np.empty(ROWS)

    def run(contracts: int) -> None:
        for name, times in OPERATIONS.items():
            loops[name](values.ctypes.data, results.ctypes.data, -(-times * contracts // ROWS))

    return run


@functools.cache
def _engine() -> Any:
    """The compiled loops, kept as long as their addresses are used."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=2
    )
    source = _source(8, "z0") if features.get("avx512f") else _source(4, "l9")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(source), machine)
    engine.finalize_object()
    return engine


def _source(width: int, processor: str) -> str:
    vector = f"<{width} x double>"
    root = f"llvm.sqrt.v{width}f64"
    called = {name: f"__svml_{name}{width}_{processor}" for name in ("exp", "log", "cdfnorm")} | {"sqrt": root}
    operations = {
        name: (f"declare {vector} @{function}({vector})", f"call {vector} @{function}({vector} %v)")
        for name, function in called.items()
    }
    operations["divide"] = ("", f"fdiv {vector} <{', '.join(['double 3.3'] * width)}>, %v")
    return "\n".join(
        _LOOP.format(name=name, declaration=declared, operation=operation, vector=vector, width=width, rows=ROWS)
        for name, (declared, operation) in operations.items()
    )
