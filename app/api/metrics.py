"""Figures for Prometheus: the age of the data, coverage, sources."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from app.api.readiness import readiness
from app.bootstrap import Services


class _Figures:
    """Gauges of one answer. A figure that is unknown is left out."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Any] = {}

    def add(self, name: str, words: str, value: float | None, **labels: str) -> None:
        if value is None:
            return
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"scanner_{name}", words, list(labels), registry=self._registry)
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    @property
    def text(self) -> bytes:
        return generate_latest(self._registry)


def metrics(found: Services) -> bytes:
    """Everything, read now."""
    figures, now = _Figures(), found.clock()
    state, coverage = readiness(found), found.premiums.coverage()
    figures.add("ready", "1 while the data are fit for use", float(state.decisive.ready))
    figures.add("contracts", "contracts stored", coverage.contracts)
    figures.add("stocks", "stocks of the universe", coverage.symbols)
    figures.add("stocks_with_data", "stocks with a stored chain", coverage.symbols_with_data)
    figures.add("worker_alive", "1 while a worker is alive", float(found.sync.worker_alive()))
    figures.add("newest_quote_age_seconds", "age of the newest stored quote", state.quotes.age_seconds)
    _add_flow(figures, found, now)
    for report in found.source_reports.report(hours=1):
        figures.add("source_calls", "calls in the last hour", report.calls, source=report.source)
        figures.add("source_errors", "failed calls in the last hour", sum(report.errors.values()), source=report.source)
    return figures.text


def _add_flow(figures: _Figures, found: Services, now: datetime) -> None:
    """Ages count from the slots of the scans; coverage is of the latest scan that is over."""
    fresh = found.flow.freshness()
    figures.add("flow_scans_on", "1 where workers scan for flow by themselves", float(found.settings.flow_scans))
    figures.add("flow_stocks", "stocks of the latest flow scan", fresh.symbols)
    figures.add("flow_stocks_with_data", "of these, stocks with flow data of any age", fresh.symbols_with_data)
    figures.add("flow_age_seconds", "age of the newest flow data", _age(fresh.newest, now))
    figures.add("flow_half_age_seconds", "half of the stocks have flow data this new", _age(fresh.half_since, now))
    over = next((scan for scan in found.flow.scans(limit=2) if scan.finished_at is not None), None)
    if over is None:
        return
    figures.add("flow_scan_age_seconds", "age of the latest flow scan that is over", _age(over.timestamp, now))
    figures.add("flow_scan_seconds", "how long it took", over.seconds)
    figures.add("flow_scan_stocks", "stocks it was to look at", over.total)
    figures.add("flow_scan_stocks_succeeded", "of these, stocks that it has data of", over.succeeded)
    figures.add("flow_scan_coverage", "the share of these, 0 to 1", over.succeeded / over.total if over.total else None)


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else (now - at).total_seconds()
