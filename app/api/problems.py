"""Every error of the program as a problem: what happened and what to do next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.api.access import NotAllowedError
from app.api.answers import problem
from app.log import redact
from scanner.errors import DatabaseError, InputError, ScannerError, SymbolError

logger = structlog.get_logger(__name__)

_TITLES: Final = {
    400: "Bad request",
    401: "Not allowed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
}


class NotThereError(ScannerError):
    """What was asked for is not stored. The message says what is, or how it gets there."""


def install(app: FastAPI) -> None:
    """Answer with problem+json whatever goes wrong."""
    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        NotAllowedError: _not_allowed,
        NotThereError: _not_there,
        RequestValidationError: _not_valid,
        HTTPException: _http,
        ScannerError: _ours,
        Exception: _fault,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _not_allowed(_: Request, error: NotAllowedError) -> Response:
    answer = problem(error.status, _TITLES[error.status], str(error))
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def _not_valid(_: Request, error: RequestValidationError) -> Response:
    problems = [
        {"where": ".".join(str(part) for part in one["loc"]), "what": str(one["msg"])} for one in error.errors()
    ]
    said = "; ".join(f"{one['where']}: {one['what']}" for one in problems)
    return problem(422, "The request cannot be read", f"Correct {said}", errors=problems)


async def _not_there(_: Request, error: NotThereError) -> Response:
    return problem(404, _TITLES[404], str(error))


async def _http(request: Request, error: HTTPException) -> Response:
    detail = str(error.detail)
    if error.status_code == 400:
        detail = f"the body cannot be read ({detail}). Send JSON in UTF-8, as /docs shows it"
    if error.status_code == 404:
        detail = "nothing is at this address. GET / lists what there is, /docs describes it"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{request.method} is not possible at this address. Use {allowed}"
    answer = problem(error.status_code, _TITLES.get(error.status_code, "Problem"), detail)
    answer.headers.update(error.headers or {})
    return answer


async def _ours(_: Request, error: ScannerError) -> Response:
    if isinstance(error, InputError | SymbolError):
        return problem(422, "The request cannot be answered", redact(str(error)))
    if isinstance(error, DatabaseError):
        return problem(503, "The database cannot be used", redact(str(error)))
    return problem(503, "Not available", redact(str(error)))


async def _fault(request: Request, error: Exception) -> Response:
    logger.error("fault of the program", path=request.url.path, error=type(error).__name__, exc_info=error)
    return problem(500, "A fault of this program", "Its log has the details. Report it.")
