"""Yahoo Finance through the yfinance client. No key is needed."""

from scanner.sources.yahoo.source import YahooSource

__all__ = ["YahooSource"]
