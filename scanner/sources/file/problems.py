"""What is wrong with a file or a row; translated into the project's errors at the edge of the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scanner.errors import MalformedAnswerError


class FileProblemError(Exception):
    """A file cannot be used. The text says what was found, what was expected and what to do."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.symbol: str | None = None

    def translated(self, source: str, file_name: str) -> MalformedAnswerError:
        """The error users see: file, line where one is meant, and the text."""
        place = file_name if self.line is None else f"{file_name}, line {self.line}"
        return MalformedAnswerError(source, self.symbol, f"{place}: {self.text}")


class UnreadableRowError(Exception):
    """One contract cannot be read; the argument is the reason it is counted under."""


@contextmanager
def about(symbol: str) -> Iterator[None]:
    """Problems found inside are of this symbol's file."""
    try:
        yield
    except FileProblemError as problem:
        problem.symbol = symbol
        raise
