"""What parameters of several addresses share: their forms, places in long lists, and that none is unknown."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BeforeValidator

from scanner.errors import InputError
from scanner.symbols import normalise

T = TypeVar("T")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
MOST_SYMBOLS: Final = 500


def _day(value: object) -> object:
    """Only `2026-11-20`: what else could be read as a date is more likely a mistake."""
    if not isinstance(value, str):
        return value
    if not _DAY.fullmatch(value):
        raise ValueError("not a date such as 2026-11-20")
    day = date.fromisoformat(value)
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"not a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return day


Day = Annotated[date, BeforeValidator(_day)]
Expiry = Annotated[
    Day | None, Query(description="Only this expiration, as GET /api/expiries lists them.", examples=["2026-11-20"])
]
SymbolInPath = Annotated[str, Path(description="A stock, as GET /api/symbols lists them.", examples=["NVDA"])]
OneSymbol = Annotated[str | None, Query(description="Only this stock.", examples=["NVDA"])]
After = Annotated[
    str | None,
    Query(description="For the next page: taken over from the `Link` header of the page before."),
]


def symbols_in(text: str | None) -> tuple[str, ...]:
    """Symbols with commas between, without repeats. Raises SymbolError, and InputError for too many."""
    if not text:
        return ()
    found = tuple(dict.fromkeys(normalise(one) for one in text.split(",") if one.strip()))
    if len(found) > MOST_SYMBOLS:
        raise InputError(f"{len(found)} symbols are too many for one request: send at most {MOST_SYMBOLS}")
    return found


class StrictRoute(APIRoute):
    """Refuses parameters that the address does not have: a misspelt filter must not be passed over in silence."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        known = [field.alias for field in self.dependant.query_params]

        async def handle_known(request: Request) -> Response:
            unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
            if unknown:
                raise RequestValidationError(
                    [{"loc": ("query", name), "msg": _advice(name, known)} for name in unknown]
                )
            return await handle(request)

        return handle_known


def _advice(name: str, known: list[str]) -> str:
    if like := get_close_matches(name, known, 1):
        return f"no parameter of this address; {like[0]} is"
    return f"no parameter of this address, which has {', '.join(known) or 'none'}"


def place_text(place: tuple[Any, ...]) -> str:
    """A place in a list as text for an address; `place_of` reads it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(text: str, kind: type[T]) -> T:
    """The place that `place_text` wrote. Raises InputError for any other text."""
    try:
        return msgspec.json.decode(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), type=kind)
    except (ValueError, msgspec.DecodeError):
        raise InputError(
            "after is no place in this list. Take the address of the next page from the Link header of the one before"
        ) from None


def instant_of(text: str) -> datetime:
    """An instant written as ISO 8601 with its zone. Raises InputError."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else _no_zone(text)
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is not an instant such as 2026-11-20T20:00:00Z") from None


def _no_zone(text: str) -> datetime:
    raise ValueError(text)


def next_page(request: Request, after: str) -> dict[str, str]:
    """The header that leads to the next page: the same question, from another place on."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    return {"Link": f'<{request.scope["path"]}?{urlencode([*query, ("after", after)])}>; rel="next"'}
