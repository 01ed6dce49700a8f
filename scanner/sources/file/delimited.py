"""Delimited text as numbered lines of cells. Nothing is interpreted here but quotes and separators."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from scanner.sources.file.problems import FileProblemError

SEPARATORS: Final = (",", ";", "\t", "|")
HEAD_LINES: Final = 20
"""A table's header is looked for among this many lines with text."""


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of one line, without blanks around them. `number` counts from 1, as an editor shows it."""

    number: int
    cells: list[str]

    @property
    def filled(self) -> list[str]:
        """The cells without the empty ones at the end."""
        end = len(self.cells)
        while end and not self.cells[end - 1]:
            end -= 1
        return self.cells[:end]


def lines_of(text: str, separator: str) -> list[Line]:
    """All lines that hold anything. Raises FileProblemError where quotes do not close."""
    return list(_lines(text, separator))


def head_of(text: str, separator: str) -> list[Line]:
    """The first lines that hold anything, up to one that this separator makes no sense of."""
    head: list[Line] = []
    try:
        head.extend(islice(_lines(text, separator), HEAD_LINES))
    except FileProblemError:
        return head
    return head


def check_end(text: str, *, final_newline: bool) -> None:
    """Raises FileProblemError where the last line does not end: a number in it may have been cut off."""
    if final_newline and not text.endswith(("\n", "\r")):
        raise FileProblemError(
            "the last line does not end, so the file may be cut off: download it again, or state "
            "`final_newline = false` in its column map where its maker never writes one",
            len(text.splitlines()),
        )


def _lines(text: str, separator: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield Line(number, stripped)
            number = reader.line_num + 1
    except csv.Error as error:
        raise FileProblemError(
            f"found a line that is no CSV ({error}): the file may be cut off or damaged, download it again", number
        ) from error
