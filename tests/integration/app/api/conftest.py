"""The API on this test's own database, with a few synced stocks of the simulated market."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.main import create_app
from app.bootstrap import Services, build
from app.settings import Settings, load_settings
from scanner.model import Mode

IN_SESSION = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
STOCKS = ("AAPL", "CRM", "KO", "UNH")


@pytest.fixture
def settings(database_dsn: str) -> Settings:
    return load_settings(mode=Mode.SIMULATED, DATABASE_URL=database_dsn)


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


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), raise_server_exceptions=False) as made:
        yield made


def rows(client: TestClient, address: str, **parameters: Any) -> Any:
    answer = client.get(address, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()
