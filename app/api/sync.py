"""Start a sync and see where it stands."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request, Response

from app.api import examples
from app.api.access import Trader, Viewer
from app.api.answers import JSON, json_bytes
from app.api.documents import (
    FLAG,
    INSTANT,
    NUMBER,
    READING,
    TEXT,
    WHOLE_NUMBER,
    list_of,
    live,
    object_of,
    or_null,
    problems,
)
from app.api.parameters import StrictRoute
from app.api.state import services
from app.services.sync import SyncProgress

router: Final = APIRouter(prefix="/api/sync", tags=["sync"], route_class=StrictRoute)

MOST_SYMBOLS: Final = 10_000

_RUN: Final = object_of({"run_id": WHOLE_NUMBER})
_FAILURE: Final = object_of({"symbol": TEXT, "error_class": TEXT, "message": TEXT})
_PROGRESS: Final = object_of(
    {
        "run_id": WHOLE_NUMBER,
        "state": TEXT,
        "total": WHOLE_NUMBER,
        "done": WHOLE_NUMBER,
        "succeeded": WHOLE_NUMBER,
        "failed": WHOLE_NUMBER,
        "cancelled": WHOLE_NUMBER,
        "current": {**list_of(TEXT), "description": "Symbols in work."},
        "contracts": WHOLE_NUMBER,
        "started_at": INSTANT,
        "finished_at": or_null(INSTANT),
        "symbols_per_second": or_null(NUMBER),
        "seconds_left": or_null(NUMBER),
        "worker_alive": {**FLAG, "description": "Without a worker nothing moves: python -m app.cli worker."},
        "errors": {"type": "object", "additionalProperties": WHOLE_NUMBER, "description": "Failures by class."},
        "failures": {**list_of(_FAILURE), "description": "At most 200, alphabetically."},
        "mode": TEXT,
    }
)
_NONE: Final = object_of({"state": {**TEXT, "enum": ["none"]}, "mode": TEXT})


@router.post(
    "",
    status_code=202,
    summary="Fetch chains now",
    dependencies=[Trader],
    responses=live(_RUN, {"run_id": 813}, "The run that was started or joined.", status=202) | READING | problems(400),
)
def start(
    request: Request,
    symbols: Annotated[
        list[str] | None,
        Body(
            embed=True,
            min_length=1,
            max_length=MOST_SYMBOLS,
            description="Which ones; left out, all stocks of the universe.",
            examples=[["AAPL", "KO"]],
        ),
    ] = None,
) -> Response:
    """Starts a run, or joins the one that is running."""
    run_id = services(request).sync.start(tuple(symbols) if symbols is not None else None)
    return Response(json_bytes({"run_id": run_id}), status_code=202, media_type=JSON)


@router.get(
    "/status",
    summary="Where the latest sync stands",
    dependencies=[Viewer],
    responses=live({"oneOf": [_PROGRESS, _NONE]}, examples.SYNC, "Counts, rate, time left, failures.") | READING,
)
def status(request: Request) -> Response:
    """Before the first sync its state is none."""
    found = services(request)
    progress = found.sync.progress()
    facts = {"state": "none"} if progress is None else _facts(progress)
    return Response(json_bytes(facts | {"mode": found.mode.value}), media_type=JSON)


def _facts(progress: SyncProgress) -> dict[str, Any]:
    return {
        "run_id": progress.run_id,
        "state": progress.state.value,
        "total": progress.total,
        "done": progress.done,
        "succeeded": progress.succeeded,
        "failed": progress.failed,
        "cancelled": progress.cancelled,
        "current": list(progress.current),
        "contracts": progress.contracts,
        "started_at": progress.started_at,
        "finished_at": progress.finished_at,
        "symbols_per_second": progress.rate_per_second,
        "seconds_left": progress.seconds_left,
        "worker_alive": progress.worker_alive,
        "errors": dict(progress.errors),
        "failures": [
            {"symbol": one.symbol, "error_class": one.error_class, "message": one.message} for one in progress.failures
        ],
    }
