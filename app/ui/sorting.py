"""Ranked rows in another order: by several columns, the first chosen first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from app.ui import keys
from app.ui.tables import SELLER_COLUMNS

DOWN, UP = "↓", "↑"
_FIELDS: Final = {
    **{column.label: column.name for column in SELLER_COLUMNS if column.pattern is not None},
    "Ticker": "symbol",
    "Expiration": "expiration",
    "Grade": "grade",
    "Age": "quote_age_seconds",
}
OPTIONS: Final = tuple(f"{label} {way}" for label in _FIELDS for way in (DOWN, UP))


def choose(prefix: str) -> list[str]:
    """The chosen columns, most important first; none for the ranking by monthly return."""
    return st.multiselect(
        "Sort",
        OPTIONS,
        placeholder="Sort by: Monthly % ↓",
        key=keys.field(prefix, "sort"),
        bind="query-params",
        label_visibility="collapsed",
        width=250,
        help="Several columns: the first counts most. Unknown values come last either way.",
    )


def chosen(prefix: str) -> list[str]:
    """What `choose` holds."""
    return list(st.session_state.get(keys.field(prefix, "sort")) or [])


def in_order(rows: pd.DataFrame, chosen: Sequence[str]) -> pd.DataFrame:
    """`schema.SCAN` rows by the chosen columns; rows that are equal in all of them stay as they were ranked."""
    for option in reversed(chosen):
        label, _, way = option.rpartition(" ")
        rows = rows.sort_values(_FIELDS[label], ascending=way == UP, kind="stable", na_position="last")
    return rows.reset_index(drop=True) if chosen else rows
