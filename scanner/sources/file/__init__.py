"""Chains a user saved: a broker's or vendor's CSV or Parquet, Cboe's download among them. See docs/file-source.md."""

from scanner.errors import InputError
from scanner.sources.base import SourceOptions
from scanner.sources.file.folder import HeldFile, RefusedFile
from scanner.sources.file.saved import Holdings, holdings
from scanner.sources.file.source import FileSource

__all__ = ["FileSource", "HeldFile", "Holdings", "RefusedFile", "holdings", "open_source"]


def open_source(options: SourceOptions) -> FileSource:
    """The folder of the settings. Errors: InputError without one."""
    if options.folder is None:
        raise InputError("the source file needs a folder of saved chains: set SCANNER_FILE_DIR")
    return FileSource(options.folder, clock=options.clock, calendar=options.calendar)
