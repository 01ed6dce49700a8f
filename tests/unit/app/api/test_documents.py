from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI

from app import VERSION
from app.api.answers import CSV, JSON, PROBLEM
from app.api.documents import openapi
from app.api.main import ROUTERS

METHODS = ("get", "post")


def document() -> dict[str, Any]:
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    return openapi(app)


DOCUMENT = document()
OPERATIONS = [f"{method} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods]


def answers(operation: str) -> dict[str, Any]:
    method, path = operation.split(" ")
    found: dict[str, Any] = DOCUMENT["paths"][path][method]["responses"]
    return found


def contents() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for operation in OPERATIONS:
        for code, answer in answers(operation).items():
            for form, content in answer.get("content", {}).items():
                yield operation, code, form, content


def test_every_address_of_the_issue_is_there() -> None:
    assert set(OPERATIONS) >= {
        "get /",
        "get /health",
        "get /health/ready",
        "get /metrics",
        "get /api/top-opportunities",
        "get /api/market-sentiment",
        "get /api/stock/{symbol}",
        "get /api/historical/{symbol}",
        "get /api/scan-status",
        "get /api/signal-types",
        "get /api/expiries",
        "get /api/symbols",
        "get /api/premiums",
        "post /api/sync",
        "get /api/sync/status",
    }


@pytest.mark.parametrize(("operation", "code", "form", "content"), list(contents()))
def test_every_form_is_described_and_its_example_is_of_that_form(
    operation: str, code: str, form: str, content: dict[str, Any]
) -> None:
    assert content["schema"], (operation, code, form)
    if "example" in content:
        jsonschema.validate(content["example"], content["schema"])
    elif form == JSON:
        assert (operation, code) == ("", ""), "has no example"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_problems_are_problems_everywhere(operation: str) -> None:
    for code, answer in answers(operation).items():
        if code >= "400":
            assert PROBLEM in answer["content"], code
    assert "422" in answers(operation)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if " /api/" in one])
def test_what_reads_the_data_may_need_a_key_and_a_database(operation: str) -> None:
    assert {"401", "403", "503"} <= set(answers(operation))
    if operation.startswith("get") and "sync" not in operation:
        assert set(answers(operation)["200"]["content"]) == {JSON, CSV}
        assert "304" in answers(operation)


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[4] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION
