"""The OpenAPI document against the real application on a filled database: what it promises is what comes, always.

Schemathesis asks good and bad questions made from the document, the same ones each time: boundary values of every
parameter, then random ones; NUL characters, huge numbers, odd texts and missing bodies among them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
import uvicorn
from fastapi import FastAPI
from schemathesis.checks import not_a_server_error
from schemathesis.config import (
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    StatefulPhaseConfig,
)
from schemathesis.specs.openapi import checks

from app.api.documents import openapi
from app.api.main import ROUTERS, create_app
from app.bootstrap import build
from app.settings import load_settings
from db.embedded import EmbeddedServer
from db.engine import create_database_if_missing, migrate
from scanner.model import Mode
from tests.acceptance.program import free_port
from tests.integration.app.api.conftest import FLOW_STOCKS, IN_SESSION, STOCKS, scan
from tests.patience import wait_for

EXAMPLES = 25
"""Random questions for each address, beside the boundary values of its parameters."""


CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]


@pytest.fixture(scope="module")
def address(server: EmbeddedServer) -> Iterator[str]:
    """The API on a port of its own, with stocks synced and scanned for flow."""
    dsn = server.dsn("contract")
    create_database_if_missing(dsn)
    migrate(dsn, mode=Mode.SIMULATED)
    settings = load_settings(mode=Mode.SIMULATED, DATABASE_URL=dsn, flow_symbols=FLOW_STOCKS)
    services = build(settings, clock=lambda: IN_SESSION)
    scan(services)
    run = services.sync.start(STOCKS)
    for symbol in STOCKS:
        services.sync.run_symbol(run, symbol)
    port = free_port()
    server_of_api = uvicorn.Server(
        uvicorn.Config(create_app(lambda: services), host="127.0.0.1", port=port, log_level="warning", access_log=False)
    )
    thread = threading.Thread(target=server_of_api.run, daemon=True)
    thread.start()
    wait_for(lambda: server_of_api.started, what="the start of the API")
    yield f"http://127.0.0.1:{port}"
    server_of_api.should_exit = True
    thread.join(20)
    services.close()


def described() -> Any:
    """What the document describes, to be asked the same questions each time."""
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    same_each_time = GenerationConfig(
        deterministic=True, database="none", max_examples=EXAMPLES, with_security_parameters=False
    )
    phases = PhasesConfig(stateful=StatefulPhaseConfig(enabled=False))
    project = ProjectConfig(generation=same_each_time, phases=phases)
    config = SchemathesisConfig(seed=1, projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_dict(openapi(app), config=config)


api = described()


def test_the_document_that_is_served_is_the_one_that_is_tested(address: str) -> None:
    served = requests.get(f"{address}/openapi.json", timeout=30).json()
    assert served["paths"] == api.raw_schema["paths"]


@api.parametrize()  # type: ignore[untyped-decorator]
@hypothesis.settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None)
def test_nothing_comes_that_is_not_documented(case: Any, address: str) -> None:
    answer = case.call_and_validate(base_url=address, checks=CHECKS, timeout=30)
    assert answer.status_code != 401, "what is asked without a key is answered here"
