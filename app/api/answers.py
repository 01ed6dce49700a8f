"""Rows as JSON or CSV, whichever the client accepts; problems as problem+json (RFC 9457)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from app.services.export import plain_text

JSON: Final = "application/json"
CSV: Final = "text/csv"
PROBLEM: Final = "application/problem+json"

Row = Mapping[str, Any]

_ENCODER: Final = msgspec.json.Encoder()


def json_bytes(value: object) -> bytes:
    """Compact JSON; instants as ISO 8601 in UTC, NaN and unknown as null."""
    return _ENCODER.encode(value)


def answer(request: Request, rows: Sequence[Row] | Row, *, columns: Sequence[str] = ()) -> Response:
    """The rows in the form the client asks for with `Accept`: JSON, or CSV with `columns` in that order."""
    if CSV in request.headers.get("accept", ""):
        table = [rows] if isinstance(rows, Mapping) else rows
        return Response(csv_text(table, columns or (list(table[0]) if table else [])), media_type=CSV)
    return Response(json_bytes(rows), media_type=JSON)


def csv_text(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """A header and a line for each row; unknown is empty, a text that spreadsheets would run is defused."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if value is None or value != value:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return plain_text(value) if isinstance(value, str) else value


def problem(status: int, title: str, detail: str, **members: object) -> Response:
    """What went wrong and what to do, in the form every error of the API has."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return Response(json_bytes(body), status_code=status, media_type=PROBLEM)
