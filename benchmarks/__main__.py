"""`python -m benchmarks` runs all benchmarks, `python -m benchmarks pricing [options]` one."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def available() -> dict[str, object]:
    """Modules of this package that have a `main`, by name."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")]
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in names}
    return {name: module.main for name, module in modules.items() if hasattr(module, "main")}


def run() -> None:
    """Run what the command line names; the arguments after a name are its own."""
    known = available()
    wanted = sys.argv[1:2] or list(known)
    if wanted[0] not in known:
        sys.exit(f"No benchmark is called {wanted[0]!r}. There are: {', '.join(known)}.")
    for name in wanted:
        sys.argv = [f"python -m benchmarks {name}", *sys.argv[2:]]
        print(f"\n## {name}\n")
        main = known[name]
        assert callable(main)
        main()


if __name__ == "__main__":
    run()
