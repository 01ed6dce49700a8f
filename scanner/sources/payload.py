"""What reading any vendor's answer needs: the error of a shape that is not the documented one, and first steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PayloadError(Exception):
    """An answer does not have the documented shape. The message names what is wrong.

    Raised while an answer is read; the source turns it into a MalformedAnswerError with its name and the symbol.
    """


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """The value if it is a JSON object. Raises PayloadError."""
    if not isinstance(value, Mapping):
        raise PayloadError(f"{what} is not an object")
    return value
