"""Decimal marks are proven or stated, never assumed."""

from __future__ import annotations

import math

import pytest

from scanner.sources.file.numbers import decimal_mark, read_count, read_number
from scanner.sources.file.problems import FileProblemError


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1.5"], "."),
        (["0.123"], "."),
        (["1234.567"], "."),
        (["1,234.5", "2,000"], "."),
        (["1,234,567"], "."),
        ([".5", "$1,000"], "."),
        (["1,5"], ","),
        (["0,123"], ","),
        (["1.234,5", "2.000"], ","),
        (["1.234.567"], ","),
        (["1 234,56", "12,5 %"], ","),
        (["12", "0", "", "-", "27.11.2026"], "."),
    ],
)
def test_texts_prove_their_mark(texts: list[str], mark: str) -> None:
    assert decimal_mark(texts, stated=None) == mark


def test_a_thousand_or_a_fraction_is_not_guessed() -> None:
    with pytest.raises(FileProblemError, match=r"'1,234'.*decimal"):
        decimal_mark(["1,234", "12"], stated=None)
    assert decimal_mark(["1,234", "12"], stated=",") == ","


def test_both_marks_in_one_file_are_refused() -> None:
    with pytest.raises(FileProblemError, match="decimal point and numbers with a decimal comma"):
        decimal_mark(["1.5", "1,5"], stated=None)


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("1.25", ".", 1.25),
        ("1,234.5", ".", 1234.5),
        ("1,234", ".", 1234.0),
        ("1,234", ",", 1.234),
        ("1.234,5", ",", 1234.5),
        ("1'234.5", ".", 1234.5),
        ("1\u202f234,5", ",", 1234.5),
        ("$1.25", ".", 1.25),
        ("-$1.25", ".", -1.25),
        ("35.2%", ".", 35.2),
        ("\u22121.5", ".", -1.5),
        ("1e-05", ".", 1e-05),
        ("5.", ".", 5.0),
        ("-999", ".", -999.0),
    ],
)
def test_numbers_are_read(text: str, mark: str, number: float) -> None:
    assert read_number(text, mark) == number


@pytest.mark.parametrize("text", ["", "-", "--", "N/A", "NaN", "null", "—", "1e999"])
def test_unknown_is_nan(text: str) -> None:
    assert math.isnan(read_number(text, "."))


@pytest.mark.parametrize(
    "text", ["=1+2", "=A1", "1.2.3", "12,34", "1,2345", "€1.25", "1.5M", "(1.25)", ".", "abc", "1_000", "inf", "0x10"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        read_number(text, ".")


@pytest.mark.parametrize(
    ("text", "count"), [("74,482,292", 74482292.0), ("74.482.292", 74482292.0), ("12", 12.0), ("1.5", None), ("", None)]
)
def test_whole_numbers_need_no_mark(text: str, count: float | None) -> None:
    assert read_count(text) == count
