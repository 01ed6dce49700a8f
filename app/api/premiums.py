"""The Database Scan: what is stored, filtered and ranked."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.api import examples
from app.api.access import Viewer
from app.api.answers import answer
from app.api.documents import READING, fields, found, list_of, row_of
from app.api.parameters import After, StrictRoute, next_page, place_of, place_text, symbols_in
from app.api.rows import AGING, MODE, rows_of
from app.api.state import services
from app.services.premiums import RankedPlace, ranked_places, rows_behind
from scanner.model import BasisKind, EarningsFilter, Grade, PremiumFilters, PriceBasis, Strategy
from scanner.schema import SCAN

router: Final = APIRouter(prefix="/api", tags=["premiums"], dependencies=[Viewer], route_class=StrictRoute)

MOST_ROWS: Final = 1_000
MOST_COUNT: Final = 1_000_000_000
_FIELDS: Final = (*SCAN.columns, MODE)
_DEFAULTS: Final = PremiumFilters(delta_min=0.25, delta_max=0.40)


@router.get(
    "/premiums",
    summary="Ranked contracts of everything stored",
    responses=found(list_of(row_of(_FIELDS)), [examples.PREMIUM], "Ranked rows.", paged=True) | READING,
)
def premiums(
    request: Request,
    symbols: Annotated[str | None, Query(description="Only these, with commas between.", examples=["AAPL,KO"])] = None,
    strategy: Annotated[list[Strategy] | None, Query(description="Default: cash_secured_put.")] = None,
    dte: Annotated[list[int] | None, Query(description="Target days to expiration: 7, 14, 21, 30, 45, 60.")] = None,
    dte_min: Annotated[int, Query(ge=0, le=10_000)] = _DEFAULTS.dte_min,
    dte_max: Annotated[int, Query(ge=0, le=10_000)] = _DEFAULTS.dte_max,
    delta_min: Annotated[float, Query(ge=0, le=1, description="Of the absolute delta.")] = _DEFAULTS.delta_min,
    delta_max: Annotated[float, Query(ge=0, le=1)] = _DEFAULTS.delta_max,
    volume_min: Annotated[int, Query(ge=0, le=MOST_COUNT)] = _DEFAULTS.volume_min,
    open_interest_min: Annotated[int, Query(ge=0, le=MOST_COUNT)] = _DEFAULTS.open_interest_min,
    max_stock_price: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    min_premium_pct: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    max_spread_pct: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    min_grade: Grade | None = None,
    earnings: Annotated[
        EarningsFilter, Query(description="exclude: only those known to come after the expiration.")
    ] = EarningsFilter.ANY,
    basis: BasisKind = BasisKind.BID,
    fill: Annotated[float | None, Query(ge=0, le=1, description="With the basis fill.")] = None,
    best_per_expiration: bool = True,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
    after: After = None,
) -> Response:
    """The rows of the page Database Scan, every field of them, best monthly return first."""
    filters = PremiumFilters(
        strategies=tuple(dict.fromkeys(strategy or _DEFAULTS.strategies)),
        target_dtes=tuple(sorted(set(dte))) if dte is not None else _DEFAULTS.target_dtes,
        dte_min=dte_min,
        dte_max=dte_max,
        delta_min=delta_min,
        delta_max=delta_max,
        volume_min=volume_min,
        open_interest_min=open_interest_min,
        max_stock_price=max_stock_price,
        min_premium_pct=min_premium_pct,
        max_spread_pct=max_spread_pct,
        min_grade=min_grade,
        earnings=earnings,
        basis=PriceBasis(basis, fill),
        best_per_expiration=best_per_expiration,
    )
    known, chosen = services(request), symbols_in(symbols)
    behind = None if after is None else place_of(after, RankedPlace)
    if chosen:
        every = known.premiums.scan(chosen, filters).rows
        frame = every if behind is None else rows_behind(every, behind)
    else:
        frame = known.premiums.database_scan(filters, limit=limit + 1, behind=behind).rows
    page = frame.head(limit)
    headers = next_page(request, place_text(ranked_places(page)[-1])) if len(frame) > limit else {}
    rows = rows_of(page, SCAN, mode=known.mode.value)
    return answer(request, rows, columns=fields(_FIELDS), aging=AGING, headers=headers)
