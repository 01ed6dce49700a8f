"""Everything that runs or wires: entry points, services, composition root."""

from typing import Final

VERSION: Final = "0.1.0"
"""Of the program, as in pyproject.toml."""
