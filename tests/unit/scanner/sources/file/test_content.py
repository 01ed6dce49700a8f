"""Files are recognised by their bytes, or refused by name of what they are."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from scanner.sources.file import content
from tests.unit.scanner.sources.file.saved import HEADER, PUT, read, refuse

TEXT = f"{HEADER}{PUT},1.1,1.2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_needs_no_statement(tmp_path: Path, encoding: str) -> None:
    assert len(read(tmp_path, TEXT.encode(encoding)).contracts) == 1


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_another_encoding_is_stated(tmp_path: Path, encoding: str) -> None:
    content = f"Börse\n{TEXT}".encode(encoding)
    error = refuse(tmp_path, content)
    assert error.detail.startswith("chain.csv, line 1: found bytes that are no utf-8")
    assert len(read(tmp_path, content, f'encoding = "{encoding}"').contracts) == 1


def test_a_byte_order_mark_contradicts_another_encoding(tmp_path: Path) -> None:
    assert "byte order mark" in refuse(tmp_path, TEXT.encode("utf-8-sig"), 'encoding = "latin-1"').detail


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"\n \r\n\t", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\xff\xfe", "the file is empty"),
        (b"\x1c\x1d", "the file is empty"),
        (b"PK\x03\x04" + bytes(100), "an Excel workbook or a zip archive"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "an old Excel workbook"),
        (gzip.compress(TEXT.encode(), mtime=0), "a gzip archive"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b'{"optionChain": {}}', "JSON"),
        (b"\x00\x01\x02\x03", "binary data"),
        (bytes(range(128, 256)), "no utf-8"),
        (b"a,b\n\0\n", "binary data"),
    ],
)
def test_what_is_no_chain_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    error = refuse(tmp_path, content)
    assert what in error.detail
    assert error.symbol is None


def test_a_file_above_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.sources.file.folder.MAX_BYTES", 20)
    assert "the file is larger than" in refuse(tmp_path, TEXT).detail
    assert content.MAX_BYTES == 64 * 2**20
