"""Declared frames: what is converted, and what is left to `validate`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scanner.schema import Column, Schema, as_declared, validate

THREE = Schema(
    "three",
    (
        Column("symbol", "text", "-"),
        Column("expiration", "date", "-"),
        Column("seen_at", "instant", "-"),
        Column("price", "number", "$", null=True),
        Column("count", "integer", "-"),
        Column("known", "flag", "-"),
    ),
)


def as_it_comes() -> pd.DataFrame:
    """Columns in another order and other dtypes, as PostgreSQL or a computation gives them, and one too many."""
    return pd.DataFrame(
        {
            "known": np.array([1, 0]),
            "extra": [1, 2],
            "count": np.array([3.0, 4.0]),
            "price": np.array([None, 2], dtype=object),
            "seen_at": [datetime(2026, 11, 25, 15, 0, tzinfo=UTC)] * 2,
            "expiration": [pd.Timestamp(date(2026, 12, 18))] * 2,
            "symbol": np.array(["KO", "PEP"], dtype=object),
        }
    )


def test_columns_come_in_the_declared_order_and_dtypes_with_their_values() -> None:
    frame = validate(as_declared(as_it_comes(), THREE), THREE)
    assert list(frame) == ["symbol", "expiration", "seen_at", "price", "count", "known"]
    assert frame["symbol"].tolist() == ["KO", "PEP"]
    assert frame["expiration"].tolist() == [pd.Timestamp("2026-12-18")] * 2
    assert frame["seen_at"].tolist() == [pd.Timestamp("2026-11-25T15:00Z")] * 2
    assert np.isnan(frame["price"].iloc[0])
    assert frame["price"].iloc[1] == 2.0
    assert frame["count"].tolist() == [3, 4]
    assert frame["known"].tolist() == [True, False]


def test_the_given_frame_stays_as_it_was() -> None:
    frame = as_it_comes()
    as_declared(frame, THREE)
    pd.testing.assert_frame_equal(frame, as_it_comes())


def test_what_is_declared_already_is_left_alone() -> None:
    declared = as_declared(as_it_comes(), THREE)
    pd.testing.assert_frame_equal(as_declared(declared, THREE), declared)


def test_an_empty_frame_keeps_its_columns() -> None:
    for empty in (THREE.empty(), as_it_comes()[:0]):
        assert validate(as_declared(empty, THREE), THREE).empty


def test_a_column_that_is_missing_is_named() -> None:
    with pytest.raises(KeyError, match="price"):
        as_declared(as_it_comes().drop(columns="price"), THREE)


@pytest.mark.parametrize(
    ("column", "values"),
    [("count", [1.0, np.nan]), ("price", ["2", "two"]), ("expiration", ["2026-12-18", "soon"])],
)
def test_what_cannot_be_converted_is_refused_and_never_made_up(column: str, values: list[Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 pandas' own words differ by column
        as_declared(as_it_comes().assign(**{column: pd.Series(values)}), THREE)
