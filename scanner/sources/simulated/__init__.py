"""A deterministic market for tests, demonstrations and benchmarks. Never passes for a live one."""

from scanner.sources.simulated.planted import Case, PlantedCase
from scanner.sources.simulated.source import SimulatedSource

__all__ = ["Case", "PlantedCase", "SimulatedSource"]
