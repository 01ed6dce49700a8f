"""Yahoo Finance through the yfinance client. No key is needed."""

from scanner.sources.base import SourceOptions
from scanner.sources.yahoo.source import YahooSource

__all__ = ["YahooSource", "open_source"]


def open_source(options: SourceOptions) -> YahooSource:
    """Yahoo needs no credentials. Nothing is called yet."""
    return YahooSource(clock=options.clock, gate=options.gate, timeout_seconds=options.timeout_seconds)
