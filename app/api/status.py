"""What the service is, whether it lives, whether its data are fit for use, and its figures for Prometheus."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app import VERSION
from app.api import examples
from app.api.answers import JSON, PROBLEM, json_bytes
from app.api.documents import (
    FLAG,
    INSTANT,
    NUMBER,
    PROBLEM_FORM,
    TEXT,
    Described,
    form_of,
    live,
    object_of,
    or_null,
    problems,
)
from app.api.metrics import metrics as figures
from app.api.parameters import StrictRoute
from app.api.readiness import readiness
from app.api.state import services

router: Final = APIRouter(tags=["status"], route_class=StrictRoute)

NAME: Final = "options scanner"
_LINKS: Final = {
    "documentation": "/docs",
    "openapi": "/openapi.json",
    "health": "/health",
    "ready": "/health/ready",
    "metrics": "/metrics",
    "top_opportunities": "/api/top-opportunities",
    "market_sentiment": "/api/market-sentiment",
    "stock": "/api/stock/{symbol}",
    "historical": "/api/historical/{symbol}",
    "scan_status": "/api/scan-status",
    "premiums": "/api/premiums",
    "symbols": "/api/symbols",
    "expiries": "/api/expiries",
    "signal_types": "/api/signal-types",
    "sync": "/api/sync",
    "sync_status": "/api/sync/status",
}
_INDEX: Final = object_of(
    {"name": TEXT, "version": TEXT, "mode": TEXT, "links": object_of(dict.fromkeys(_LINKS, TEXT))}
)
_PART: Final = object_of(
    {
        "ready": FLAG,
        "reason": {**TEXT, "description": "Why not; empty where ready."},
        "newest": or_null(INSTANT),
        "age_seconds": or_null(NUMBER),
    }
)
_READY: Final = object_of(
    {
        "ready": FLAG,
        "reason": {**TEXT, "description": "Why not; empty where ready."},
        "decided_by": {**TEXT, "enum": ["flow", "quotes"]},
        "flow": _PART,
        "quotes": _PART,
        "mode": TEXT,
    }
)
_NOTHING: Final = {"ready": False, "reason": "the newest quote is not stored yet", "newest": None, "age_seconds": None}
_EMPTY: Final = {
    **examples.READY,
    "ready": False,
    "reason": _NOTHING["reason"],
    "decided_by": "quotes",
    "quotes": _NOTHING,
}
_NOT_READY: Final[Described] = {
    503: {
        "description": "No data, too old for a market that is open, or a problem: the database does not answer.",
        "content": {
            JSON: form_of(_READY, _EMPTY),
            PROBLEM: {"schema": PROBLEM_FORM},
        },
    }
}
_PROMETHEUS: Final = CONTENT_TYPE_LATEST.partition(";")[0]
_FIGURES: Final[Described] = {
    200: {"description": "Prometheus text format.", "content": {_PROMETHEUS: {"schema": TEXT}}}
}


@router.get(
    "/",
    summary="What this is",
    responses=live(
        _INDEX,
        {"name": NAME, "version": VERSION, "mode": "live", "links": _LINKS},
        "Name, version, mode of the data, and where to look next.",
    )
    | problems(422),
)
def index(request: Request) -> Response:
    body = {"name": NAME, "version": VERSION, "mode": services(request).mode.value, "links": _LINKS}
    return Response(json_bytes(body), media_type=JSON)


@router.get(
    "/health",
    summary="The process lives",
    responses=live(object_of({"status": TEXT, "mode": TEXT}), {"status": "ok", "mode": "live"}, "It does.")
    | problems(422),
)
def health(request: Request) -> Response:
    return Response(json_bytes({"status": "ok", "mode": services(request).mode.value}), media_type=JSON)


@router.get(
    "/health/ready",
    summary="The data are fit for use",
    responses=live(_READY, examples.READY, "They are.") | problems(422) | _NOT_READY,
)
def ready(request: Request) -> Response:
    """By the age of the data, not by the state of any process. Where flow scans are switched on their data decide."""
    found = readiness(services(request))
    body = {
        "ready": found.decisive.ready,
        "reason": found.decisive.reason,
        "decided_by": found.decided_by,
        "flow": asdict(found.flow),
        "quotes": asdict(found.quotes),
        "mode": services(request).mode.value,
    }
    return Response(json_bytes(body), status_code=200 if found.decisive.ready else 503, media_type=JSON)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses=_FIGURES | problems(422, 503),
)
def metrics(request: Request) -> Response:
    return Response(figures(services(request)), media_type=CONTENT_TYPE_LATEST)
