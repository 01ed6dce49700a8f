"""Unusual flow, ranked: the contracts whose score says that something is going on."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.api import examples
from app.api.access import Viewer
from app.api.answers import CSV, JSON, csv_text, wants_csv
from app.api.board import FIELDS, Place, Wanted, board_of
from app.api.documents import READING, fields, found, list_of, row_of
from app.api.parameters import After, Expiry, OneSymbol, StrictRoute, next_page, place_of, place_text
from scanner.signals.composite import SignalType
from scanner.symbols import normalise

router: Final = APIRouter(prefix="/api", tags=["flow"], dependencies=[Viewer], route_class=StrictRoute)

MOST_ROWS: Final = 200


@router.get(
    "/top-opportunities",
    summary="Contracts with unusual flow, best score first",
    responses=found(list_of(row_of(FIELDS)), [examples.OPPORTUNITY], "Ranked opportunities.", paged=True) | READING,
)
async def top_opportunities(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    min_composite_score: Annotated[int, Query(ge=0, le=100)] = 0,
    signal_type: Annotated[list[SignalType] | None, Query(description="Only these; may be repeated.")] = None,
    expiry: Expiry = None,
    symbol: OneSymbol = None,
    after: After = None,
) -> Response:
    """Of each stock what its newest scan that succeeded found; `data_timestamp` is the time of that scan."""
    wanted = Wanted(
        limit=limit,
        min_composite_score=min_composite_score,
        signal_types=signal_type or None,
        expiry=expiry,
        symbols=None if symbol is None else [normalise(symbol)],
        after=None if after is None else place_of(after, Place),
    )
    board = await board_of(request).current()
    positions, last = board.board.find(wanted)
    headers = {"ETag": board.tag(positions), **({} if last is None else next_page(request, place_text(last)))}
    if wants_csv(request):
        return Response(csv_text(board.rows(positions), fields(FIELDS)), media_type=CSV, headers=headers)
    return Response(board.json(positions), media_type=JSON, headers=headers)
