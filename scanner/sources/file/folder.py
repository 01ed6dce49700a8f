"""The files of a folder, read one by one; where each is refused, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from scanner.calendar import MarketCalendar
from scanner.errors import MalformedAnswerError, SourceUnavailableError
from scanner.sources.file.cboe import read_cboe
from scanner.sources.file.cboe_layout import find_table
from scanner.sources.file.column_map import FOLDER_NAME, SUFFIX, ColumnMap, read_column_map
from scanner.sources.file.content import MAX_BYTES, is_parquet, text_of
from scanner.sources.file.contracts import ReadChain
from scanner.sources.file.delimited import SEPARATORS
from scanner.sources.file.problems import FileProblemError, about
from scanner.sources.file.raw_table import delimited_table, parquet_table
from scanner.sources.file.table import read_table

NAME: Final = "file"

_CLOCKS_APART: Final = timedelta(minutes=5)
"""By how much quotes may be later than the file: two clocks are never set alike. More is a contradiction."""


@dataclass(frozen=True, slots=True)
class HeldFile:
    """What a readable file holds. `quote_time` None: nothing says when its quotes were made.

    `format` is `cboe` or `table`; `source` is who made the file, where that is known or stated.
    """

    path: Path
    symbol: str
    format: str
    source: str | None
    quote_time: datetime | None
    fetched_at: datetime

    @property
    def time(self) -> datetime:
        """What decides which of two files is newer: the quote time, or else the file's own."""
        return self.quote_time or self.fetched_at


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that cannot be read; `symbol` None where not even that is known."""

    path: Path
    symbol: str | None
    error: MalformedAnswerError


Stamp = tuple[tuple[str, int, int], ...]
"""Changes when a file or its column map does."""


def paths_of(folder: Path) -> list[Path]:
    """The files that are meant to hold chains: regular ones, without hidden files and column maps, by name.

    Raises SourceUnavailableError where the folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if _may_hold_a_chain(path))
    except OSError as error:
        raise SourceUnavailableError(
            NAME, None, f"the folder {folder} cannot be read ({error.strerror}): name one of saved chains"
        ) from error


def _may_hold_a_chain(path: Path) -> bool:
    is_map = path.name == FOLDER_NAME or path.name.endswith(SUFFIX)
    return not path.name.startswith(".") and not is_map and path.is_file()


def stamp_of(path: Path) -> Stamp:
    """Size and time of a file and of the column maps that may be its own."""
    facts = []
    for one in (path, _own_map(path), path.with_name(FOLDER_NAME)):
        try:
            status = one.stat()
        except OSError:
            continue
        facts.append((one.name, status.st_size, status.st_mtime_ns))
    return tuple(facts)


def read_file(path: Path, calendar: MarketCalendar) -> tuple[HeldFile, ReadChain]:
    """A file's chain and what is to be known of it. Raises MalformedAnswerError for anything but a whole chain."""
    try:
        content, modified_at = _content(path)
        chain = _read(path, content, calendar)
        with about(chain.symbol):
            held = _held(path, chain, modified_at)
    except FileProblemError as problem:
        raise problem.translated(NAME, path.name) from problem
    return held, chain


def _content(path: Path) -> tuple[bytes, datetime]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as error:
        raise FileProblemError(f"the file cannot be read ({error.strerror}): check its permissions") from error
    if len(content) > MAX_BYTES:
        raise FileProblemError(
            f"the file is larger than {MAX_BYTES // 2**20} MB, more than any chain of one underlying: save one chain"
        )
    return content, modified_at


def _read(path: Path, content: bytes, calendar: MarketCalendar) -> ReadChain:
    own = _own_map(path)
    stated = read_column_map(own) if own.is_file() else None
    if is_parquet(content):
        for_tables = stated or _folder_map(path)
        return read_table(parquet_table(content, for_tables), for_tables)
    for_text = stated or _folder_map(path)
    text = text_of(content, for_text.encoding)
    for separator in SEPARATORS:
        table = find_table(text, separator)
        if table is not None:
            return read_cboe(text, table, stated or ColumnMap(), calendar)
    return read_table(delimited_table(text, for_text), for_text)


def _held(path: Path, chain: ReadChain, modified_at: datetime) -> HeldFile:
    quote_time, fetched_at = chain.newest_quote_time, chain.stated_time or modified_at
    latest = max((time for time in (quote_time, *_underlying_times(chain)) if time), default=fetched_at)
    if latest > fetched_at + _CLOCKS_APART:
        raise FileProblemError(
            f"found quotes of {latest.isoformat()}, later than the file itself ({fetched_at.isoformat()}): correct "
            f"time_zone in its column map; where the file's time is wrong, save it again or add a column fetched_at"
        )
    return HeldFile(path, chain.symbol, chain.format, chain.source, quote_time, max(fetched_at, latest))


def _underlying_times(chain: ReadChain) -> tuple[datetime | None, datetime | None]:
    return chain.underlying.quote_time, chain.underlying.last_time


def _own_map(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


def _folder_map(path: Path) -> ColumnMap:
    shared = path.with_name(FOLDER_NAME)
    return read_column_map(shared) if shared.is_file() else ColumnMap()
