"""The bytes of a file recognised by what they are: Parquet, text of some encoding, or something to be refused."""

from __future__ import annotations

import codecs
from typing import Final

from scanner.sources.file.problems import FileProblemError

MAX_BYTES: Final = 64 * 2**20
"""A file above 64 MB is refused: the largest whole chains (SPX, every expiration) have about 5 MB."""

ENCODINGS: Final = ("utf-8", "utf-16", "latin-1", "cp1252")
"""What `encoding` in a column map may say."""

_PARQUET_MARK: Final = b"PAR1"
_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_FOREIGN: Final = {
    b"PK\x03\x04": "an Excel workbook or a zip archive: save the sheet as CSV, or unpack the archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"%PDF": "a PDF document: download the chain as CSV",
    b"<": "a web page or XML: download the chain as CSV",
    b"{": "JSON: save the chain as CSV or Parquet; recorded answers are played back in the mode recorded",
    b"[": "JSON: save the chain as CSV or Parquet; recorded answers are played back in the mode recorded",
}


def is_parquet(content: bytes) -> bool:
    return content.startswith(_PARQUET_MARK)


def text_of(content: bytes, encoding: str | None) -> str:
    """The text of a file. `encoding` is what its column map states; without it UTF-8, or what a byte order mark says.

    Raises FileProblemError for an empty file, a known format of another kind, bytes that do not fit, and binary data.
    """
    for mark, what in _FOREIGN.items():
        if content.lstrip().startswith(mark):
            raise FileProblemError(f"found {what}")
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if marked and encoding and not marked.startswith(encoding):
        raise FileProblemError(f"its byte order mark says {marked}, its column map says {encoding}: correct the map")
    text = _decoded(content, marked or encoding or "utf-8")
    if not text.strip():
        raise FileProblemError("the file is empty: download it again")
    if "\0" in text:
        raise FileProblemError("found binary data, expected CSV text or Parquet: download the chain again")
    return text


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FileProblemError(
            f"found bytes that are no {encoding}: download the file again if it is damaged, or state the encoding in "
            f"its column map ({', '.join(ENCODINGS)})",
            line,
        ) from error
