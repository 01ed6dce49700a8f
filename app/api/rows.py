"""Rows of declared frames as plain values, under the names they have in answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pandas as pd

from app.services.flow import FlowService
from scanner.schema import SCAN, Column, Schema

MODE: Final = Column("mode", "text", "live, simulated or recorded")
AGES: Final = tuple(
    column for column in SCAN.columns if column.name in ("quote_age_seconds", "age_is_minimum", "age_state")
)
AGING: Final = frozenset({"quote_age_seconds"})
"""What changes by the second while the data stay the same."""

_SAME: Final[Mapping[str, str]] = {}

WHOLE: Final = "whole number"
"""The unit of numbers that are written without a fraction."""


def renamed(schema: Schema, names: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns of a frame under their names in answers."""
    return tuple(replace(column, name=names.get(column.name, column.name)) for column in schema.columns)


def rows_of(
    frame: pd.DataFrame, schema: Schema, names: Mapping[str, str] = _SAME, **constants: Any
) -> list[dict[str, Any]]:
    """The rows of a declared frame: dates as dates, unknown as None, `constants` in each.

    `names` are those of columns that have another name in answers.
    """
    values = [_plain(frame[column.name], column) for column in schema.columns]
    keys = [names.get(name, name) for name in schema.names]
    return [dict(zip(keys, row, strict=True), **constants) for row in zip(*values, strict=True)]


def with_ages(rows: list[dict[str, Any]], frame: pd.DataFrame, flow: FlowService) -> list[dict[str, Any]]:
    """The same rows with the ages of their quotes now."""
    times = (frame[name].to_numpy(dtype="datetime64[us]") for name in ("quote_time", "answer_time"))
    ages = flow.ages(*times)
    seconds = [None if one != one else one for one in ages.seconds.tolist()]
    names = [column.name for column in AGES]
    return [
        {**row, **dict(zip(names, age, strict=True))}
        for row, *age in zip(rows, seconds, ages.is_minimum.tolist(), ages.state.tolist(), strict=True)
    ]


def _plain(values: pd.Series, column: Column) -> list[Any]:
    if column.kind == "date":
        return [None if pd.isna(one) else one.date() for one in values]
    if column.kind == "instant":
        return [None if pd.isna(one) else one.to_pydatetime() for one in values]
    known = list(values.astype(object).where(values.notna(), None))
    return [None if one is None else int(one) for one in known] if column.unit == WHOLE else known
