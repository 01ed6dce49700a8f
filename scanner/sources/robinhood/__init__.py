"""Robinhood's option chains, with the robin_stocks client for the log-in. An account is needed."""

from scanner.sources.robinhood.credentials import RobinhoodCredentials
from scanner.sources.robinhood.source import RobinhoodSource

__all__ = ["RobinhoodCredentials", "RobinhoodSource"]
