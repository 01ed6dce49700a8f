"""Where archived days lie: a folder, or a bucket that pyarrow can reach. Whose they are is written beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.fs as files
import pyarrow.parquet as parquet

from scanner.errors import ArchiveError

_OWNER: Final = "options-scanner-archive.json"


@dataclass(frozen=True)
class Place:
    """A root in a file system. `text` is how the settings name it."""

    text: str
    system: files.FileSystem
    root: str

    def check_owner(self, owner: UUID, *, new: bool) -> None:
        """Raise ArchiveError unless this is the archive of the database `owner`; `new`: make it so where nothing is.

        So another machine's empty folder of the same name is not taken for the archive.
        """
        path = f"{self.root}/{_OWNER}"
        try:
            if self.system.get_file_info(path).type is files.FileType.File:
                with self.system.open_input_stream(path) as stream:
                    found = UUID(json.loads(stream.readall())["database"])
            elif new:
                self.system.create_dir(self.root, recursive=True)
                with self.system.open_output_stream(path) as stream:
                    stream.write(json.dumps({"database": str(owner)}).encode())
                return
            else:
                raise ArchiveError(
                    f"the archive is not at {self.text}: the days this database has moved there are missing. "
                    "Let SCANNER_ARCHIVE name the place where they are, one that all machines see"
                )
        except (OSError, ValueError, KeyError) as error:
            raise self._unusable(error) from error
        if found != owner:
            raise ArchiveError(
                f"{self.text} is the archive of another database. Let SCANNER_ARCHIVE name a place of its own"
            )

    def write(self, table: pa.Table, file: str) -> int:
        """Write a file whole or not at all; return its bytes. One that is there is replaced."""
        path, part = f"{self.root}/{file}", f"{self.root}/{file}.{uuid4().hex}.part"
        try:
            self.system.create_dir(path.rpartition("/")[0], recursive=True)
            with self.system.open_output_stream(part) as stream:
                parquet.write_table(table, stream, compression="zstd", row_group_size=_ROWS_IN_GROUP)
            self.system.move(part, path)
            return int(self.system.get_file_info(path).size)
        except OSError as error:
            raise self._unusable(error) from error

    def read(self, file: str, *, symbols: Sequence[str] | None = None) -> pa.Table:
        """The rows of a file, of all symbols or some. Raises ArchiveError where it is missing or damaged."""
        wanted = None if symbols is None else [("symbol", "in", list(symbols))]
        try:
            return parquet.read_table(f"{self.root}/{file}", filesystem=self.system, filters=wanted)
        except (OSError, pa.ArrowException) as error:
            raise ArchiveError(f"the archived day {file} at {self.text} cannot be read: {error}") from error

    def _unusable(self, error: Exception) -> ArchiveError:
        return ArchiveError(
            f"the archive at {self.text} cannot be used: {error}. Correct SCANNER_ARCHIVE, or the rights on that place"
        )


_ROWS_IN_GROUP: Final = 5_000
"""Rows are in order of symbols, so a question about one symbol reads a few groups."""


def open_place(text: str) -> Place:
    """The place that `s3://bucket/folder`, or a folder, names. Raises ArchiveError where it names none."""
    if "://" not in text:
        return Place(text, files.LocalFileSystem(), str(Path(text).expanduser().resolve()))
    try:
        system, root = files.FileSystem.from_uri(text)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveError(f"{text} is no place for an archive: {error}. Correct SCANNER_ARCHIVE") from error
    return Place(text, system, root)
