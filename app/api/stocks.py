"""The universe and what is listed on it."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.api.access import Viewer
from app.api.answers import answer
from app.api.state import services
from scanner.signals.composite import SignalType

router: Final = APIRouter(prefix="/api", tags=["stocks"], dependencies=[Viewer])


@router.get("/symbols", summary="The stocks of the universe")
def symbols(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    after: Annotated[str, Query(description="For the next page: the last symbol of the one before.")] = "",
) -> Response:
    """Alphabetically, from the first after `after` on."""
    every = services(request).stocks.symbols()
    return answer(request, [{"symbol": one} for one in islice((one for one in every if one > after), limit)])


@router.get("/expiries", summary="The stored expirations")
def expiries(request: Request) -> Response:
    """Dates on which stored contracts expire, ascending, with the days until then."""
    found = services(request).premiums.expirations()
    return answer(request, [{"expiry": one.expiration, "dte": one.dte} for one in found])


@router.get("/signal-types", summary="The signals an opportunity can carry")
def signal_types(request: Request) -> Response:
    return answer(request, [{"signal_type": kind.value} for kind in SignalType])
