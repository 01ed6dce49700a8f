"""The API on this test's own database, with a few stocks of the simulated market, synced or scanned for flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.main import create_app
from app.bootstrap import Services, build
from app.settings import Settings, load_settings
from scanner.model import Mode

IN_SESSION = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
"""At noon in New York, a slot of the flow scan."""

STOCKS = ("AAPL", "CRM", "KO", "UNH")
FLOW_STOCKS = ("AAPL", "KO", "NVDA", "SPY", "TSLA")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Schemathesis 4.32 with pytest 9.2 gives the tests of all addresses one name; each gets its own."""
    for item in items:
        if label := getattr(item, "operation_label", None):
            item._id = replace(item._id, params=label)


@pytest.fixture
def settings(database_dsn: str) -> Settings:
    return load_settings(mode=Mode.SIMULATED, DATABASE_URL=database_dsn, flow_symbols=FLOW_STOCKS)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    built = build(settings, clock=lambda: IN_SESSION)
    yield built
    built.close()


@pytest.fixture
def synced(services: Services) -> Services:
    run = services.sync.start(STOCKS)
    for symbol in STOCKS:
        services.sync.run_symbol(run, symbol)
    return services


def scan(services: Services) -> Services:
    """The flow scan that is due, done as workers do it."""
    run = services.flow_scans.begin_due()
    assert run is not None
    for symbol in services.flow_scans.symbols:
        services.flow_scans.run_symbol(run, symbol)
    return services


@pytest.fixture
def scanned(services: Services) -> Services:
    return scan(services)


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: services), raise_server_exceptions=False) as made:
        yield made


def rows(client: TestClient, address: str, **parameters: Any) -> Any:
    answer = client.get(address, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pages(client: TestClient, address: str) -> list[Any]:
    """The rows of all pages from this address on, by their Link headers."""
    found: list[Any] = []
    following: str | None = address
    while following is not None:
        answer = client.get(following)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        following = answer.links["next"]["url"] if "next" in answer.links else None
    return found
