"""The universe and what is listed on it."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.api.access import Viewer
from app.api.answers import answer
from app.api.documents import READING, TEXT, WHOLE_NUMBER, found, list_of, object_of
from app.api.parameters import After, StrictRoute, next_page
from app.api.state import services
from scanner.signals.composite import SignalType

router: Final = APIRouter(prefix="/api", tags=["stocks"], dependencies=[Viewer], route_class=StrictRoute)

_SYMBOL: Final = object_of({"symbol": TEXT})
_EXPIRY: Final = object_of(
    {
        "expiry": {**TEXT, "format": "date"},
        "dte": {**WHOLE_NUMBER, "description": "Calendar days from today in New York."},
    }
)
_SIGNAL: Final = object_of({"signal_type": {**TEXT, "enum": [kind.value for kind in SignalType]}})


@router.get(
    "/symbols",
    summary="The stocks of the universe",
    responses=found(list_of(_SYMBOL), [{"symbol": "NVDA"}], "Alphabetically.", paged=True) | READING,
)
def symbols(request: Request, limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000, after: After = None) -> Response:
    """From the first after `after` on, which is the last symbol of the page before."""
    behind = (one for one in services(request).stocks.symbols() if after is None or one > after)
    page = list(islice(behind, limit))
    more = next(behind, None) is not None
    rows = [{"symbol": one} for one in page]
    return answer(request, rows, columns=["symbol"], headers=next_page(request, page[-1]) if more else {})


@router.get(
    "/expiries",
    summary="The stored expirations",
    responses=found(list_of(_EXPIRY), [{"expiry": "2026-11-27", "dte": 7}], "Ascending.") | READING,
)
def expiries(request: Request) -> Response:
    """Dates on which contracts of syncs expire, those of today included, with the days until then."""
    every = services(request).premiums.expirations()
    rows = [{"expiry": one.expiration, "dte": one.dte} for one in every]
    return answer(request, rows, columns=["expiry", "dte"])


@router.get(
    "/signal-types",
    summary="The signals an opportunity can carry",
    responses=found(list_of(_SIGNAL), [{"signal_type": "NEUTRAL"}], "In the order in which they are tried.") | READING,
)
def signal_types(request: Request) -> Response:
    """The first that matches a contract is its signal."""
    return answer(request, [{"signal_type": kind.value} for kind in SignalType])
