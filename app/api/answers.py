"""Rows as JSON or CSV, whichever the client accepts; problems as problem+json (RFC 9457)."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
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


def answer(
    request: Request,
    value: Sequence[Row] | Row,
    *,
    table: Sequence[Row] | None = None,
    columns: Sequence[str] = (),
    aging: Collection[str] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`value` in the form the client asks for with `Accept`: JSON, or CSV of `table` with `columns` in that order.

    Without `table`, `value` itself is the table, an object a single line. `aging` are fields that change by the
    second while the data stay the same: they do not count for the answer's ETag.
    """
    rows = table if table is not None else [value] if isinstance(value, Mapping) else value
    as_csv = wants_csv(request)
    body = csv_text(rows, columns or (list(rows[0]) if rows else [])).encode() if as_csv else json_bytes(value)
    sent = dict(headers or {})
    if aging:
        lasting = [{name: one for name, one in row.items() if name not in aging} for row in rows]
        sent["ETag"] = weak_tag(CSV if as_csv else JSON, json_bytes(lasting))
    return Response(body, media_type=CSV if as_csv else JSON, headers=sent)


def wants_csv(request: Request) -> bool:
    return CSV in request.headers.get("accept", "")


def weak_tag(*parts: str | bytes) -> str:
    """An ETag of what an answer is made of, where its bytes may differ and mean the same."""
    content = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return f'W/"{hashlib.sha256(content).hexdigest()[:24]}"'


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
