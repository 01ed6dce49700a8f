from __future__ import annotations

import pytest

from app.commands import explain
from scanner.errors import ScannerError


@pytest.mark.parametrize(
    ("message", "paragraph"),
    [
        ("port 80 is used. Stop that one", "Port 80 is used. Stop that one."),
        ("scanner@127.0.0.1:5432/x refused. Correct it.", "scanner@127.0.0.1:5432/x refused. Correct it."),
        ("/tmp/x cannot be opened", "/tmp/x cannot be opened."),
        ("postgresql://me:hush@db/options is odd", "postgresql://me:***@db/options is odd."),
    ],
)
def test_an_error_is_explained_in_a_sentence_without_secrets(message: str, paragraph: str) -> None:
    assert explain(ScannerError(message)) == paragraph
