"""What the OpenAPI document says of answers: fields of rows from the declared frames, an example, every problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI

from app.api.answers import CSV, JSON, PROBLEM
from scanner.schema import Column, Kind

Described = dict[int | str, dict[str, Any]]
"""What FastAPI takes as `responses`."""

_FORMS: Final[Mapping[Kind, dict[str, Any]]] = {
    "text": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "instant": {"type": "string", "format": "date-time"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "flag": {"type": "boolean"},
}

TEXT: Final = {"type": "string"}
WHOLE_NUMBER: Final = {"type": "integer"}
NUMBER: Final = {"type": "number"}
FLAG: Final = {"type": "boolean"}
INSTANT: Final = _FORMS["instant"]


_NULL: Final = "\0null"


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document with the nulls of its examples, which FastAPI leaves out; a mark stands for them."""
    document: dict[str, Any] = _replaced(FastAPI.openapi(app), _NULL, None)
    return document


def form_of(form: Mapping[str, Any], example: Any) -> dict[str, Any]:
    """One form of an answer with an example."""
    return {"schema": dict(form), "example": _replaced(example, None, _NULL)}


def _replaced(value: Any, old: Any, new: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _replaced(one, old, new) for name, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, old, new) for one in value]
    return new if value == old else value


def or_null(form: Mapping[str, Any]) -> dict[str, Any]:
    return {**form, "type": [form["type"], "null"]}


def list_of(form: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(form)}


def object_of(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An object with exactly these fields."""
    return {"type": "object", "properties": dict(fields), "required": list(fields), "additionalProperties": False}


def row_of(columns: Iterable[Column]) -> dict[str, Any]:
    """A row with these columns: the unit of each as its description, null where it may be unknown."""
    return object_of({column.name: _form(column) for column in columns})


def _form(column: Column) -> dict[str, Any]:
    form = {**_FORMS[column.kind], "description": column.unit}
    if column.least is not None:
        form["minimum"] = column.least
    if column.most is not None:
        form["maximum"] = column.most
    return or_null(form) if column.null else form


_ETAG: Final = {"ETag": {"description": "Send it back as If-None-Match.", "schema": TEXT}}
_LINK: Final = {
    "Link": {
        "description": 'The next page, where there is one: <address>; rel="next".',
        "required": False,
        "schema": TEXT,
    }
}


def found(form: Mapping[str, Any], example: Any, words: str, *, table: bool = True, paged: bool = False) -> Described:
    """An answer of this form as JSON, with `table` as CSV too; and that it has not changed."""
    content: dict[str, Any] = {JSON: form_of(form, example)}
    if table:
        content[CSV] = {"schema": TEXT}
    headers = {**_ETAG, **(_LINK if paged else {})}
    return {
        200: {"description": words, "headers": headers, "content": content},
        304: {"description": "Not changed since the answer whose ETag was sent as If-None-Match."},
    }


def live(form: Mapping[str, Any], example: Any, words: str, *, status: int = 200) -> Described:
    """An answer that is made anew each time, as JSON only."""
    return {status: {"description": words, "content": {JSON: form_of(form, example)}}}


PROBLEM_FORM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": TEXT,
        "title": {**TEXT, "description": "What went wrong, in a few words."},
        "status": WHOLE_NUMBER,
        "detail": {**TEXT, "description": "What happened and what to do next."},
        "errors": list_of(object_of({"where": TEXT, "what": TEXT})),
    },
}

_PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("Bad request", "the body cannot be read (error parsing the body). Send JSON in UTF-8, as /docs shows it"),
    401: (
        "Not allowed",
        "this API needs a key: send it as `X-API-Key`. Make one: python -m app.cli api-keys create NAME",
    ),
    403: ("Not allowed", "this key is for a viewer; this needs one for a trader"),
    404: (
        "Not found",
        "XYZ is not scanned for flow. GET /api/symbols lists the stocks; SCANNER_FLOW_SYMBOLS names those to scan",
    ),
    422: ("The request cannot be read", "Correct query.limit: Input should be less than or equal to 200"),
    503: (
        "The database cannot be used",
        "no database answers at scanner@127.0.0.1:5432/options: connection refused. Start the server",
    ),
}


def problems(*statuses: int) -> Described:
    """Problems with these statuses."""
    return {
        status: {
            "description": _PROBLEMS[status][0],
            "content": {
                PROBLEM: {
                    "schema": PROBLEM_FORM,
                    "example": {
                        "type": "about:blank",
                        "title": _PROBLEMS[status][0],
                        "status": status,
                        "detail": _PROBLEMS[status][1],
                    },
                }
            },
        }
        for status in statuses
    }


READING: Final[Described] = problems(401, 403, 422, 503)
"""What may go wrong wherever stored data are read."""


def fields(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]
