"""Compiling before anybody waits for it: `python -m scanner.pricing.warm_up`, part of the installation."""

from __future__ import annotations

import importlib
import pkgutil


def warm_up() -> int:
    """Compile every kernel, or read it from disk where it was compiled before, and return how many there are.

    For processes that run long, before they take work. On a machine that never priced before it takes some seconds
    for each kernel; later well under a second in all. Safe to call again and from several threads.
    """
    from scanner.pricing import kernels
    from scanner.pricing.kernels import compilation

    for module in pkgutil.iter_modules(kernels.__path__):
        importlib.import_module(f"{kernels.__name__}.{module.name}")
    found = compilation.kernels()
    for compiled in found:
        compiled()
    return len(found)


if __name__ == "__main__":
    warm_up()
