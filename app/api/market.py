"""The market as flow scans see it: its mood, skew and walls of a stock, their history, how the scans fare."""

from __future__ import annotations

from dataclasses import asdict
from dataclasses import fields as fields_of
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.api import examples
from app.api.access import Viewer
from app.api.answers import answer
from app.api.board import FIELDS, Wanted, board_of
from app.api.documents import (
    FLAG,
    INSTANT,
    NUMBER,
    READING,
    TEXT,
    WHOLE_NUMBER,
    fields,
    found,
    list_of,
    object_of,
    or_null,
    problems,
    row_of,
)
from app.api.parameters import After, Expiry, StrictRoute, SymbolInPath, instant_of, next_page
from app.api.problems import NotThereError
from app.api.rows import AGES, MODE, renamed, rows_of, with_ages
from app.api.state import services
from app.bootstrap import Services
from app.services.flow import Performance
from scanner.schema import SKEW_HISTORY, SKEW_ROWS
from scanner.signals.sentiment import Sentiment
from scanner.symbols import normalise
from scanner.volatility_history import VolatilityPlace

router: Final = APIRouter(prefix="/api", tags=["flow"], dependencies=[Viewer], route_class=StrictRoute)

MOST_HOURS: Final = 168
MOST_SCANS: Final = 500
MOST_OPPORTUNITIES: Final = 200
_NAMES: Final = {"expiration": "expiry"}
_SKEW: Final = (*renamed(SKEW_ROWS, _NAMES), MODE, *AGES)
_HISTORY: Final = (*renamed(SKEW_HISTORY, _NAMES), MODE)

_SENTIMENT: Final = object_of(
    {
        "market_sentiment": {**TEXT, "enum": [one.value for one in Sentiment]},
        "avg_skew": {**or_null(NUMBER), "description": "Mean 25-delta skew in vol points."},
        "stddev": {**or_null(NUMBER), "description": "Of the sample, in vol points; unknown below two stocks."},
        "n": {**WHOLE_NUMBER, "description": "Stocks in the mean."},
        "without_skew": {**WHOLE_NUMBER, "description": "Stocks that were looked at and have no skew."},
        "timestamp": {**or_null(INSTANT), "description": "Of the scan; null before the first that is over."},
        "run_id": or_null(WHOLE_NUMBER),
        "mode": TEXT,
    }
)


@router.get(
    "/market-sentiment",
    summary="The mood of the market",
    responses=found(_SENTIMENT, examples.SENTIMENT, "The sentiment of the latest scan that is over.") | READING,
)
def market_sentiment(request: Request) -> Response:
    """By the mean skew over stocks. UNKNOWN, with n = 0, before the first scan is over."""
    mode, mood = services(request).mode.value, services(request).flow.market_sentiment()
    nothing = dict.fromkeys(("avg_skew", "stddev", "timestamp", "run_id"))
    facts = (
        {**nothing, "market_sentiment": Sentiment.UNKNOWN.value, "n": 0, "without_skew": 0}
        if mood is None
        else asdict(mood)
    )
    return answer(request, {name: facts.get(name, mode) for name in _SENTIMENT["properties"]})


_STOCK: Final = object_of(
    {
        "symbol": TEXT,
        "mode": TEXT,
        "timestamp": {**INSTANT, "description": "Of the stock's newest scan that succeeded: its rows are from there."},
        "expirations": list_of(row_of(_SKEW)),
        "opportunities": list_of(row_of(FIELDS)),
        "opportunities_left_out": {
            **WHOLE_NUMBER,
            "description": "Beyond the best 200; page through top-opportunities.",
        },
        "iv30": or_null({**NUMBER, "description": "At-the-money volatility thirty days ahead, decimal."}),
        "iv_rank": or_null({**NUMBER, "description": "%, null until 252 sessions are kept."}),
        "iv_percentile": or_null({**NUMBER, "description": "%, null until 252 sessions are kept."}),
        "rv20": or_null({**NUMBER, "description": "Realised volatility of 20 sessions, decimal a year."}),
        "rv60": or_null({**NUMBER, "description": "The same of 60 sessions."}),
        "iv_history_days": {**WHOLE_NUMBER, "description": "Sessions with a volatility, at most 252."},
    }
)


@router.get(
    "/stock/{symbol}",
    summary="Skew, expected move, sums, walls and opportunities of one stock",
    responses=found(_STOCK, examples.STOCK, "What the stock's newest scan found.") | READING | problems(404),
)
async def stock(request: Request, symbol: SymbolInPath, expiry: Expiry = None) -> Response:
    """As CSV it is the table of expirations alone."""
    known, name = services(request), normalise(symbol)
    expirations, at = await run_in_threadpool(_expirations, known, name)
    chosen = [row for row in expirations if expiry in (None, row["expiry"])]
    if not chosen:
        listed = ", ".join(str(row["expiry"]) for row in expirations)
        raise NotThereError(f"{name} has no expiration {expiry} in its newest scan. Ask for one of {listed}")
    board = await board_of(request).current()
    positions, _ = board.board.find(Wanted(limit=len(board.ages), symbols=[name], expiry=expiry))
    shown = positions[:MOST_OPPORTUNITIES]
    body = {
        "symbol": name,
        "mode": known.mode.value,
        "timestamp": at,
        "expirations": chosen,
        "opportunities": board.rows(shown),
        "opportunities_left_out": len(positions) - len(shown),
        **await run_in_threadpool(_volatility, known, name),
    }
    return answer(request, body, table=chosen, columns=fields(_SKEW))


@router.get(
    "/historical/{symbol}",
    summary="Skew and expected move of one stock over time",
    responses=found(list_of(row_of(_HISTORY)), [examples.HISTORY], "A row per scan and expiration, ascending.")
    | READING
    | problems(404),
)
def historical(
    request: Request,
    symbol: SymbolInPath,
    hours: Annotated[
        int, Query(ge=1, le=MOST_HOURS, description="Of the clock, closed hours included: over a week-end ask for 72.")
    ] = 24,
    expiry: Expiry = None,
) -> Response:
    """With the change since the scan before. A scan that failed has no row, and nothing is filled in for it."""
    known, name = services(request), normalise(symbol)
    since = known.clock() - timedelta(hours=hours)
    frame = known.flow.skew_history(name, since=since, expiration=expiry)
    if frame.empty:
        _expirations(known, name)
    rows = rows_of(frame, SKEW_HISTORY, _NAMES, mode=known.mode.value)
    return answer(request, rows, columns=fields(_HISTORY))


def _volatility(known: Services, symbol: str) -> dict[str, Any]:
    """Where the stock's volatility lies among those of its sessions."""
    found = known.volatility_history.places([symbol]).get(symbol, VolatilityPlace(None, 0))
    past = known.volatility_history.realised([symbol]).get(symbol)
    return {
        "iv30": found.iv30,
        "iv_rank": found.rank,
        "iv_percentile": found.percentile,
        "iv_history_days": found.sessions,
        "rv20": None if past is None else past.rv20,
        "rv60": None if past is None else past.rv60,
    }


def _expirations(known: Services, symbol: str) -> tuple[list[dict[str, Any]], Any]:
    """The rows of a stock's newest scan, and its time. Raises NotThereError with what to do."""
    frame = known.flow.skew([symbol])
    if frame.empty:
        raise NotThereError(_why_not(known, symbol))
    rows = with_ages(rows_of(frame, SKEW_ROWS, _NAMES, mode=known.mode.value), frame, known.flow)
    return rows, rows[0]["timestamp"]


def _why_not(known: Services, symbol: str) -> str:
    if symbol in known.flow_scans.symbols:
        return (
            f"{symbol} has no flow data yet: no scan of it has succeeded. GET /api/scan-status says when the next is "
            "due and what failed"
        )
    return (
        f"{symbol} is not scanned for flow. Add it to the symbols of the flow scan (page Settings), or ask for one of "
        f"{', '.join(sorted(known.flow_scans.symbols)[:60])}"
    )


_SCAN: Final = object_of(
    {
        "run_id": WHOLE_NUMBER,
        "timestamp": {**INSTANT, "description": "The slot the scan is for."},
        "state": TEXT,
        "requested_at": INSTANT,
        "started_at": or_null(INSTANT),
        "finished_at": or_null(INSTANT),
        "seconds": {
            **or_null(NUMBER),
            "description": "From its request to its end; null while it runs, and of simulated scans of the past.",
        },
        "total": {**WHOLE_NUMBER, "description": "Stocks it was to look at."},
        "succeeded": WHOLE_NUMBER,
        "failed": WHOLE_NUMBER,
        "contracts": WHOLE_NUMBER,
        "most_attempts": or_null(WHOLE_NUMBER),
        "fetch_ms": {**or_null(NUMBER), "description": "Mean of a stock, as the next two."},
        "price_ms": or_null(NUMBER),
        "store_ms": or_null(NUMBER),
        "mode": TEXT,
    }
)
_STATUS: Final = object_of(
    {
        "mode": TEXT,
        "switched_on": {**FLAG, "description": "Whether workers scan by themselves: SCANNER_FLOW_SCANS."},
        "worker_alive": FLAG,
        "coverage": {**TEXT, "description": "Of the latest scan, in words."},
        "failures": list_of(object_of({"symbol": TEXT, "error_class": TEXT, "message": TEXT})),
        "missed": {**list_of(INSTANT), "description": "Slots of the latest session that passed without a scan."},
        "next_scan": {**INSTANT, "description": "When the next slot is."},
        "scans": list_of(_SCAN),
    }
)


@router.get(
    "/scan-status",
    summary="How the flow scans fare",
    responses=found(_STATUS, examples.SCAN_STATUS, "The latest scans, newest first.", paged=True) | READING,
)
def scan_status(
    request: Request, limit: Annotated[int, Query(ge=1, le=MOST_SCANS)] = 20, after: After = None
) -> Response:
    """Coverage, failures, what is due, and `limit` scans. As CSV it is the table of scans alone."""
    known = services(request)
    scans = known.flow.scans(limit=limit + 1, before=None if after is None else instant_of(after))
    status = known.flow.status()
    progress = known.flow.progress(status.latest.run_id) if status.latest else None
    rows = [_facts(scan, known.mode.value) for scan in scans[:limit]]
    body = {
        "mode": known.mode.value,
        "switched_on": known.settings.flow_scans,
        "worker_alive": known.sync.worker_alive(),
        "coverage": status.coverage,
        "failures": [
            {"symbol": one.symbol, "error_class": one.error_class, "message": one.message}
            for one in (progress.failures if progress else ())
        ],
        "missed": list(status.missed),
        "next_scan": status.next_slot,
        "scans": rows,
    }
    headers = next_page(request, rows[-1]["timestamp"].isoformat()) if len(scans) > limit else {}
    return answer(request, body, table=rows, columns=list(_SCAN["properties"]), headers=headers)


def _facts(scan: Performance, mode: str) -> dict[str, Any]:
    return {field.name: getattr(scan, field.name) for field in fields_of(scan)} | {"mode": mode}
