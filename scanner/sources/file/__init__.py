"""Chains a user saved: a broker's or vendor's CSV or Parquet, Cboe's download among them. See docs/file-source.md."""

from scanner.sources.file.folder import HeldFile, RefusedFile
from scanner.sources.file.saved import Holdings, holdings
from scanner.sources.file.source import FileSource

__all__ = ["FileSource", "HeldFile", "Holdings", "RefusedFile", "holdings"]
