"""Start a sync and see where it stands."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request, Response

from app.api.access import Trader, Viewer
from app.api.answers import answer, json_bytes
from app.api.state import services
from app.services.sync import SyncProgress

router: Final = APIRouter(prefix="/api/sync", tags=["sync"])


@router.post("", status_code=202, summary="Fetch chains now", dependencies=[Trader])
def start(
    request: Request,
    symbols: Annotated[
        list[str] | None,
        Body(embed=True, description="Which ones; left out, all stocks of the universe.", examples=[["AAPL", "KO"]]),
    ] = None,
) -> Response:
    """Starts a run, or joins the one that is running."""
    run_id = services(request).sync.start(tuple(symbols) if symbols is not None else None)
    return Response(json_bytes({"run_id": run_id}), status_code=202, media_type="application/json")


@router.get("/status", summary="Where the latest sync stands", dependencies=[Viewer])
def status(request: Request) -> Response:
    """Counts by state, current symbols, rate and time left, failures by class. `{"state": "none"}` before the first."""
    found = services(request)
    progress = found.sync.progress()
    return answer(request, {"state": "none"} if progress is None else _facts(progress) | {"mode": found.mode.value})


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
