"""The Database Scan: what is stored, filtered and ranked."""

from __future__ import annotations

from typing import Annotated, Any, Final

import pandas as pd
from fastapi import APIRouter, Query, Request, Response

from app.api.access import Viewer
from app.api.answers import answer
from app.api.state import services
from scanner.model import BasisKind, Grade, PremiumFilters, PriceBasis, Strategy
from scanner.schema import SCAN
from scanner.symbols import normalise

router: Final = APIRouter(prefix="/api", tags=["premiums"], dependencies=[Viewer])

MOST_ROWS: Final = 1_000
_DEFAULTS: Final = PremiumFilters(delta_min=0.25, delta_max=0.40)


@router.get("/premiums", summary="Ranked contracts of everything stored")
def premiums(
    request: Request,
    symbols: Annotated[str | None, Query(description="Only these, with commas between.", examples=["AAPL,KO"])] = None,
    strategy: Annotated[list[Strategy] | None, Query(description="Default: cash_secured_put.")] = None,
    dte: Annotated[list[int] | None, Query(description="Target days to expiration: 7, 14, 21, 30, 45, 60.")] = None,
    dte_min: Annotated[int, Query(ge=0, le=10_000)] = _DEFAULTS.dte_min,
    dte_max: Annotated[int, Query(ge=0, le=10_000)] = _DEFAULTS.dte_max,
    delta_min: Annotated[float, Query(ge=0, le=1, description="Of the absolute delta.")] = _DEFAULTS.delta_min,
    delta_max: Annotated[float, Query(ge=0, le=1)] = _DEFAULTS.delta_max,
    volume_min: Annotated[int, Query(ge=0)] = _DEFAULTS.volume_min,
    open_interest_min: Annotated[int, Query(ge=0)] = _DEFAULTS.open_interest_min,
    max_stock_price: Annotated[float | None, Query(ge=0)] = None,
    min_premium_pct: Annotated[float | None, Query(ge=0)] = None,
    max_spread_pct: Annotated[float | None, Query(ge=0)] = None,
    min_grade: Grade | None = None,
    basis: BasisKind = BasisKind.BID,
    fill: Annotated[float | None, Query(ge=0, le=1, description="With the basis fill.")] = None,
    best_per_expiration: bool = True,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
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
        basis=PriceBasis(basis, fill),
        best_per_expiration=best_per_expiration,
    )
    found = services(request)
    chosen = tuple(normalise(symbol) for symbol in symbols.split(",") if symbol.strip()) if symbols else ()
    if chosen:
        rows = found.premiums.scan(chosen, filters).rows.head(limit)
    else:
        rows = found.premiums.database_scan(filters, limit=limit).rows
    return answer(request, rows_of(rows, found.mode.value), columns=[*SCAN.names, "mode"])


def rows_of(frame: pd.DataFrame, mode: str) -> list[dict[str, Any]]:
    """The rows of a declared frame as plain values: dates as dates, unknown as None, the mode in each."""
    columns = {str(name): _plain(frame[name]) for name in frame}
    return [dict(zip(columns, values, strict=True), mode=mode) for values in zip(*columns.values(), strict=True)]


def _plain(values: pd.Series) -> list[Any]:
    if values.dtype.kind == "M":
        is_date = str(values.dtype) == "datetime64[s]"
        return [None if pd.isna(one) else one.date() if is_date else one.to_pydatetime() for one in values]
    known = values.astype(object)
    return list(known.where(values.notna(), None))
