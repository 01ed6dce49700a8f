"""Whether the service lives, whether its data are fit for use, and its figures for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from app.api.answers import answer, json_bytes
from app.api.state import services
from app.bootstrap import Services

router: Final = APIRouter()

MOST_AGE_IN_SESSION: Final = timedelta(minutes=45)
"""In market hours data are fit for use while the newest quote is not older."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready` is about the data alone: a dead worker shows in their age."""

    ready: bool
    reason: str
    newest_quote: datetime | None
    age_seconds: float | None


@router.get("/", tags=["status"], summary="What this is")
def index(request: Request) -> Response:
    """The mode of the data and where to look next."""
    body = {
        "name": "options scanner",
        "mode": services(request).mode.value,
        "documentation": "/docs",
        "health": "/health",
        "ready": "/health/ready",
        "api": "/api",
    }
    return answer(request, body)


@router.get("/health", tags=["status"], summary="The process lives")
def health(request: Request) -> Response:
    return answer(request, {"status": "ok", "mode": services(request).mode.value})


@router.get(
    "/health/ready",
    tags=["status"],
    summary="The data are fit for use",
    responses={503: {"description": "No data, or too old for a market that is open."}},
)
def ready(request: Request) -> Response:
    """By the age of the data, not by the state of any process."""
    found = readiness(services(request))
    body = {
        "ready": found.ready,
        "reason": found.reason,
        "newest_quote": found.newest_quote,
        "age_seconds": found.age_seconds,
        "mode": services(request).mode.value,
    }
    return Response(json_bytes(body), status_code=200 if found.ready else 503, media_type="application/json")


@router.get("/metrics", tags=["status"], summary="Figures for Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    return Response(_metrics(services(request)), media_type=CONTENT_TYPE_LATEST)


def readiness(found: Services) -> Readiness:
    """Fit for use: some data; in session none older than 45 minutes, else of the last session."""
    now, coverage = found.clock(), found.premiums.coverage()
    newest = coverage.newest_quote
    if newest is None:
        return Readiness(False, "nothing is stored yet", None, None)
    clock = found.calendar.clock(now)
    age = now - newest
    if clock.is_open:
        oldest = max(clock.opens_at - MOST_AGE_IN_SESSION, now - MOST_AGE_IN_SESSION)
        fit, wanted = newest >= oldest, "45 minutes"
    else:
        fit, wanted = newest >= clock.opens_at, "the last session"
    reason = "" if fit else f"the newest quote is older than {wanted}"
    return Readiness(fit, reason, newest, age.total_seconds())


def _metrics(found: Services) -> bytes:
    registry = CollectorRegistry()

    def gauge(name: str, words: str, value: float, **labels: str) -> None:
        made: Any = known.get(name)
        if made is None:
            made = known[name] = Gauge(f"scanner_{name}", words, list(labels), registry=registry)
        (made.labels(**labels) if labels else made).set(value)

    known: dict[str, Gauge] = {}
    state, coverage = readiness(found), found.premiums.coverage()
    gauge("ready", "1 while the data are fit for use", float(state.ready))
    gauge("contracts", "contracts stored", coverage.contracts)
    gauge("stocks", "stocks of the universe", coverage.symbols)
    gauge("stocks_with_data", "stocks with a stored chain", coverage.symbols_with_data)
    gauge("worker_alive", "1 while a worker is alive", float(found.sync.worker_alive()))
    if state.age_seconds is not None:
        gauge("newest_quote_age_seconds", "age of the newest stored quote", state.age_seconds)
    for report in found.source_reports.report(hours=1):
        gauge("source_calls", "calls in the last hour", report.calls, source=report.source)
        gauge("source_errors", "failed calls in the last hour", sum(report.errors.values()), source=report.source)
    return generate_latest(registry)
