"""Numbers as people and programs write them. The decimal mark is a property of a file: stated or proven, never assumed.

`1,5`, `0,123` and `1.234,5` prove a decimal comma, `1.5`, `0.123` and `1,234.5` a decimal point. `1,234` and `1.234`
prove nothing. Blanks and apostrophes group thousands beside either mark.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from scanner.sources.file.problems import FileProblemError

MARKS: Final = (".", ",")
UNKNOWN: Final = frozenset(("", "-", "--", "—", "–", "n/a", "na", "nan", "null", "none", "#n/a"))
"""Texts for a value that is not known, in lower case."""

_OTHER: Final = {".": ",", ",": "."}
_EXPONENT: Final = r"(?:[eE][+-]?\d{1,3})?"
_SHAPE: Final = re.compile(rf"[+-]?([\d.,]+){_EXPONENT}")
_PATTERNS: Final = {
    mark: re.compile(rf"[+-]?(?:\d+|\d{{1,3}}(?:[{re.escape(other)} '’]\d{{3}})+)?(?:{re.escape(mark)}\d*)?{_EXPONENT}")
    for mark, other in _OTHER.items()
}
_GROUPERS: Final = re.compile(r"(?<=\d)[\s '’](?=\d{3})")
_SIGNS: Final = "$% \u00a0\u202f"
_MINUS: Final = "\u2212"


def decimal_mark(texts: Iterable[str], *, stated: str | None) -> str:
    """The decimal mark of these texts: the stated one, else the one they prove.

    Raises FileProblemError where they contradict each other, and where some could be read either way and none decides.
    """
    if stated is not None:
        return stated
    different = set(texts)
    proven = proven_marks(different)
    if len(proven) == 1:
        return proven.pop()
    if proven:
        raise FileProblemError(
            "found numbers with a decimal point and numbers with a decimal comma: state `decimal` in its column map"
        )
    undecided = sorted(text for text in different if _proven_mark(text) == "either")
    if undecided:
        raise FileProblemError(
            f"found {undecided[0]!r}, which may be a thousand or a fraction, and no number that tells: state "
            f'`decimal` ("." or ",") in its column map'
        )
    return "."


def proven_marks(texts: Iterable[str]) -> set[str]:
    """The decimal marks that at least one text proves."""
    return {mark for mark in map(_proven_mark, texts) if mark in MARKS}


@lru_cache(maxsize=65_536)
def read_number(text: str, mark: str) -> float:
    """The number a text stands for, NaN for unknown. Raises ValueError for what is neither.

    A `$` or `%` around it is left out: the caller knows the unit. What is too large to be a number is unknown.
    """
    plain = _without_signs(text)
    if plain.lower() in UNKNOWN:
        return math.nan
    if not _PATTERNS[mark].fullmatch(plain) or not any(character.isdigit() for character in plain):
        raise ValueError(f"{text!r} is no number")
    for grouper in (_OTHER[mark], " ", "'", "’"):
        plain = plain.replace(grouper, "")
    number = float(plain.replace(mark, "."))
    return number if math.isfinite(number) else math.nan


def read_count(text: str) -> float | None:
    """A whole number whose thousands may be grouped by any sign, else None."""
    if re.fullmatch(r"\d+|\d{1,3}(?:[.,\s'’]\d{3})+", text):
        return float(re.sub(r"\D", "", text))
    return None


def _without_signs(text: str) -> str:
    plain = text.strip(_SIGNS).replace(_MINUS, "-").replace("\u00a0", " ").replace("\u202f", " ")
    return plain.replace("-$", "-")


@lru_cache(maxsize=65_536)
def _proven_mark(text: str) -> str | None:
    """The mark this text proves, "either" where it could have both, None where it says nothing."""
    match = _SHAPE.fullmatch(_GROUPERS.sub("", _without_signs(text)))
    if match is None:
        return None
    digits = match[1]
    present = [mark for mark in MARKS if mark in digits]
    if len(present) == 2:
        last = max(present, key=digits.rfind)
        return last if digits.count(last) == 1 else None
    if not present:
        return None
    mark = present[0]
    if digits.count(mark) > 1:
        return _OTHER[mark] if re.fullmatch(rf"\d{{1,3}}(?:\{mark}\d{{3}})+", digits) else None
    whole, _, fraction = digits.partition(mark)
    if len(fraction) != 3 or len(whole) > 3 or whole.startswith("0") or not whole:
        return mark
    return "either"
