"""Polygon (Massive): a small client of our own. Needs an API key whose plan includes option snapshots."""

from scanner.sources.base import SourceOptions
from scanner.sources.polygon.client import KEY_SETTING
from scanner.sources.polygon.source import PolygonSource

__all__ = ["KEY_SETTING", "PolygonSource", "open_source"]


def open_source(options: SourceOptions) -> PolygonSource:
    """The account of the API key. Nothing is called yet; without a key every chain is refused."""
    return PolygonSource(
        clock=options.clock,
        gate=options.gate,
        timeout_seconds=options.timeout_seconds,
        api_key=options.credential(KEY_SETTING) or "",
    )
